import { Failure } from '@aws-deploy-actions/action-runtime'
import {
  AwsError,
  type Calling,
  call,
  PermissionError,
  parseImageReference,
  sdkConfig,
} from '@aws-deploy-actions/aws-clients'
import { DescribeRepositoriesCommand, type Repository as Description, ECRClient } from '@aws-sdk/client-ecr'
import {
  DescribeRepositoriesCommand as DescribePublicRepositoriesCommand,
  ECRPUBLICClient,
} from '@aws-sdk/client-ecr-public'
import { PUBLIC_REGION } from './ecr-login.ts'
import { isLoopback } from './http-exchange.ts'
import { MISSING_REPOSITORY } from './repository.ts'
import { arnOfAddress } from './repository-arn.ts'

/** A repository as an input names it. */
export interface RepositoryName {
  readonly registry: 'private' | 'public'
  /** as AWS names it: without host, account and alias */
  readonly name: string
  /** account of a private registry, alias of a public one; undefined: the caller's own */
  readonly owner: string | undefined
  /** undefined: the step's region */
  readonly region: string | undefined
  /** the address that was given, when it was a full one */
  readonly uri: string | undefined
}

/** A repository that AWS, or the user, gave the address of. */
export interface EcrRepository {
  readonly registry: 'private' | 'public'
  readonly name: string
  /** `host/path`, what docker pulls */
  readonly uri: string
  /** `ecr:NAME` or `ecr-public:ALIAS/NAME`: tells neither account nor host */
  readonly reference: string
  /** of its API: us-east-1 for ECR Public */
  readonly region: string
  /** account of a private registry; undefined: the caller's own */
  readonly account: string | undefined
  /** where it is known: AWS told it, or the address does */
  readonly arn: string | undefined
  /** whether images are scanned when they arrive; undefined where it may not be asked, or in ECR Public */
  readonly scanOnPush: boolean | undefined
  /** whether a tag, once set, stays; undefined where it may not be asked */
  readonly keeps: (tag: string) => boolean | undefined
}

/** There is no such repository. */
export class RepositoryMissing extends Failure {
  override readonly name = 'RepositoryMissing'
}

// Amazon ECR API Reference, CreateRepository: repositoryName, 2 to 256 characters.
const NAME = /^(?=.{2,256}$)(?:[a-z0-9]+(?:[._-]+[a-z0-9]+)*\/)*[a-z0-9]+(?:[._-]+[a-z0-9]+)*$/
const ALLOWED =
  'allowed is a repository name such as team/app, or ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME or public.ecr.aws/ALIAS/NAME without a tag'

/**
 * Reads a repository name or full URI; a URI of ECR says by itself which registry it is of.
 * @throws Error that says what is allowed
 */
export function parseRepositoryName(text: string, registry: 'private' | 'public'): RepositoryName {
  const host = text.split('/')[0] ?? ''
  if (isLoopback(host) && host.includes(':')) {
    const path = text.slice(host.length + 1)
    const name = registry === 'public' ? path.slice(path.indexOf('/') + 1) : path
    if (!NAME.test(name)) throw new Error(ALLOWED)
    const owner = registry === 'public' ? path.slice(0, path.indexOf('/')) : undefined
    return { registry, name, owner, region: undefined, uri: text }
  }
  const reference = parsed(text)
  if (reference.registry === 'other') {
    // ECR would take a misspelt address of its own for a name.
    if (!NAME.test(text) || /\.(?:amazonaws\.com(?:\.cn)?|on\.aws)$/.test(host)) throw new Error(ALLOWED)
    return { registry, name: text, owner: undefined, region: undefined, uri: undefined }
  }
  if (reference.version !== '' || !NAME.test(reference.repository)) throw new Error(ALLOWED)
  if (reference.registry === 'private') {
    if (registry === 'public') throw new Error('is in a private registry, where registry says public')
    return {
      registry: 'private',
      name: reference.repository,
      owner: reference.accountId,
      region: reference.region,
      uri: reference.uri,
    }
  }
  return {
    registry: 'public',
    name: reference.repository,
    owner: reference.alias,
    region: undefined,
    uri: reference.uri ?? `public.ecr.aws/${reference.alias}/${reference.repository}`,
  }
}

function parsed(text: string): ReturnType<typeof parseImageReference> {
  try {
    return parseImageReference(text)
  } catch {
    throw new Error(ALLOWED)
  }
}

/**
 * Asks ECR where a repository is; its answer counts, also for a full URI. Where the role may not ask, a full URI stays as
 * it was given, and a name is looked for in the registry that the login named.
 *
 * @throws RepositoryMissing with AWS's words; PermissionError
 */
