/** Something that goes wrong on demand. All conditions must hold; the first fault in order of adding that fits is taken. */
export interface Fault {
  /** `ecs`, `logs`, …, `registry`; absent or `*` = any */
  readonly service?: string
  /** `RunTask`, for the registry `PUT upload`, …; absent or `*` = any */
  readonly operation?: string
  /**
   * - `throttle`: ThrottlingException "Rate exceeded", HTTP 400
   * - `error`: `status` (default 500), `code`, `message`
   * - `reset`: the connection is destroyed before the operation runs
   * - `lost-answer`: the operation runs, then the connection is destroyed
   * - `delay`: waits `delayMs` of wall time, then runs
   * - `malformed`: runs, answers broken JSON (or XML)
   * - `expired`: ExpiredTokenException
   * - `answer`: `body` is returned as a successful response, nothing runs
   */
  readonly kind: 'throttle' | 'error' | 'reset' | 'lost-answer' | 'delay' | 'malformed' | 'expired' | 'answer'
  readonly status?: number
  readonly code?: string
  readonly message?: string
  readonly delayMs?: number
  /** in-process also a function of the decoded input */
  readonly body?: unknown
  /** registry only, with `reset` on `GET blob`, `PATCH upload`, `PUT upload`: so many bytes pass first */
  readonly afterBytes?: number
  /** so many hits; absent = for ever */
  readonly times?: number
  /** active for so many milliseconds of wall time after it was added */
  readonly forMs?: number
  /** only what exceeds so many requests a second (a token bucket that holds one second's worth) */
  readonly perSecond?: number
  /** 0..1, default 1 */
  readonly probability?: number
}

interface ActiveFault {
  readonly fault: Fault
  readonly until: number
  left: number
  /** requests that may pass */
  tokens: number
  filledAt: number
}

/** The faults that are switched on. */
export class Faults {
  #active: ActiveFault[] = []

  add(fault: Fault): void {
    this.#active.push({
      fault,
      until: fault.forMs === undefined ? Number.POSITIVE_INFINITY : Date.now() + fault.forMs,
      left: fault.times ?? Number.POSITIVE_INFINITY,
      tokens: fault.perSecond ?? 0,
      filledAt: Date.now(),
    })
  }

  clear(): void {
    this.#active = []
  }

  list(): Fault[] {
    this.#dropSpent()
    return this.#active.map(({ fault, left }) => (Number.isFinite(left) ? { ...fault, times: left } : fault))
  }

  /** The fault that this request meets, if any; it is counted as a hit. */
  next(service: string, operation: string): Fault | undefined {
    this.#dropSpent()
    const hit = this.#active.find(
      active =>
        fits(active.fault.service, service) &&
        fits(active.fault.operation, operation) &&
        Math.random() < (active.fault.probability ?? 1) &&
        !hasToken(active),
    )
    if (!hit) return undefined
    hit.left -= 1
    return hit.fault
  }

  #dropSpent(): void {
    const now = Date.now()
    this.#active = this.#active.filter(({ until, left }) => until > now && left > 0)
  }
}

/** Takes a token where there is one. */
function hasToken(active: ActiveFault): boolean {
  const { perSecond } = active.fault
  if (perSecond === undefined) return false
  const now = Date.now()
  active.tokens = Math.min(perSecond, active.tokens + ((now - active.filledAt) / 1000) * perSecond)
  active.filledAt = now
  if (active.tokens < 1) return false
  active.tokens -= 1
  return true
}

function fits(pattern: string | undefined, name: string): boolean {
  return pattern === undefined || pattern === '*' || pattern === name
}
