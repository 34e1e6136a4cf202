// How GitHub's runner reads the lines of a step: actions/runner, src/Runner.Common/ActionCommand.cs (TryParseV2,
// TryParse) and src/Runner.Worker/ActionCommandManager.cs (the registered names), told again in TypeScript.

export interface RunnerCommand {
  readonly name: string
  readonly properties: Readonly<Record<string, string>>
  readonly data: string
}

const REGISTERED = new Set([
  'stop-commands',
  'internal-set-repo-path',
  'set-env',
  'set-output',
  'save-state',
  'add-mask',
  'add-path',
  'add-matcher',
  'remove-matcher',
  'debug',
  'warning',
  'error',
  'notice',
  'group',
  'endgroup',
  'echo',
])

/** Where `key` is found from `from` on; -1 where it is not. */
type Find = (text: string, key: string, from: number) => number

const ordinal: Find = (text, key, from) => text.indexOf(key, from)

/** .NET compares by culture here, which overlooks characters without weight such as U+200B: they may stand in between. */
const byCulture: Find = (text, key, from) => {
  const pattern = new RegExp(
    [...key].map(character => `\\${character}`).join('[\\u00ad\\u200b-\\u200f\\u2060\\ufeff]*'),
    'g',
  )
  pattern.lastIndex = from
  return pattern.exec(text)?.index ?? -1
}

/** Every command that the runner takes from an output, under either comparison. */
export function commandsIn(output: string): RunnerCommand[] {
  return output.split(/\r\n|\r|\n/).flatMap(line => {
    for (const find of [ordinal, byCulture]) {
      const command = newForm(line, find) ?? oldForm(line, find)
      if (command !== undefined) return [command]
    }
    return []
  })
}

function newForm(line: string, find: Find): RunnerCommand | undefined {
  // String.TrimStart: .NET's white space has U+0085 and not U+FEFF.
  const message = line.replace(/^[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/, '')
  const start = find(message, '::', 0)
  if (start < 0 || !/^[\u00ad\u200b-\u200f\u2060\ufeff]*$/.test(message.slice(0, start))) return undefined
  const end = find(message, '::', 2)
  if (end < 0) return undefined
  return command(message.slice(2, end), ',', message.slice(end + 2), unescapedProperty, unescapedData)
}

function oldForm(line: string, find: Find): RunnerCommand | undefined {
  const start = find(line, '##[', 0)
  const end = start < 0 ? -1 : line.indexOf(']', start)
  if (end < 0) return undefined
  return command(line.slice(start + 3, end), ';', line.slice(end + 1), unescapedOld, unescapedOld)
}

function command(
  info: string,
  separator: string,
  data: string,
  property: (text: string) => string,
  unescaped: (text: string) => string,
): RunnerCommand | undefined {
  const space = info.indexOf(' ')
  const name = (space < 0 ? info : info.slice(0, space)).toLowerCase()
  if (!REGISTERED.has(name)) return undefined
  const properties: Record<string, string> = {}
  for (const pair of space > 0 ? info.slice(space + 1).split(separator) : []) {
    const equals = pair.indexOf('=')
    if (equals > 0 && equals < pair.length - 1)
      properties[pair.slice(0, equals).trim()] = property(pair.slice(equals + 1))
  }
  return { name, properties, data: unescaped(data) }
}

function unescapedData(text: string): string {
  return text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%')
}

function unescapedProperty(text: string): string {
  const half = text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%3A', ':').replaceAll('%2C', ',')
  return half.replaceAll('%25', '%')
}

function unescapedOld(text: string): string {
  const half = text.replaceAll('%3B', ';').replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%5D', ']')
  return half.replaceAll('%25', '%')
}

/** The names of all commands there are. */
export const commandNames: readonly string[] = [...REGISTERED]
