import type { Clock } from '@aws-deploy-actions/action-runtime'

/** Lets so many calls a second through, evenly, however many ask. */
export class CallBudget {
  readonly #everyMs: number
  readonly #clock: Clock
  #nextAt = 0

  constructor(perSecond: number, clock: Clock) {
    this.#everyMs = 1000 / perSecond
    this.#clock = clock
  }

  /** Waits for a turn; rejects when the signal aborts. */
  async take(signal: AbortSignal): Promise<void> {
    const now = this.#clock.now()
    const at = Math.max(now, this.#nextAt)
    this.#nextAt = at + this.#everyMs
    if (at > now) await this.#clock.sleep(at - now, signal)
  }
}
