export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The text, number or boolean at a key, as text; undefined for anything else. */
export function textAt(value: unknown, key: string): string | undefined {
  const found = isObject(value) ? value[key] : undefined
  if (typeof found === 'string') return found
  return typeof found === 'number' || typeof found === 'boolean' ? String(found) : undefined
}

/** One text or a list of texts, as JSON policies have them. */
export function textsAt(value: unknown, key: string): string[] {
  const found = isObject(value) ? value[key] : undefined
  if (Array.isArray(found)) return found.map(String)
  return found === undefined ? [] : [String(found)]
}
