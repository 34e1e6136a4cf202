/** Lets many wait for conditions over state that changes in one place. */
export class Watch {
  readonly #waiting = new Set<() => void>()

  /** says that something may have changed: every condition is looked at again */
  changed(): void {
    for (const look of [...this.#waiting]) look()
  }

  /** calls back at every change, until the returned function is called */
  each(listener: () => void): () => void {
    this.#waiting.add(listener)
    return () => this.#waiting.delete(listener)
  }

  /** settles as soon as the condition holds */
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve()
    return new Promise(resolve => {
      const look = () => {
        if (!condition()) return
        this.#waiting.delete(look)
        resolve()
      }
      this.#waiting.add(look)
    })
  }
}
