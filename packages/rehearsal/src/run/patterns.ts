/**
 * A filter pattern of branches, tags or paths (github/docs, workflow syntax: filter pattern cheat sheet): `*` without
 * slashes, `**` with them, `?` and `+` repeat what is before them, `[]` a range.
 */
export function patternExpression(pattern: string): RegExp {
  let source = ''
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at] ?? ''
    if (pattern.startsWith('**/', at)) {
      source += '(?:.*/)?'
      at += 2
    } else if (pattern.startsWith('**', at)) {
      source += '.*'
      at += 1
    } else if (character === '*') source += '[^/]*'
    else if (character === '?' || character === '+') source += character
    else if (character === '[') {
      const end = pattern.indexOf(']', at)
      source += end < 0 ? '\\[' : pattern.slice(at, end + 1)
      if (end >= 0) at = end
    } else if (character === '\\') source += `\\${pattern[++at] ?? '\\'}`
    else source += character.replace(/[.^$(){}|\]]/g, '\\$&')
  }
  return new RegExp(`^${source}$`)
}

/** In order: a later pattern overrules an earlier one, `!` takes back. */
export function isWanted(name: string, patterns: readonly string[]): boolean {
  let wanted = false
  for (const pattern of patterns) {
    const without = pattern.startsWith('!')
    if (patternExpression(without ? pattern.slice(1) : pattern).test(name)) wanted = !without
  }
  return wanted
}