export async function ecrRepository(
  wanted: RepositoryName,
  region: string,
  calling: Calling,
  loginHost: () => Promise<string | undefined>,
): Promise<EcrRepository> {
  const { registry, name, uri } = wanted
  try {
    const found =
      registry === 'private'
        ? await privateRepository(wanted, region, calling)
        : await publicRepository(wanted, calling)
    if (found !== undefined) return found
  } catch (error) {
    if (error instanceof AwsError && error.code === 'RepositoryNotFoundException') {
      // A registry on this machine need not be the one that the API speaks for: it decides itself.
      if (uri === undefined || !isLoopback(uri.split('/')[0] ?? '')) throw missing(wanted, error)
    } else if (error instanceof PermissionError) {
      const host = uri === undefined && registry === 'private' ? await loginHost() : undefined
      const address = uri ?? (host === undefined ? undefined : `${host}/${name}`)
      if (address === undefined) throw error
      calling.log.notice('Repository not looked up', `${error.message} It is taken to be at ${address}.`)
      return repositoryAt(wanted, region, address)
    } else throw error
  }
  if (uri === undefined) throw missing(wanted)
  return repositoryAt(wanted, region, uri)
}

async function privateRepository(
  wanted: RepositoryName,
  region: string,
  calling: Calling,
): Promise<EcrRepository | undefined> {
  const { name, owner, region: own, uri } = wanted
  const ecr = new ECRClient(sdkConfig(own ?? region))
  const { repositories = [] } = await call('ecr:DescribeRepositories', calling, options =>
    ecr.send(
      new DescribeRepositoriesCommand({
        repositoryNames: [name],
        ...(owner === undefined ? {} : { registryId: owner }),
      }),
      options,
    ),
  )
  const [found] = repositories
  if (found?.repositoryUri === undefined) return undefined
  if (uri !== undefined && isLoopback(uri.split('/')[0] ?? '') && uri !== found.repositoryUri) return undefined
  return privateRepositoryIn(wanted, region, found)
}

/** A private repository as the API describes it; undefined without its address. */
export function privateRepositoryIn(
  wanted: RepositoryName,
  region: string,
  found: Description,
): EcrRepository | undefined {
  if (found.repositoryUri === undefined) return undefined
  const filters = (found.imageTagMutabilityExclusionFilters ?? []).flatMap(({ filter }) =>
    filter === undefined ? [] : [filter],
  )
  const mutability = found.imageTagMutability ?? 'MUTABLE'
  return {
    ...repositoryAt(wanted, region, found.repositoryUri, found.repositoryArn),
    scanOnPush: found.imageScanningConfiguration?.scanOnPush,
    keeps: tag => tagIsKept(mutability, filters, tag),
  }
}

/** Public repositories have no immutable tags (Amazon ECR Public User Guide). */
async function publicRepository(wanted: RepositoryName, calling: Calling): Promise<EcrRepository | undefined> {
  const { name, owner, uri } = wanted
  const ecr = new ECRPUBLICClient(sdkConfig(PUBLIC_REGION))
  const { repositories = [] } = await call('ecr-public:DescribeRepositories', calling, options =>
    ecr.send(new DescribePublicRepositoriesCommand({ repositoryNames: [name] }), options),
  )
  const found = repositories.find(
    ({ repositoryUri }) => owner === undefined || repositoryUri?.endsWith(`/${owner}/${name}`) === true,
  )
  if (found?.repositoryUri === undefined) return undefined
  if (uri !== undefined && isLoopback(uri.split('/')[0] ?? '') && uri !== found.repositoryUri) return undefined
  return publicRepositoryAt(wanted, found.repositoryUri, found.repositoryArn)
}

export function publicRepositoryAt(wanted: RepositoryName, uri: string, arn: string | undefined): EcrRepository {
  return { ...repositoryAt(wanted, PUBLIC_REGION, uri, arn), keeps: () => false }
}

function repositoryAt(
  { registry, name, owner, region: own }: RepositoryName,
  region: string,
  uri: string,
  arn = arnOfAddress(uri),
): EcrRepository {
  const path = uri.slice(uri.indexOf('/') + 1)
  const isPrivate = registry === 'private'
  return {
    registry,
    name,
    uri,
    reference: isPrivate ? `ecr:${name}` : `ecr-public:${path}`,
    region: isPrivate ? (own ?? region) : PUBLIC_REGION,
    account: isPrivate ? owner : undefined,
    arn,
    scanOnPush: undefined,
    keeps: () => undefined,
  }
}

/**
 * Whether a tag of a repository cannot be moved (Amazon ECR User Guide, "Preventing image tags from being overwritten").
 * @param mutability MUTABLE, IMMUTABLE, or one of them `_WITH_EXCLUSION` of the tags that `filters` (with `*`) match
 */
export function tagIsKept(mutability: string, filters: readonly string[], tag: string): boolean {
  const immutable = mutability.startsWith('IMMUTABLE')
  if (!mutability.endsWith('_WITH_EXCLUSION')) return immutable
  const excluded = filters.some(filter => {
    const pattern = filter.split('*').map(part => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    return new RegExp(`^${pattern.join('.*')}$`).test(tag)
  })
  return immutable !== excluded
}

function missing({ name, registry, owner }: RepositoryName, error?: AwsError): RepositoryMissing {
  const where = owner === undefined ? '' : ` of ${owner}`
  return new RepositoryMissing(`The ${registry} repository ${name}${where} does not exist.`, {
    resource: name,
    ...(error?.details.said === undefined ? {} : { said: error.details.said }),
    next: [MISSING_REPOSITORY],
  })
}
