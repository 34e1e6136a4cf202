import { code } from './markdown.ts'

/** Values that must never show, and the function that takes them out of a text. */
export class Secrets {
  readonly #values = new Set<string>()
  #pattern: RegExp | undefined

  /**
   * Remembers a value. Deliberately not `::add-mask::`: that prints the value first, and whoever captures raw output
   * would have it.
   */
  add(value: string | undefined): void {
    if (value === undefined || value.length < 8 || this.#values.has(value)) return
    // Also as it stands in JSON and in markdown, and line by line: log events and prefixes tear a text at its lines.
    for (const form of [
      value,
      JSON.stringify(value).slice(1, -1),
      code(value).slice(6, -7),
      ...value.split(/[\r\n]+/),
    ]) {
      if (form.length >= 8) this.#values.add(form)
    }
    const longestFirst = [...this.#values].sort((a, b) => b.length - a.length)
    this.#pattern = new RegExp(longestFirst.map(entry => entry.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|'), 'g')
  }

  /** An arrow function, so that it can be handed over as it is. */
  readonly redact = (text: string): string => (this.#pattern === undefined ? text : text.replace(this.#pattern, '***'))
}
