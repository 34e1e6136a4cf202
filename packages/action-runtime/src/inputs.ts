import { parseDocument } from 'yaml'
import { InputError, type InputProblem } from './errors.ts'
import { argumentList, durationMs, durationText, entryLines, keyValueLines, shortened, yamlBoolean } from './values.ts'

/**
 * Reads the inputs of one action and collects every problem, so that a person sees all of them at once. Defaults come
 * from action.yml alone: the runner fills them in. After a problem a reading function returns a harmless value and
 * {@link InputReader.finish} throws.
 */
export class InputReader {
  readonly #environment: Readonly<Record<string, string | undefined>>
  readonly #problems: InputProblem[] = []

  constructor(environment: Readonly<Record<string, string | undefined>>) {
    this.#environment = environment
  }

  /** The value untrimmed, as the runner passes it (`INPUT_` + upper case, blanks as `_`); `''` when not given. */
  verbatim(input: string): string {
    return (this.#environment[`INPUT_${input.replace(/ /g, '_').toUpperCase()}`] ?? '').replace(/\r\n/g, '\n')
  }

  /** A variable of the runner's environment that is no input, e.g. `AWS_REGION`; undefined when empty. */
  variable(name: string): string | undefined {
    return this.#environment[name] || undefined
  }

  /** The value trimmed; undefined when empty. */
  optional(input: string, pattern?: RegExp, allowed?: string): string | undefined {
    const value = this.verbatim(input).trim()
    if (value === '') return undefined
    if (pattern !== undefined && !pattern.test(value))
      this.problem(input, value, allowed ?? `must match ${pattern.source}`)
    return value
  }

  required(input: string, allowed: string): string {
    const value = this.optional(input)
    if (value === undefined) this.#problems.push({ input, problem: `is required and empty; ${allowed}` })
    return value ?? ''
  }

  /** @param empty what an empty value means: an input that is passed on unset arrives as `''`, not with its default */
  boolean(input: string, empty: boolean): boolean {
    return this.parsed(input, yamlBoolean) ?? empty
  }

  /** As {@link boolean}, but undefined when empty. */
  optionalBoolean(input: string): boolean | undefined {
    return this.parsed(input, yamlBoolean)
  }

  /** Milliseconds, at least `least`. */
  duration(input: string, empty: number, least = 0): number {
    const parsed = this.parsed(input, text => {
      const ms = durationMs(text)
      if (ms < least) throw new Error(`allowed is at least ${durationText(least)}`)
      return ms
    })
    return parsed ?? empty
  }

  integer(input: string, least: number, most: number): number | undefined {
    return this.parsed(input, text => {
      if (!/^-?\d+$/.test(text) || Number(text) < least || Number(text) > most) {
        throw new Error(`allowed is a whole number from ${least} to ${most}`)
      }
      return Number(text)
    })
  }

  choice<Choice extends string>(input: string, choices: readonly Choice[]): Choice | undefined {
    return this.parsed(input, text => {
      const choice = choices.find(entry => entry === text)
      if (choice === undefined) throw new Error(`allowed is ${choices.join(', ')}`)
      return choice
    })
  }

  /** One entry per line, verbatim. */
  lines(input: string): string[] {
    return entryLines(this.verbatim(input))
  }

  /** One identifier per line: blanks around it do not belong to it. */
  names(input: string): string[] {
    return this.lines(input).map(line => line.trim())
  }

  /** `KEY=VALUE` lines; values verbatim, a duplicate key is a problem. */
  map(input: string, key?: { readonly pattern: RegExp; readonly allowed: string }): Map<string, string> {
    const { entries, problems } = keyValueLines(this.verbatim(input))
    for (const problem of problems) this.#problems.push({ input, problem })
    for (const name of entries.keys()) {
      if (key !== undefined && !key.pattern.test(name))
        this.#problems.push({ input, problem: `the key "${shortened(name)}": ${key.allowed}` })
    }
    return entries
  }

  /** A JSON array of strings, or with `json-or-line` also a POSIX command line; undefined when empty. */
  arguments(input: string, form: 'json' | 'json-or-line'): string[] | undefined {
    return this.parsed(input, text => argumentList(text, form))
  }

  /** A YAML or JSON document as plain data; undefined when empty. */
  yaml(input: string): unknown {
    return this.parsed(input, text => {
      const document = parseDocument(text, { version: '1.2', schema: 'core' })
      const [error] = document.errors
      if (error !== undefined) throw new Error(`is not valid YAML or JSON (${error.message.split('\n')[0]})`)
      return document.toJS()
    })
  }

  /** The trimmed value through `parse`, whose error becomes a problem; undefined when empty or wrong. */
  parsed<Value>(input: string, parse: (text: string) => Value): Value | undefined {
    const text = this.verbatim(input).trim()
    if (text === '') return undefined
    try {
      return parse(text)
    } catch (error) {
      this.problem(input, text, error instanceof Error ? error.message : String(error))
      return undefined
    }
  }

  /** Notes a problem with a value; `allowed` says what is allowed. */
  problem(input: string, value: string, allowed: string): void {
    this.#problems.push({ input, problem: `"${shortened(value)}": ${allowed}` })
  }

  /** Notes a problem that is not about one value, e.g. two inputs that exclude each other. */
  conflict(input: string, problem: string): void {
    this.#problems.push({ input, problem })
  }

  /** @throws InputError when anything was wrong */
  finish(): void {
    if (this.#problems.length > 0) throw new InputError(this.#problems)
  }
}
