/** A status code, or the hundred that it is in: `2xx` is 200 to 299. */
export type StatusPattern = number | `${1 | 2 | 3 | 4 | 5}xx`

const ALLOWED = 'allowed is a status such as 200, a class such as 2xx, or a list such as [200, 204]'

/**
 * Reads `200`, `2xx`, `[200, 204]`, `200, 204`; also a number or a list of these.
 * @throws Error that says what is allowed
 */
export function statusPatterns(value: unknown): StatusPattern[] {
  const entries = Array.isArray(value) ? value : typeof value === 'string' ? listed(value) : [value]
  if (entries.length === 0) throw new Error(ALLOWED)
  return entries.map(statusPattern)
}

function listed(text: string): string[] {
  return text
    .trim()
    .replace(/^\[([\s\S]*)\]$/, '$1')
    .split(/[\s,]+/)
    .filter(entry => entry !== '')
    .map(entry => entry.replace(/^(['"])(.*)\1$/, '$2'))
}

function statusPattern(value: unknown): StatusPattern {
  const text = typeof value === 'number' || typeof value === 'string' ? String(value).trim() : ''
  if (/^[1-5]\d\d$/.test(text)) return Number(text)
  const hundred = ([1, 2, 3, 4, 5] as const).find(digit => text.toLowerCase() === `${digit}xx`)
  if (hundred === undefined) throw new Error(ALLOWED)
  return `${hundred}xx`
}

export function statusFits(status: number, patterns: readonly StatusPattern[]): boolean {
  return patterns.some(pattern => pattern === status || pattern === `${Math.floor(status / 100)}xx`)
}
