import { code } from './markdown.ts'

/** Shorter ones are mostly words that stand in texts for other reasons. */
const SHORTEST = 8

/** Values that must never show, and the functions that take them out of a text. */
export class Secrets {
  /** by {@link SHORTEST} */
  readonly #long = new Set<string>()
  readonly #short = new Set<string>()
  #longPattern: RegExp | undefined
  #shortPattern: RegExp | undefined

  /**
   * Remembers a value. Deliberately not `::add-mask::`: that prints the value first, and whoever captures raw output
   * would have it.
   * @param shortest characters; a shorter value stays in texts
   */
  add(value: string | undefined, shortest = SHORTEST): void {
    if (value === undefined) return
    // Of several lines a part need not be secret: `true`, `}`. A file of one line ends with a line break.
    for (const form of forms(value)) if (form.length >= SHORTEST) this.#long.add(form)
    for (const form of forms(value.replace(/[\r\n]+$/, ''))) {
      if (form.length < SHORTEST && form.length >= shortest && !/[\r\n]/.test(value.trim())) this.#short.add(form)
    }
    this.#longPattern = patternOf(this.#long)
    this.#shortPattern = patternOf(this.#short, '[0-9a-f]{32,}')
  }

  /** An arrow function, so that it can be handed over as it is. */
  readonly redact = (text: string): string => {
    const rest = this.redactOutput(text)
    if (this.#shortPattern === undefined) return rest
    // Four digits stand in one of a thousand digests by chance: a digest stays whole.
    return rest.replace(this.#shortPattern, found => (/^[0-9a-f]{32,}$/.test(found) ? found : '***'))
  }

  /** For what others work with: a short value that is part of a name there (`prod`) is no leak, and `***` would be no name. */
  readonly redactOutput = (text: string): string =>
    this.#longPattern === undefined ? text : text.replace(this.#longPattern, '***')
}

/**
 * Also as it stands in JSON and in markdown, and line by line: log events and prefixes tear a text at its lines. Blanks
 * around it may get lost on the way.
 */
function forms(value: string): string[] {
  const written = [value, JSON.stringify(value).slice(1, -1), code(value).slice(6, -7), ...value.split(/[\r\n]+/)]
  return written.flatMap(form => (form.trim() === '' ? [] : [form, form.trim()]))
}

function patternOf(values: ReadonlySet<string>, ...first: readonly string[]): RegExp | undefined {
  if (values.size === 0) return undefined
  const longestFirst = [...values].sort((a, b) => b.length - a.length)
  const escaped = longestFirst.map(entry => entry.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp([...first, ...escaped].join('|'), 'g')
}
