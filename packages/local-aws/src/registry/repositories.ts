import { AwsError } from '../service.ts'
import type { Manifest } from './manifest.ts'

/** One registry of AWS: private ones are told apart by account and region, the public one by account alone. */
export interface RegistryScope {
  readonly kind: 'private' | 'public'
  /** account */
  readonly registryId: string
  /** public repositories are all in us-east-1 */
  readonly region: string
}

export interface StoredImage {
  readonly digest: string
  /** byte for byte as pushed */
  readonly bytes: Buffer
  readonly manifest: Manifest
  /** of the first push of this digest; a further tag does not refresh it */
  readonly pushedAt: Date
  /** layers and configuration, of an index the sum of its parts, in bytes */
  readonly size: number
  pulledAt: Date | undefined
}

export type TagMutability = 'MUTABLE' | 'IMMUTABLE' | 'MUTABLE_WITH_EXCLUSION' | 'IMMUTABLE_WITH_EXCLUSION'

export interface RepositorySettings {
  mutability: TagMutability
  /** wildcard patterns (`*`) of tags for which the opposite holds */
  exclusions: readonly string[]
  scanOnPush: boolean
  encryption: { readonly encryptionType: 'AES256' | 'KMS' | 'KMS_DSSE'; readonly kmsKey?: string }
}

export interface Repository {
  readonly scope: RegistryScope
  readonly name: string
  readonly arn: string
  /** as DescribeRepositories shows it: `127.0.0.1:PORT/name`, public `127.0.0.1:PORT/alias/name` */
  readonly uri: string
  readonly createdAt: Date
  readonly settings: RepositorySettings
  readonly resourceTags: Map<string, string>
  lifecyclePolicy: { readonly text: string; readonly evaluatedAt: Date } | undefined
  policy: string | undefined
  /** layers that were uploaded or mounted here; others of the store cannot be read through this repository */
  readonly blobs: Set<string>
  /** by digest */
  readonly images: Map<string, StoredImage>
  readonly tags: Map<string, { readonly digest: string; readonly createdAt: Date }>
}

/** Text of moto's `ecr/exceptions.py`, and of AWS in aws/containers-roadmap and docker errors quoted there. */
export function repositoryNotFound(name: string, registryId: string): AwsError {
  return new AwsError(
    'RepositoryNotFoundException',
    `The repository with name '${name}' does not exist in the registry with id '${registryId}'`,
  )
}

export function repositoryAlreadyExists(name: string, registryId: string): AwsError {
  return new AwsError(
    'RepositoryAlreadyExistsException',
    `The repository with name '${name}' already exists in the registry with id '${registryId}'`,
  )
}

/** AWS's sentences: aws-samples/aws-msk-content-streaming issue 3, aws/aws-dotnet-deploy issue 549. */
const namePattern = '(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*'
const validName = new RegExp(`^${namePattern}$`)

function checkName(name: string, shortest: number, longest: number): void {
  const broken =
    name.length < shortest
      ? `must have length greater than or equal to ${shortest}`
      : name.length > longest
        ? `must have length less than or equal to ${longest}`
        : `must satisfy regular expression '${namePattern}'`
  if (name.length >= shortest && name.length <= longest && validName.test(name)) return
  throw new AwsError(
    'InvalidParameterException',
    `Invalid parameter at 'repositoryName' failed to satisfy constraint: '${broken}'`,
  )
}

function key(scope: RegistryScope, name: string): string {
  return `${scope.kind} ${scope.registryId} ${scope.region} ${name}`
}

export class Repositories {
  readonly #all = new Map<string, Repository>()
  readonly #address: (scope: RegistryScope) => string
  readonly #now: () => Date

  /** @param address what stands before a repository's name in its URI */
  constructor(address: (scope: RegistryScope) => string, now: () => Date) {
    this.#address = address
    this.#now = now
  }

  arn(scope: RegistryScope, name: string): string {
    return scope.kind === 'public'
      ? `arn:aws:ecr-public::${scope.registryId}:repository/${name}`
      : `arn:aws:ecr:${scope.region}:${scope.registryId}:repository/${name}`
  }

  /** @throws AwsError InvalidParameterException, RepositoryAlreadyExistsException */
  create(scope: RegistryScope, name: string, settings: Partial<RepositorySettings> = {}): Repository {
    // private names have 2 to 256 characters, public ones 2 to 205 (API references of CreateRepository)
    checkName(name, 2, scope.kind === 'public' ? 205 : 256)
    if (this.#all.has(key(scope, name))) throw repositoryAlreadyExists(name, scope.registryId)
    const repository: Repository = {
      scope,
      name,
      arn: this.arn(scope, name),
      uri: `${this.#address(scope)}/${name}`,
      createdAt: this.#now(),
      settings: {
        mutability: settings.mutability ?? 'MUTABLE',
        exclusions: settings.exclusions ?? [],
        scanOnPush: settings.scanOnPush ?? false,
        encryption: settings.encryption ?? { encryptionType: 'AES256' },
      },
      resourceTags: new Map(),
      lifecyclePolicy: undefined,
      policy: undefined,
      blobs: new Set(),
      images: new Map(),
      tags: new Map(),
    }
    this.#all.set(key(scope, name), repository)
    return repository
  }

  find(scope: RegistryScope, name: string): Repository | undefined {
    if (scope.region !== '*') return this.#all.get(key(scope, name))
    return this.#values().find(
      candidate =>
        candidate.name === name &&
        candidate.scope.kind === scope.kind &&
        candidate.scope.registryId === scope.registryId,
    )
  }

  /** The account's own repository; where it has none of that name, that of another account in the same region. */
  ofAnyAccount(scope: RegistryScope, name: string): Repository | undefined {
    const others = ({ scope: { kind, region }, name: called }: Repository): boolean =>
      kind === scope.kind && region === scope.region && called === name
    return this.find(scope, name) ?? this.#values().find(others)
  }

  /** @throws AwsError RepositoryNotFoundException */
  get(scope: RegistryScope, name: string): Repository {
    const repository = this.find(scope, name)
    if (repository === undefined) throw repositoryNotFound(name, scope.registryId)
    return repository
  }

  #values(): Repository[] {
    return [...this.#all.values()]
  }

  /** in the order of their creation */
  list(scope: RegistryScope): Repository[] {
    const own = (candidate: Repository): boolean =>
      candidate.scope.kind === scope.kind &&
      candidate.scope.registryId === scope.registryId &&
      candidate.scope.region === scope.region
    return this.#values().filter(own)
  }

  delete(repository: Repository): void {
    this.#all.delete(key(repository.scope, repository.name))
  }
}
