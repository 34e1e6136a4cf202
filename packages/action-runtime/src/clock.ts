import { setTimeout as timeout } from 'node:timers/promises'
import { DeadlineExceeded } from './errors.ts'

/** Time as the doing functions see it, so that tests can run hours in a moment. */
export interface Clock {
  /** milliseconds since the epoch */
  now(): number
  /** waits; rejects with the signal's reason when it aborts */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    signal?.throwIfAborted()
    try {
      await timeout(ms, undefined, signal === undefined ? {} : { signal })
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    }
  },
}

/** What it means that the time is over. */
export interface Overdue {
  /** one sentence, e.g. `The container app did not end within 10m.` */
  readonly what: string
  readonly next?: readonly string[]
}

/** The moment until which work may go on. */
export class Deadline {
  /** milliseconds since the epoch */
  readonly at: number
  readonly #clock: Clock
  readonly #overdue: Overdue | undefined

  /** @param ms from now on */
  constructor(clock: Clock, ms: number, overdue?: Overdue) {
    this.at = clock.now() + ms
    this.#clock = clock
    this.#overdue = overdue
  }

  /** milliseconds left, never below 0 */
  get left(): number {
    return Math.max(0, this.at - this.#clock.now())
  }

  /** The failure to throw when the time is over; `otherwise` where the deadline has no words of its own. */
  exceeded(otherwise: Overdue, said?: string): DeadlineExceeded {
    const { what, next } = this.#overdue ?? otherwise
    return new DeadlineExceeded(what, {
      ...(said === undefined ? {} : { said }),
      ...(next === undefined ? {} : { next }),
    })
  }

  /** @throws DeadlineExceeded when the time is over */
  check(): void {
    if (this.left === 0) throw this.exceeded({ what: 'The time is over.' })
  }
}
