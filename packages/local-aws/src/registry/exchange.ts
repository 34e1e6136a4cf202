import type { IncomingMessage } from 'node:http'
import type { Need } from '../service.ts'
import type { BlobStore } from './blob-store.ts'
import type { LayerLinks } from './layer-links.ts'
import type { PullThrough } from './pull-through.ts'
import type { RegistryScope, Repositories, Repository } from './repositories.ts'
import type { Scans } from './scans.ts'
import type { RegistrySettings } from './settings.ts'
import type { Tokens } from './tokens.ts'
import type { Uploads } from './uploads.ts'

/** Everything that the registry holds, shared by its HTTP interface and the two APIs. */
export interface RegistryState {
  readonly accountId: string
  readonly publicAlias: string
  readonly store: BlobStore
  readonly repositories: Repositories
  readonly uploads: Uploads
  readonly tokens: Tokens
  readonly links: LayerLinks
  readonly scans: Scans
  readonly settings: RegistrySettings
  readonly pullThrough: PullThrough
  now(): Date
}

/** One request that has been let in. */
export interface Exchange {
  readonly state: RegistryState
  readonly request: IncomingMessage
  readonly method: string
  readonly query: URLSearchParams
  /** `http://host:port` as the client wrote it: Location headers lead back the same way */
  readonly origin: string
  readonly scope: RegistryScope
  /** the repository's name as the path has it, with the alias of a public one */
  readonly pathName: string
  /** its name in the scope */
  readonly name: string
  /** @throws OciError NAME_UNKNOWN */
  repository(): Repository
  /** text of the denial, undefined when everything is allowed */
  denied(needs: readonly Need[]): string | undefined
  /** a fault wants the connection to break after so many bytes of the blob */
  readonly breakAfter: number | undefined
}

/** Thrown to drop the connection without an answer. */
export class ConnectionBroken extends Error {
  override readonly name = 'ConnectionBroken'
}
