import type { Readable } from 'node:stream'
import { AwsError, type Need } from '../service.ts'
import type { BlobStore } from './blob-store.ts'
import { findImage, putImage, referenceOf } from './images.ts'
import { parseManifest } from './manifest.ts'
import type { RegistryScope, Repositories, StoredImage } from './repositories.ts'

/** Where a pull-through cache gets its images from. Names are the upstream's own. */
export interface Upstream {
  manifest(
    repository: string,
    reference: string,
  ): Promise<{ readonly bytes: Buffer; readonly mediaType: string } | undefined>
  blob(repository: string, digest: string): Promise<Readable>
}

export interface PullThroughRule {
  readonly prefix: string
  /** e.g. `public.ecr.aws`, `210987654321.dkr.ecr.eu-west-1.amazonaws.com` */
  readonly upstreamUrl: string
  /** put before the name when asking upstream; `ROOT` puts nothing */
  readonly upstreamPrefix: string
  readonly credentialArn: string | undefined
  readonly customRoleArn: string | undefined
  readonly createdAt: Date
}

function key(scope: RegistryScope): string {
  return `${scope.registryId} ${scope.region}`
}

/**
 * Rules under which repositories appear at the first pull: prefix `hub` makes `hub/library/node` a copy of the
 * upstream's `library/node` ("Sync an upstream registry", ECR user guide).
 */
export class PullThrough {
  readonly #rules = new Map<string, PullThroughRule[]>()
  readonly #repositories: Repositories
  readonly #store: BlobStore
  readonly #upstream: (url: string) => Upstream | undefined
  readonly #now: () => Date

  /** @param upstream gives access to an upstream registry by its URL; one it does not know is never reached */
  constructor(
    repositories: Repositories,
    store: BlobStore,
    upstream: (url: string) => Upstream | undefined,
    now: () => Date,
  ) {
    this.#repositories = repositories
    this.#store = store
    this.#upstream = upstream
    this.#now = now
  }

  rules(scope: RegistryScope): readonly PullThroughRule[] {
    return this.#rules.get(key(scope)) ?? []
  }

  /** @throws AwsError PullThroughCacheRuleAlreadyExistsException */
  addRule(scope: RegistryScope, rule: Omit<PullThroughRule, 'createdAt'>): PullThroughRule {
    if (this.rules(scope).some(other => other.prefix === rule.prefix)) {
      throw new AwsError(
        'PullThroughCacheRuleAlreadyExistsException',
        `A pull through cache rule with repository prefix '${rule.prefix}' already exists in the registry with id '${scope.registryId}'`,
      )
    }
    const added = { ...rule, createdAt: this.#now() }
    this.#rules.set(key(scope), [...this.rules(scope), added])
    return added
  }

  removeRule(scope: RegistryScope, prefix: string): PullThroughRule | undefined {
    const removed = this.rules(scope).find(rule => rule.prefix === prefix)
    this.#rules.set(
      key(scope),
      this.rules(scope).filter(rule => rule !== removed),
    )
    return removed
  }

  #ruleFor(scope: RegistryScope, name: string): PullThroughRule | undefined {
    const fitting = this.rules(scope).filter(rule => rule.prefix === 'ROOT' || name.startsWith(`${rule.prefix}/`))
    return fitting.sort((one, other) => other.prefix.length - one.prefix.length)[0]
  }

  /** a region of this account whose rules fit the name, for requests that name no region */
  regionFor(registryId: string, name: string): string | undefined {
    for (const id of this.#rules.keys()) {
      const [owner, region] = id.split(' ')
      if (owner !== registryId || region === undefined) continue
      if (this.#ruleFor({ kind: 'private', registryId, region }, name) !== undefined) return region
    }
    return undefined
  }

  /** what a first pull needs beside the right to pull ("Required IAM permissions" for pull-through caches); undefined where no rule fits */
  needs(scope: RegistryScope, name: string): Need[] | undefined {
    if (scope.kind === 'public' || this.#ruleFor(scope, name) === undefined) return undefined
    const resource = this.#repositories.arn(scope, name)
    const create = this.#repositories.find(scope, name) === undefined
    return [
      ...(create ? [{ action: 'ecr:CreateRepository', resource }] : []),
      { action: 'ecr:BatchImportUpstreamImage', resource },
    ]
  }

  /** Copies a manifest and its layers; an index without its images, which come when they are asked for. */
  async copy(scope: RegistryScope, name: string, reference: string): Promise<StoredImage | undefined> {
    const rule = this.#ruleFor(scope, name)
    const upstream = rule === undefined ? undefined : this.#upstream(rule.upstreamUrl)
    if (rule === undefined || upstream === undefined) return undefined
    const rest = rule.prefix === 'ROOT' ? name : name.slice(rule.prefix.length + 1)
    const theirs = rule.upstreamPrefix === 'ROOT' ? rest : `${rule.upstreamPrefix}/${rest}`
    const found = await upstream.manifest(theirs, reference)
    if (found === undefined) return undefined
    const repository = this.#repositories.find(scope, name) ?? this.#repositories.create(scope, name)
    const manifest = parseManifest(found.bytes, found.mediaType)
    for (const blob of [...(manifest.config === undefined ? [] : [manifest.config]), ...manifest.layers]) {
      if (blob.foreign) continue
      const stored = (await this.#store.size(blob.digest)) !== undefined
      if (!stored && !(await this.#store.put(blob.digest, await upstream.blob(theirs, blob.digest)))) return undefined
      repository.blobs.add(blob.digest)
    }
    const known = findImage(repository, referenceOf(reference))
    if (known !== undefined) return known
    const image = { bytes: found.bytes, mediaType: found.mediaType, tag: referenceOf(reference).imageTag }
    return putImage(repository, image, this.#now(), true)
  }
}
