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

/** The moment until which work may go on. */
export class Deadline {
  /** milliseconds since the epoch */
  readonly at: number
  readonly #clock: Clock
  readonly #failure: () => DeadlineExceeded

  constructor(
    clock: Clock,
    ms: number,
    failure: () => DeadlineExceeded = () => new DeadlineExceeded('The time is over.'),
  ) {
    this.at = clock.now() + ms
    this.#clock = clock
    this.#failure = failure
  }

  /** milliseconds left, never below 0 */
  get left(): number {
    return Math.max(0, this.at - this.#clock.now())
  }

  /** @throws DeadlineExceeded when the time is over */
  check(): void {
    if (this.left === 0) throw this.#failure()
  }
}
