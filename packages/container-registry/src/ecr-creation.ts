import { Failure } from '@aws-deploy-actions/action-runtime'
import { AwsError, type Calling, call, sdkConfig } from '@aws-deploy-actions/aws-clients'
import {
  CreateRepositoryCommand,
  DescribeRepositoriesCommand,
  type Repository as Description,
  ECRClient,
  PutLifecyclePolicyCommand,
} from '@aws-sdk/client-ecr'
import {
  CreateRepositoryCommand as CreatePublicRepositoryCommand,
  DescribeRepositoriesCommand as DescribePublicRepositoriesCommand,
  ECRPUBLICClient,
} from '@aws-sdk/client-ecr-public'
import { PUBLIC_REGION } from './ecr-login.ts'
import { type EcrRepository, privateRepositoryIn, publicRepositoryAt, type RepositoryName } from './ecr-repository.ts'

/** What a new private repository is made with. */
export interface RepositorySettings {
  readonly immutableTags: boolean
  readonly scanOnPush: boolean
  /** JSON, as PutLifecyclePolicy takes it */
  readonly lifecyclePolicy: string | undefined
}

/**
 * Makes a repository in the caller's own registry. One that somebody else made in the meantime is taken as it is.
 * @param settings not for ECR Public, which has none of them
 * @throws Failure for a repository of another account, or whose lifecycle policy AWS refused; PermissionError, AwsError
 */
export async function createdRepository(
  wanted: RepositoryName,
  settings: RepositorySettings,
  region: string,
  calling: Calling,
): Promise<EcrRepository> {
  const made =
    wanted.registry === 'private'
      ? await createdPrivately(wanted, settings, wanted.region ?? region, calling)
      : await createdPublicly(wanted, calling)
  if (made !== undefined) return made
  throw new Failure(`The ${wanted.registry} repository ${wanted.name} could not be created where it should be.`, {
    resource: wanted.uri ?? wanted.name,
    cause: 'A repository can only be created in the registry that the credentials belong to.',
    next: ['Use credentials of that account, or create the repository there beforehand.'],
  })
}

async function createdPrivately(
  wanted: RepositoryName,
  { immutableTags, scanOnPush, lifecyclePolicy }: RepositorySettings,
  region: string,
  calling: Calling,
): Promise<EcrRepository | undefined> {
  const ecr = new ECRClient(sdkConfig(region))
  const registryId = wanted.owner === undefined ? {} : { registryId: wanted.owner }
  const described = async (): Promise<Description | undefined> => {
    const { repositories = [] } = await call('ecr:DescribeRepositories', calling, options =>
      ecr.send(new DescribeRepositoriesCommand({ ...registryId, repositoryNames: [wanted.name] }), options),
    )
    return repositories[0]
  }
  const { made, found } = await orExisting(async () => {
    const { repository } = await call('ecr:CreateRepository', calling, options =>
      ecr.send(
        new CreateRepositoryCommand({
          ...registryId,
          repositoryName: wanted.name,
          imageTagMutability: immutableTags ? 'IMMUTABLE' : 'MUTABLE',
          imageScanningConfiguration: { scanOnPush },
        }),
        options,
      ),
    )
    return repository
  }, described)
  if (found === undefined) return undefined
  calling.log.info(
    made ? `Created the repository ${wanted.name}.` : `The repository ${wanted.name} has been created meanwhile.`,
  )
  // A creation whose answer was lost looks like somebody else's: its policy is missing then, and put again does no harm.
  if (lifecyclePolicy !== undefined) await putLifecyclePolicy(ecr, wanted, registryId, lifecyclePolicy, calling)
  return privateRepositoryIn(wanted, region, found)
}

async function putLifecyclePolicy(
  ecr: ECRClient,
  { name }: RepositoryName,
  registryId: { registryId?: string },
  lifecyclePolicyText: string,
  calling: Calling,
): Promise<void> {
  try {
    await call('ecr:PutLifecyclePolicy', calling, options =>
      ecr.send(new PutLifecyclePolicyCommand({ ...registryId, repositoryName: name, lifecyclePolicyText }), options),
    )
  } catch (error) {
    if (!(error instanceof AwsError)) throw error
    throw new Failure(
      `The repository ${name} was created, but AWS refused its lifecycle policy.`,
      {
        ...error.details,
        resource: name,
        next: ['Correct the file of lifecycle-policy, and put it by hand this time.'],
      },
      { cause: error },
    )
  }
}

async function createdPublicly(wanted: RepositoryName, calling: Calling): Promise<EcrRepository | undefined> {
  const ecr = new ECRPUBLICClient(sdkConfig(PUBLIC_REGION))
  const { made, found } = await orExisting(
    async () => {
      const { repository } = await call('ecr-public:CreateRepository', calling, options =>
        ecr.send(new CreatePublicRepositoryCommand({ repositoryName: wanted.name }), options),
      )
      return repository
    },
    async () => {
      const { repositories = [] } = await call('ecr-public:DescribeRepositories', calling, options =>
        ecr.send(new DescribePublicRepositoriesCommand({ repositoryNames: [wanted.name] }), options),
      )
      return repositories[0]
    },
  )
  const uri = found?.repositoryUri
  if (uri === undefined) return undefined
  calling.log.info(
    made
      ? `Created the public repository ${wanted.name}.`
      : `The repository ${wanted.name} has been created meanwhile.`,
  )
  return wanted.owner === undefined || uri.endsWith(`/${wanted.owner}/${wanted.name}`)
    ? publicRepositoryAt(wanted, uri, found?.repositoryArn)
    : undefined
}

async function orExisting<Found>(
  create: () => Promise<Found | undefined>,
  existing: () => Promise<Found | undefined>,
): Promise<{ made: boolean; found: Found | undefined }> {
  try {
    return { made: true, found: await create() }
  } catch (error) {
    if (!(error instanceof AwsError) || error.code !== 'RepositoryAlreadyExistsException') throw error
    return { made: false, found: await existing() }
  }
}
