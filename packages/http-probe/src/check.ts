import type { JsonPath } from './json-path.ts'
import type { StatusPattern } from './status-pattern.ts'

/** One thing to ask, and what its answer has to be. */
export interface Check {
  readonly name: string
  /** http or https; may hold user and password, which go into an `Authorization` header and are never shown */
  readonly url: URL
  readonly method: string
  /** names in lower case, each once */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string | undefined
  readonly expect: Expectations
}

/** All of them must hold in one answer. */
export interface Expectations {
  /** one of them; never empty */
  readonly status: readonly StatusPattern[]
  readonly bodyContains: readonly string[]
  /** sources of JavaScript regular expressions */
  readonly bodyMatches: readonly string[]
  readonly json: readonly { readonly path: JsonPath; readonly value: unknown }[]
  /** names in lower case */
  readonly headers: ReadonlyMap<string, string>
  readonly maxLatencyMs: number | undefined
  readonly version: { readonly wanted: string; readonly from: VersionSource } | undefined
}

/** Where an answer tells its version. */
export type VersionSource = { readonly header: string } | { readonly json: JsonPath }

/** Parts of the time that an answer took, in ms; over all redirects, so that they add up to the latency. */
export interface Phases {
  readonly dns: number
  readonly connect: number
  readonly tls: number
  /** from the request to the answer's status and headers */
  readonly firstByte: number
  readonly body: number
}

/** What came back in the end, redirects followed. */
export interface Answer {
  readonly status: number
  /** names in lower case; several of one name joined with `, ` */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
  /** the body was longer than what is read of it */
  readonly truncated: boolean
  readonly latencyMs: number
  readonly phases: Phases
  /** ms since the epoch at which the first certificate on the way ends; undefined without TLS */
  readonly certificateEnds: number | undefined
}

/** The most that is read of a body, in bytes after decompression. */
export const BODY_LIMIT = 1024 * 1024
