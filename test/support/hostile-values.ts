/**
 * Values that mean something to a shell, to SSM, to compose or to git. Always the same ones.
 * @param file is made by whoever runs one of them
 */
export function hostileValues(count: number, file: string): string[] {
  const fragments = [
    `$(touch ${file})`,
    `\`touch ${file}\``,
    `'; touch ${file}; '`,
    `"; touch ${file}; "`,
    `\nEOF\ntouch ${file}\n`,
    `|touch ${file}`,
    `&& touch ${file} #`,
    `\${HOME}`,
    '$HOME',
    '$$',
    '{{ssm:/secret}}',
    '{{ global:DATE }}',
    '%0A::error::x',
    'EOF',
    "''",
    '"',
    "'",
    '\\',
    '\\n',
    '\t',
    ' ',
    '  ',
    '#',
    ' # no comment',
    '=',
    '!',
    '*',
    '?',
    '~',
    '[a]',
    '{a,b}',
    'é',
    '漢字',
    '🚀',
    '\u202e',
    '\u00a0',
    '--help',
    '-e',
    '../..',
    '\u0001',
    '\u001b[31m',
    'a',
    'value',
  ]
  let state = 20261120
  const next = (below: number): number => {
    state = (state * 48271) % 2147483647
    return state % below
  }
  return Array.from({ length: count }, (_, index) => {
    const pieces = Array.from({ length: 1 + next(6) }, () => fragments[next(fragments.length)] ?? '')
    const value = pieces.join('')
    // 8 KB long, with blanks around, or as it is.
    if (index % 25 === 0) return `${value.repeat(Math.ceil(8192 / value.length))}`.slice(0, 8192)
    return index % 3 === 0 ? ` ${value} ` : value
  })
}

/** A text as one word of a POSIX shell. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

/** A text as the name of a file: without `/`, no longer than one may be. */
export function fileName(text: string): string {
  let name = text.replaceAll('/', '_')
  while (Buffer.byteLength(name) > 200) name = name.slice(0, -1)
  return /^\.*$/.test(name) ? `x${name}` : name
}

/** The values in an env file of lines as the program on the host writes them for compose v2. */
export function envValues(text: string): Map<string, string> {
  const lines = text.split('\n').filter(line => line !== '')
  return new Map(
    lines.map(line => {
      const [key = ''] = line.split('=', 1)
      const value = line.slice(key.length + 1)
      if (value.startsWith("'")) return [key, value.slice(1, -1)]
      return [key, value.startsWith('"') ? value.slice(1, -1).replace(/\\([\\"$])/g, '$1') : value]
    }),
  )
}
