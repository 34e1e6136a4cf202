/** Says of a path below the context (with `/`, no leading one) whether docker leaves it out. */
export type Ignored = (path: string) => boolean

export interface IgnoreRules {
  readonly ignored: Ignored
  /** an exception (`!`) may bring back what is below an ignored folder */
  readonly hasExceptions: boolean
}

/**
 * The rules of a .dockerignore (docs.docker.com, "Build context", .dockerignore files): the last pattern that matches a
 * path or one of its parents decides. Undefined for patterns with classes or escapes, which are not read here.
 */
export function ignoreRules(text: string): IgnoreRules | undefined {
  const patterns: { readonly expression: RegExp; readonly exception: boolean }[] = []
  for (const line of text.replace(/^\ufeff/, '').split(/\r?\n/)) {
    if (line.startsWith('#') || line.trim() === '') continue
    const exception = line.trim().startsWith('!')
    const pattern = cleaned(
      line
        .trim()
        .slice(exception ? 1 : 0)
        .trim(),
    )
    if (/[[\]\\]/.test(pattern)) return undefined
    if (pattern !== '') patterns.push({ expression: expressionOf(pattern), exception })
  }
  return {
    hasExceptions: patterns.some(({ exception }) => exception),
    ignored: path => {
      const last = patterns.findLast(({ expression }) => withParents(path).some(part => expression.test(part)))
      return last !== undefined && !last.exception
    },
  }
}

/** As Go's filepath.Clean would have it: `/a//b/./c/` is `a/b/c`. */
function cleaned(pattern: string): string {
  const parts: string[] = []
  for (const part of pattern.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts.join('/')
}

function expressionOf(pattern: string): RegExp {
  const source = pattern.replace(/\*\*\/|\*\*|\*|\?|[.+^${}()|]/g, found => {
    if (found === '**/') return '(?:.*/)?'
    if (found === '**') return '.*'
    if (found === '*') return '[^/]*'
    return found === '?' ? '[^/]' : `\\${found}`
  })
  return new RegExp(`^${source}$`, 's')
}

/** `a/b/c` → `a/b/c`, `a/b`, `a` */
function withParents(path: string): string[] {
  const parts = path.split('/')
  return parts.map((_, index) => parts.slice(0, parts.length - index).join('/'))
}
