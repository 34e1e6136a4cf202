/**
 * The `NAME=VALUE` and `NAME<<DELIMITER` entries of a GITHUB_OUTPUT, GITHUB_STATE or GITHUB_ENV file, as the runner
 * reads them (actions/runner, FileCommandManager). The last of several entries with one name counts.
 */
export function fileCommandEntries(text: string): Record<string, string> {
  const entries: Record<string, string> = {}
  const lines = text.split(/\r?\n/)
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? ''
    if (line === '') continue
    const equals = line.indexOf('=')
    const heredoc = line.indexOf('<<')
    if (heredoc >= 0 && (equals < 0 || heredoc < equals)) {
      const delimiter = line.slice(heredoc + 2)
      const end = lines.indexOf(delimiter, index + 1)
      if (delimiter === '' || end < 0) throw new Error(`Invalid value. Matching delimiter not found '${delimiter}'`)
      entries[line.slice(0, heredoc)] = lines.slice(index + 1, end).join('\n')
      index = end
    } else if (equals >= 0) entries[line.slice(0, equals)] = line.slice(equals + 1)
    else throw new Error(`Invalid format '${line}'`)
  }
  return entries
}

/** One `::error::`, `::warning::` or `::notice::` command. */
export interface Annotation {
  readonly level: 'error' | 'warning' | 'notice'
  readonly title: string
  readonly message: string
}

/** The annotations in what a step printed. */
export function annotationsIn(stdout: string): Annotation[] {
  const found: Annotation[] = []
  for (const line of stdout.split(/\r\n|\r|\n/)) {
    const match = /^\s*::(error|warning|notice)(?: ([^:]*))?::(.*)$/.exec(line)
    if (match === null) continue
    const level = match[1] === 'error' || match[1] === 'warning' ? match[1] : 'notice'
    const title = /(?:^|,)title=([^,]*)/.exec(match[2] ?? '')?.[1] ?? ''
    found.push({ level, title: unescaped(title), message: unescaped(match[3] ?? '') })
  }
  return found
}

function unescaped(text: string): string {
  return text.replace(/%3A/g, ':').replace(/%2C/g, ',').replace(/%0D/g, '\r').replace(/%0A/g, '\n').replace(/%25/g, '%')
}
