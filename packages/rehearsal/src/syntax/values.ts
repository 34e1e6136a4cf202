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
 * A value as text, as expressions coerce it (actions/languageservices, coerceString: a number has at most 15 digits after
 * the point).
 * @throws Error in GitHub's words for a list or a map, which have no text
 */
export function textOf(value: Value): string {
  if (Array.isArray(value)) throw new Error('A sequence was not expected')
  if (isMap(value)) throw new Error('A mapping was not expected')
  if (value === null) return ''
  return String(typeof value === 'number' ? Number(value.toFixed(15)) : value)
}

/** A map of texts, such as `env`. */
export function textsOf(value: Value | undefined): Record<string, string> {
  return isMap(value) ? Object.fromEntries(Object.entries(value).map(([name, item]) => [name, textOf(item)])) : {}
}

/** A value that is a map, else an empty one. */
export function mapOf(value: Value | undefined): ValueMap {
  return isMap(value) ? value : {}
}

/** Falsy as in conditions: false, 0, NaN, the empty text, null (github/docs, expressions: literals). */
export function isTruthy(value: Value): boolean {
  return Array.isArray(value) || isMap(value) || Boolean(value)
}
