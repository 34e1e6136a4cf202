import { types } from 'node:util'
import type { Fault } from './faults.ts'
import type { Need } from './service.ts'

/** One request as it came in. The journal is in order of arrival; `status` is 0 while the request is under way. */
export interface JournalEntry {
  /** milliseconds since 1970, at arrival */
  readonly at: number
  /** IAM prefix of the service: `ecs`, `logs`, …, or `registry` */
  readonly service: string
  readonly operation: string
  readonly region?: string
  /** ARN of a host's role, when its scripts asked */
  readonly caller?: string
  /** long texts and lists are cut, secret values are left out */
  readonly input: unknown
  /** HTTP status; 0 while under way, and when the connection was destroyed without an answer */
  readonly status: number
  /** AWS's error code (`AccessDeniedException`) */
  readonly error?: string
  readonly message?: string
  /** the permissions that the request needed, whether a policy was set or not */
  readonly needs: readonly Need[]
  /** the first need that the policy did not allow */
  readonly denied?: Need
  readonly fault?: Fault['kind']
  /** our own answer broke AWS's model: a bug of local-aws, thrown again by `stop()` */
  readonly modelError?: string
}

type Open<T> = { -readonly [K in keyof T]: T[K] }

/** Takes the outcome of a request that is under way. */
export type Outcome = Partial<Omit<JournalEntry, 'at' | 'service' | 'operation'>>

const TEXT_LIMIT = 2_000
const LIST_LIMIT = 100
const DEPTH_LIMIT = 12

/** The latest requests, at most `limit` of them. */
export class Journal {
  #entries: Open<JournalEntry>[] = []
  #dropped = 0
  readonly #limit: number
  readonly #modelErrors: string[] = []

  constructor(limit = 50_000) {
    this.#limit = limit
  }

  /**
   * Records a request at its arrival; `input` is cut to a bounded size and `secretMembers` are replaced by `***`.
   * @returns a function that adds the outcome when it is known
   */
  open(
    service: string,
    operation: string,
    input: unknown,
    secretMembers: readonly string[] = [],
  ): (outcome: Outcome) => void {
    const entry: Open<JournalEntry> = {
      at: Date.now(),
      service,
      operation,
      input: cut(input, new Set(secretMembers), 0),
      status: 0,
      needs: [],
    }
    this.#entries.push(entry)
    if (this.#entries.length > this.#limit * 1.1) {
      const excess = this.#entries.length - this.#limit
      this.#entries = this.#entries.slice(excess)
      this.#dropped += excess
    }
    return outcome => {
      Object.assign(entry, outcome, outcome.needs ? { needs: cut(outcome.needs, new Set(), 0) } : {})
      if (outcome.message !== undefined) entry.message = cutText(outcome.message)
      if (outcome.modelError !== undefined) this.#modelErrors.push(`${service} ${operation}: ${outcome.modelError}`)
    }
  }

  entries(): JournalEntry[] {
    return this.#entries.map(entry => ({ ...entry }))
  }

  /** how many of the oldest entries were dropped because of the limit */
  get dropped(): number {
    return this.#dropped
  }

  /** Answers of ours that broke AWS's model; kept when the journal is cleared. */
  modelErrors(): readonly string[] {
    return this.#modelErrors
  }

  clear(): void {
    this.#entries = []
    this.#dropped = 0
  }
}

function cut(value: unknown, secrets: ReadonlySet<string>, depth: number): unknown {
  if (typeof value === 'string') {
    return cutText(value)
  }
  if (typeof value !== 'object' || value === null || types.isDate(value)) return value
  if (types.isUint8Array(value)) return `(${value.byteLength} bytes)`
  if (depth >= DEPTH_LIMIT) return '…'
  if (Array.isArray(value)) {
    const head = value.slice(0, LIST_LIMIT).map(item => cut(item, secrets, depth + 1))
    return value.length <= LIST_LIMIT ? head : [...head, `… (${value.length} entries)`]
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, secrets.has(key) ? '***' : cut(item, secrets, depth + 1)]),
  )
}

function cutText(text: string): string {
  return text.length <= TEXT_LIMIT ? text : `${text.slice(0, TEXT_LIMIT)}… (${text.length} characters)`
}
