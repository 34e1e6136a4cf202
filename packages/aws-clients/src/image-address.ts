import { Failure } from '@aws-deploy-actions/action-runtime'
import { DescribeRepositoriesCommand, ECRClient } from '@aws-sdk/client-ecr'
import {
  DescribeRepositoriesCommand as DescribePublicRepositoriesCommand,
  ECRPUBLICClient,
} from '@aws-sdk/client-ecr-public'
import { type Calling, call } from './calls.ts'
import { AwsError, PermissionError } from './errors.ts'
import type { ImageReference } from './image-reference.ts'
import { sdkConfig } from './sdk-config.ts'

/**
 * The reference as the address that a container runtime pulls from. DescribeRepositories decides, also for full URIs of
 * ECR; where that call is denied, a full URI stays as given, with a notice.
 *
 * @param region of the step; a full URI's own region wins
 * @throws Failure when the repository does not exist; PermissionError for a short form that may not be looked up
 */
export async function imageAddress(reference: ImageReference, region: string, calling: Calling): Promise<string> {
  if (reference.registry === 'other') return reference.uri
  try {
    const uri = await (reference.registry === 'private'
      ? privateUri(reference, region, calling)
      : publicUri(reference, calling))
    if (uri !== undefined) return `${uri}${reference.version}`
  } catch (error) {
    if (reference.uri !== undefined && error instanceof PermissionError) {
      calling.log.notice('Repository not looked up', `${error.message} The image is used as given: ${reference.uri}`)
      return reference.uri
    }
    if (error instanceof AwsError && error.code === 'RepositoryNotFoundException') {
      // A pull-through cache makes the repository at the first pull (ECR User Guide); the address is known already.
      if (reference.uri !== undefined) return reference.uri
      throw new Failure(`The image repository ${reference.repository} does not exist.`, {
        ...error.details,
        next: [
          'Correct the name, the region or the account, or create the repository (ecr-push can: create-repository).',
        ],
      })
    }
    throw error
  }
  if (reference.uri !== undefined) return reference.uri
  throw new Failure(`The image repository ${reference.repository} does not exist.`, {
    next: ['Correct the name, the region or the account.'],
  })
}

async function privateUri(
  { accountId, repository, region: own }: Extract<ImageReference, { registry: 'private' }>,
  region: string,
  calling: Calling,
): Promise<string | undefined> {
  const ecr = new ECRClient(sdkConfig(own ?? region))
  const { repositories = [] } = await call('ecr:DescribeRepositories', calling, options =>
    ecr.send(
      new DescribeRepositoriesCommand({
        repositoryNames: [repository],
        ...(accountId === undefined ? {} : { registryId: accountId }),
      }),
      options,
    ),
  )
  return repositories[0]?.repositoryUri
}

// ECR Public's API exists in us-east-1 only (AWS General Reference, "Amazon ECR Public endpoints"). It lists the
// caller's own repositories; those of others keep their address.
async function publicUri(
  { alias, repository }: Extract<ImageReference, { registry: 'public' }>,
  calling: Calling,
): Promise<string | undefined> {
  const ecr = new ECRPUBLICClient(sdkConfig('us-east-1'))
  try {
    const { repositories = [] } = await call('ecr-public:DescribeRepositories', calling, options =>
      ecr.send(new DescribePublicRepositoriesCommand({ repositoryNames: [repository] }), options),
    )
    const found = repositories.find(({ repositoryUri }) => repositoryUri?.endsWith(`/${alias}/${repository}`))
    if (found?.repositoryUri !== undefined) return found.repositoryUri
  } catch (error) {
    if (!(error instanceof AwsError && error.code === 'RepositoryNotFoundException')) throw error
  }
  return `public.ecr.aws/${alias}/${repository}`
}
