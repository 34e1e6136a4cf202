/** At most so many at a time; who waits longest comes first. */
export class Slots {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(count: number) {
    this.#free = count
  }

  /** Runs `work` when there is room. @throws the signal's reason when it aborts before */
  async use<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    signal.throwIfAborted()
    if (this.#free > 0) this.#free--
    else await this.#turn(signal)
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next()
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((settle, fail) => {
      const abort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(begin), 1)
        fail(signal.reason)
      }
      const begin = (): void => {
        signal.removeEventListener('abort', abort)
        settle()
      }
      this.#waiting.push(begin)
      signal.addEventListener('abort', abort, { once: true })
    })
  }
}
