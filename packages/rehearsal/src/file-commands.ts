import { commandIn } from './job/log-command.ts'

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
  return stdout.split(/\r\n|\r|\n/).flatMap(line => {
    const command = line.trimStart().startsWith('::') ? commandIn(line) : undefined
    const level = command?.name
    if (command === undefined || !(level === 'error' || level === 'warning' || level === 'notice')) return []
    return [{ level, title: command.properties['title'] ?? '', message: command.data }]
  })
}
