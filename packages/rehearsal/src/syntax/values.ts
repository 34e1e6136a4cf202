import type { ExpressionData } from '@actions/expressions/data/expressiondata'
import { data } from './github-libraries.ts'

/** What an expression can be: JSON. */
export type Value = null | boolean | number | string | readonly Value[] | ValueMap
export interface ValueMap {
  readonly [name: string]: Value
}

export function isMap(value: Value | undefined): value is ValueMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** JSON from outside, as a value. */
export function asValue(value: unknown): Value {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  if (Array.isArray(value)) return value.map(asValue)
  if (typeof value !== 'object' || value === null) return null
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, asValue(item)]))
}

/**
 * A value as text, as expressions coerce it.
 * @throws Error in GitHub's words for a list or a map, which have no text
 */
export function textOf(value: Value): string {
  if (Array.isArray(value)) throw new Error('A sequence was not expected')
  if (isMap(value)) throw new Error('A mapping was not expected')
  return toData(value).coerceString()
}

/** A map of texts, such as `env`. */
export function textsOf(value: Value | undefined): Record<string, string> {
  return isMap(value) ? Object.fromEntries(Object.entries(value).map(([name, item]) => [name, textOf(item)])) : {}
}

/** A value that is a map, else an empty one. */
export function mapOf(value: Value | undefined): ValueMap {
  return isMap(value) ? value : {}
}

/** A value for GitHub's evaluator. The `env` context is case-sensitive on Linux (actions/runner, StepsRunner). */
export function toData(value: Value, caseSensitive = false): ExpressionData {
  if (value === null) return new data.Null()
  if (typeof value === 'string') return new data.StringData(value)
  if (typeof value === 'number') return new data.NumberData(value)
  if (typeof value === 'boolean') return new data.BooleanData(value)
  if (!isMap(value)) return new data.Array(...value.map(item => toData(item)))
  const pairs = Object.entries(value).map(([key, item]) => ({ key, value: toData(item) }))
  return caseSensitive ? new CaseSensitiveDictionary(...pairs) : new data.Dictionary(...pairs)
}

/** What GitHub's evaluator returned. */
export function fromData(from: ExpressionData): Value {
  if (from instanceof data.StringData || from instanceof data.NumberData || from instanceof data.BooleanData)
    return from.value
  if (from instanceof data.Array) return from.values().map(fromData)
  if (from instanceof data.Dictionary)
    return Object.fromEntries(from.pairs().map(({ key, value }) => [key, fromData(value)]))
  return null
}

/** Falsy as in conditions: false, 0, NaN, the empty text, null (github/docs, expressions: literals). */
export function isTruthy(value: Value): boolean {
  return Array.isArray(value) || isMap(value) || Boolean(value)
}

class CaseSensitiveDictionary extends data.Dictionary {
  override get(key: string): ExpressionData | undefined {
    return this.pairs().find(pair => pair.key === key)?.value
  }

  override pairs(): { key: string; value: ExpressionData }[] {
    return this.exact
  }

  override values(): ExpressionData[] {
    return this.exact.map(({ value }) => value)
  }

  // Set before the constructor of the parent, which calls add, would initialise a field.
  declare private exact: { key: string; value: ExpressionData }[]

  override add(key: string, value: ExpressionData): void {
    this.exact ??= []
    this.exact.push({ key, value })
  }
}
