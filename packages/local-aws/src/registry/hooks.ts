import type { Need } from '../service.ts'

/** A disturbance of one registry request. */
export interface RegistryFault {
  /**
   * throttle: 429 TOOMANYREQUESTS with Retry-After · error: `status`, `code`, `message` (default 500 UNKNOWN) ·
   * reset: the socket is destroyed before the operation runs, or with `afterBytes` in the middle of the blob ·
   * lost-answer: the operation runs, then the socket is destroyed · delay: waits `delayMs`, then runs ·
   * malformed: runs, answers broken JSON · expired: 403 as for an expired token ·
   * answer: `body` is sent as a success (`status`, default 200) and nothing runs
   */
  readonly kind: 'throttle' | 'error' | 'reset' | 'lost-answer' | 'delay' | 'malformed' | 'expired' | 'answer'
  readonly status?: number | undefined
  readonly code?: string | undefined
  readonly message?: string | undefined
  readonly delayMs?: number | undefined
  readonly body?: unknown
  /** with `reset` on `GET blob`, `PATCH upload`, `PUT upload`: so many bytes pass first */
  readonly afterBytes?: number | undefined
}

/** One request, for the journal. */
export interface RegistryRecord {
  /** `GET /v2/`, `HEAD blob`, `PUT manifest`, … */
  readonly operation: string
  /** repository, reference or digest, query, size of a range: what the path and headers say */
  readonly input: Readonly<Record<string, string>>
  /** 0 when the connection was dropped without an answer */
  readonly status: number
  /** code of the error that was answered, e.g. `NAME_UNKNOWN` */
  readonly error?: string
  readonly needs: readonly Need[]
  readonly denied?: Need
  readonly fault?: RegistryFault['kind']
}

/** How the registry reaches the rest of the cloud: plain functions. */
export interface RegistryHooks {
  /** asked once before every request */
  fault?(operation: string, input: Readonly<Record<string, string>>): RegistryFault | undefined
  /** text of the denial when the policy of who asked for the token does not allow the need */
  authorize?(need: Need, caller: string | undefined): string | undefined
  record?(record: RegistryRecord): void
}
