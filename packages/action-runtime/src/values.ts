/** The forms that input values come in, shared by all actions. Every function here throws a plain Error that says what is allowed. */

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** `500ms`, `45s`, `10m`, `1h30m` as milliseconds. */
export function durationMs(text: string): number {
  const trimmed = text.trim()
  if (!/^(?:\d+(?:ms|s|m|h))+$/.test(trimmed)) throw new Error('allowed is a duration such as 500ms, 45s, 10m or 1h30m')
  let total = 0
  for (const [, amount = '', unit = ''] of trimmed.matchAll(/(\d+)(ms|s|m|h)/g))
    total += Number(amount) * (UNITS[unit] ?? 0)
  // Node's timers hold 24 days, and time-outs are added up.
  if (total > 7 * 24 * 3_600_000) throw new Error('allowed is at most 168h')
  return total
}

/** Milliseconds as people read them: `450ms`, `12s`, `3m 5s`, `1h 2m`. */
export function durationText(ms: number): string {
  if (Math.round(ms) < 1000) return `${Math.round(ms)}ms`
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m ${seconds % 60}s`
  return minutes % 60 === 0 ? `${minutes / 60}h` : `${Math.floor(minutes / 60)}h ${minutes % 60}m`
}

/** YAML 1.2's booleans (core schema): true, True, TRUE, false, False, FALSE. */
export function yamlBoolean(text: string): boolean {
  const trimmed = text.trim()
  if (/^(?:true|True|TRUE)$/.test(trimmed)) return true
  if (/^(?:false|False|FALSE)$/.test(trimmed)) return false
  throw new Error('allowed is true or false')
}

/** The lines that count: no blank ones, no comments (first non-blank character is `#`), CR stripped, otherwise verbatim. */
export function entryLines(text: string): string[] {
  return text
    .split('\n')
    .map(line => line.replace(/\r$/, ''))
    .filter(line => line.trim() !== '' && !line.trimStart().startsWith('#'))
}

/**
 * `KEY=VALUE` lines, split at the first `=` only; values verbatim, may be empty.
 * The second part names the lines that are wrong: without `=`, without a key, with a key that was there before. A line
 * after an entry may be the rest of its value, so it is told by what it follows, never quoted: the value may be a secret.
 */
export function keyValueLines(text: string): { entries: Map<string, string>; problems: string[] } {
  const entries = new Map<string, string>()
  const problems: string[] = []
  let before: string | undefined
  for (const line of entryLines(text)) {
    const split = line.indexOf('=')
    const key = (split < 0 ? line : line.slice(0, split)).trim()
    if (split < 0) {
      const which = before === undefined ? `the line "${shortened(key)}"` : `a line after "${shortened(before)}"`
      problems.push(`${which} has no "="; allowed is one KEY=VALUE per line`)
    } else if (key === '') problems.push('a line has no key before "="; allowed is one KEY=VALUE per line')
    else if (entries.has(key)) problems.push(`the key "${shortened(key)}" is given twice; allowed is once`)
    else {
      entries.set(key, line.slice(split + 1))
      before = key
    }
  }
  return { entries, problems }
}

/** A line split as a POSIX shell splits words: quotes and backslashes honoured, nothing expanded. */
export function posixWords(line: string): string[] {
  const words: string[] = []
  let word: string | undefined
  let quote: '"' | "'" | undefined
  for (let index = 0; index < line.length; index++) {
    const character = line.charAt(index)
    const next = line.charAt(index + 1)
    if (quote === "'") {
      if (character === "'") quote = undefined
      else word += character
    } else if (quote === '"') {
      if (character === '"') quote = undefined
      else if (character === '\\' && next === '\n') index++
      else if (character === '\\' && /["\\$`]/.test(next)) {
        word += next
        index++
      } else word += character
    } else if (character === '"' || character === "'") {
      quote = character
      word ??= ''
    } else if (character === '\\') {
      if (next === '') throw new Error('the line ends in a lone backslash; allowed is a complete POSIX command line')
      if (next !== '\n') word = (word ?? '') + next
      index++
    } else if (character === '\n') {
      throw new Error(
        'holds more than one command; allowed is one line (join lines with a \\ at their end), or a JSON array',
      )
    } else if (character === ' ' || character === '\t') {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? '') + character
  }
  if (quote !== undefined) throw new Error(`a ${quote} is not closed; allowed is a complete POSIX command line`)
  if (word !== undefined) words.push(word)
  return words
}

/** A JSON array of strings, or (for commands) a POSIX command line. */
export function argumentList(text: string, form: 'json' | 'json-or-line'): string[] {
  if (!text.trimStart().startsWith('[')) {
    if (form === 'json-or-line') return posixWords(text.trim())
    throw new Error('allowed is a JSON array of strings such as ["python", "manage.py"]')
  }
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw new Error(
      `is not valid JSON (${error instanceof Error ? error.message : error}); allowed is a JSON array of strings`,
    )
  }
  if (!Array.isArray(parsed) || !parsed.every(entry => typeof entry === 'string')) {
    throw new Error('allowed is a JSON array that holds only strings')
  }
  return parsed
}

/** A value as it may stand in a message: one line, at most 100 characters. */
export function shortened(value: string): string {
  const line = value.replace(/\s+/g, ' ')
  return line.length > 100 ? `${line.slice(0, 99).replace(/[\ud800-\udbff]$/, '')}…` : line
}
