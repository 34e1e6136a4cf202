import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { BlobStore } from './blob-store.ts'
import type { RegistryState } from './exchange.ts'
import type { RegistryHooks } from './hooks.ts'
import { LayerLinks } from './layer-links.ts'
import { PullThrough, type Upstream } from './pull-through.ts'
import { type RegistryScope, Repositories } from './repositories.ts'
import { Scans } from './scans.ts'
import { openRegistryPort } from './server.ts'
import { RegistrySettings } from './settings.ts'
import { Tokens, tokenLifetimeMs } from './tokens.ts'
import { Uploads } from './uploads.ts'
import { upstreamWithin } from './upstreams.ts'

/** The registry as the services and engines of the cloud see it. */
export interface Registry extends RegistryState {
  /** `127.0.0.1:PORT` of the private registry: every account and region, told apart by the token */
  readonly address: string
  /** `127.0.0.1:PORT` that stands for `public.ecr.aws`: repositories lie under `ALIAS/` */
  readonly publicAddress: string
  /** A password for the user `AWS`, as GetAuthorizationToken gives it away. */
  password(
    kind: 'private' | 'public',
    region: string,
    registryId?: string,
    caller?: string,
  ): { password: string; expiresAt: Date }
  /** How an engine pulls: with rights of its own, like the execution role, whatever the policy says. */
  engineAccess(target: LocalReference): EngineAccess
  /**
   * An image reference as this machine can pull it: `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME` and
   * `public.ecr.aws/ALIAS/NAME` (own alias) become addresses of this registry; others stay.
   */
  localReference(reference: string): LocalReference
}

export interface LocalReference {
  readonly reference: string
  /** the registry of this cloud that holds it; undefined for every other host */
  readonly registry: 'private' | 'public' | undefined
  /** told by the host name; `*` where the address tells none: then whatever region has the name */
  readonly region: string
  readonly registryId: string
}

export interface EngineAccess {
  /** of the user `AWS` */
  readonly password: string
  /** value of the Authorization header: Basic for the private registry, Bearer for the public one */
  readonly authorization: string
}

export interface RegistryServer extends Registry {
  /** closes the ports and removes every file */
  close(): Promise<void>
}

export interface RegistryOptions {
  readonly accountId: string
  /** folder of this registry's own; it makes `registry` in it and removes that again */
  readonly directory: string
  /** first part of public repositories' paths; default `l0c4l4ws`, in the manner of AWS's default aliases */
  readonly publicAlias?: string
  /** divides the durations of scans; default 1 */
  readonly speed?: number
  /** upstream registries of pull-through caches by URL, beside those of this cloud */
  readonly upstream?: (url: string) => Upstream | undefined
  readonly hooks?: RegistryHooks
}

const ecrHost = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com\//

/**
 * Starts the container registry: OCI distribution 1.1 over plain HTTP on two loopback ports, one as ECR private, one as
 * public.ecr.aws. Repositories exist only when created (through the APIs, or `repositories.create`).
 */
export async function startRegistry(options: RegistryOptions): Promise<RegistryServer> {
  const { accountId, publicAlias = 'l0c4l4ws', hooks = {} } = options
  const directory = join(options.directory, 'registry')
  const now = (): Date => new Date()
  const store = new BlobStore(directory)
  await store.prepare()
  const privatePort = await openRegistryPort('private', () => state, hooks)
  const publicPort = await openRegistryPort('public', () => state, hooks)
  const addressOf = (scope: RegistryScope): string =>
    scope.kind === 'public' ? `${publicPort.address}/${publicAlias}` : privatePort.address
  const repositories = new Repositories(addressOf, now)
  const within = upstreamWithin(repositories, store, { accountId, publicAlias })
  const upstream = (url: string): Upstream | undefined => options.upstream?.(url) ?? within(url)
  const state: RegistryState = {
    accountId,
    publicAlias,
    store,
    repositories,
    uploads: new Uploads(store),
    tokens: new Tokens(),
    links: new LayerLinks(now),
    scans: new Scans(now, options.speed ?? 1),
    settings: new RegistrySettings(),
    pullThrough: new PullThrough(repositories, store, upstream, now),
    now,
  }
  return {
    ...state,
    address: privatePort.address,
    publicAddress: publicPort.address,
    password(kind, region, registryId = accountId, caller) {
      const expiresAt = new Date(now().getTime() + tokenLifetimeMs)
      const grant = {
        kind,
        registryId,
        region,
        expiresAt,
        ofEngine: false,
        ...(caller === undefined ? {} : { caller }),
      }
      return { password: state.tokens.issue(grant), expiresAt }
    },
    engineAccess({ registry = 'private', region, registryId }) {
      const expiresAt = new Date(now().getTime() + tokenLifetimeMs)
      const password = state.tokens.issue({ kind: registry, registryId, region, expiresAt, ofEngine: true })
      const scheme = registry === 'private' ? 'Basic' : 'Bearer'
      return { password, authorization: `${scheme} ${Buffer.from(`AWS:${password}`).toString('base64')}` }
    },
    localReference(reference) {
      const host = ecrHost.exec(reference)
      if (host !== null) {
        const [prefix, registryId = '', region = ''] = host
        const local = `${privatePort.address}/${reference.slice(prefix.length)}`
        return { reference: local, registry: 'private', region, registryId }
      }
      const alias = `public.ecr.aws/${publicAlias}/`
      if (reference.startsWith(alias)) {
        const local = `${publicPort.address}/${publicAlias}/${reference.slice(alias.length)}`
        return { reference: local, registry: 'public', region: 'us-east-1', registryId: accountId }
      }
      const own = { reference, registryId: accountId }
      if (reference.startsWith(`${privatePort.address}/`)) return { ...own, registry: 'private', region: '*' }
      if (reference.startsWith(`${publicPort.address}/`)) return { ...own, registry: 'public', region: 'us-east-1' }
      return { ...own, registry: undefined, region: '*' }
    },
    async close() {
      await Promise.all([privatePort.close(), publicPort.close()])
      await state.uploads.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
