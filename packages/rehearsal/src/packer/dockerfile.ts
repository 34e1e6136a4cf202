/** One instruction of a Dockerfile, variables not filled in yet. */
export interface Instruction {
  /** in capitals: `COPY` */
  readonly name: string
  /** `--from=build` as from → build; a flag without a value as '' */
  readonly flags: ReadonlyMap<string, string>
  readonly rest: string
  /** the first line of it, from 1 */
  readonly line: number
}

/** A problem with the Dockerfile, at a line of it. */
export class DockerfileError extends Error {
  override readonly name = 'DockerfileError'

  constructor(line: number, problem: string) {
    super(`Dockerfile, line ${line}: ${problem}`)
  }
}

/** The instructions of a Dockerfile: continuation lines joined, comments and blank lines gone (Dockerfile reference, "Format"). */
export function parseDockerfile(text: string): Instruction[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  const escaping = /^\s*#\s*escape\s*=\s*([\\`])/i.exec(lines[0] ?? '')?.[1] ?? '\\'
  const instructions: Instruction[] = []
  for (let index = 0; index < lines.length; index++) {
    const start = index
    if (isSkipped(lines[index])) continue
    let logical = lines[index] ?? ''
    while (continues(logical, escaping) && index + 1 < lines.length) {
      logical = logical.replace(/.\s*$/, '')
      do index++
      while (isSkipped(lines[index]) && index + 1 < lines.length)
      logical += isSkipped(lines[index]) ? '' : (lines[index] ?? '')
    }
    instructions.push(instruction(logical, start + 1))
  }
  return instructions
}

function isSkipped(line: string | undefined): boolean {
  return line === undefined || /^\s*(?:#.*)?$/.test(line)
}

function continues(line: string, escaping: string): boolean {
  return line.trimEnd().endsWith(escaping)
}

function instruction(logical: string, line: number): Instruction {
  const [, name = '', tail = ''] = /^\s*(\S+)\s*(.*)$/s.exec(logical) ?? []
  const flags = new Map<string, string>()
  let rest = tail.trim()
  for (let match = FLAG.exec(rest); match !== null; match = FLAG.exec(rest)) {
    flags.set(match[1] ?? '', match[2] ?? '')
    rest = rest.slice(match[0].length)
  }
  return { name: name.toUpperCase(), flags, rest, line }
}

const FLAG = /^--([a-z][a-z-]*)(?:=(\S*))?(?:\s+|$)/

/** Fills in `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+alternative}`; a backslash keeps the next character. */
export function filledIn(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replace(
    /\\(.)|\$(?:(\w+)|\{(\w+)(?::([-+])((?:[^{}]|\{[^{}]*\})*))?\})/gs,
    (whole, escaped: string | undefined, bare: string | undefined, braced = '', operator = '', word = '') => {
      if (escaped !== undefined) return escaped === '$' ? '$' : whole
      const value = variables.get(bare ?? braced)
      if (operator === '-') return value === undefined || value === '' ? filledIn(word, variables) : value
      if (operator === '+') return value === undefined || value === '' ? '' : filledIn(word, variables)
      return value ?? ''
    },
  )
}

/** Words as ENV, LABEL and COPY split them: at blanks, outside quotes; quotes and escapes go. */
export function words(text: string): string[] {
  const found: string[] = []
  let word: string | undefined
  let quote = ''
  for (let index = 0; index < text.length; index++) {
    const character = text.charAt(index)
    if (character === '\\' && quote !== "'" && index + 1 < text.length) word = (word ?? '') + text.charAt(++index)
    else if (quote !== '' && character === quote) quote = ''
    else if (quote !== '') word = (word ?? '') + character
    else if (character === '"' || character === "'") {
      quote = character
      word ??= ''
    } else if (/\s/.test(character)) {
      if (word !== undefined) found.push(word)
      word = undefined
    } else word = (word ?? '') + character
  }
  if (word !== undefined) found.push(word)
  return found
}

/** `KEY=VALUE …`, or the old form `KEY VALUE WITH BLANKS`. @throws DockerfileError */
export function keyValues(
  { name, rest, line }: Instruction,
  variables: ReadonlyMap<string, string>,
): [string, string][] {
  const old = /^([^\s=]+)\s+([^=\s].*)$/s.exec(rest)
  if (old !== null && !/^[^\s=]+=/.test(rest))
    return [[old[1] ?? '', words(filledIn(old[2] ?? '', variables)).join(' ')]]
  return words(filledIn(rest, variables)).map(word => {
    const split = word.indexOf('=')
    if (split <= 0) throw new DockerfileError(line, `${name} wants KEY=VALUE, not "${word}"`)
    return [word.slice(0, split), word.slice(split + 1)]
  })
}

/** The exec form (a JSON array of strings); undefined when it is the shell form. */
export function execForm(rest: string): string[] | undefined {
  if (!rest.startsWith('[')) return undefined
  try {
    const parsed: unknown = JSON.parse(rest)
    return Array.isArray(parsed) && parsed.every(entry => typeof entry === 'string') ? parsed : undefined
  } catch {
    // docker, too, takes broken JSON for the shell form
    return undefined
  }
}
