/** `::name key=value,…::data` or `##[name key=value;…]data` in a line that a step printed. */
export interface LogCommand {
  readonly name: string
  readonly properties: Readonly<Record<string, string>>
  readonly data: string
}

/** What the runner knows beside the token that ends `stop-commands` (actions/runner, ActionCommandManager). */
const KNOWN = new Set([
  'add-mask',
  'add-matcher',
  'add-path',
  'debug',
  'echo',
  'endgroup',
  'error',
  'group',
  'notice',
  'remove-matcher',
  'save-state',
  'set-env',
  'set-output',
  'stop-commands',
  'warning',
])

/**
 * The command in a line: the new form at its beginning, the old one anywhere (actions/runner, ActionCommand).
 * @param also a further name, the token that ends `stop-commands`
 */
export function commandIn(line: string, also?: string): LogCommand | undefined {
  const known = (name: string): boolean => KNOWN.has(name.toLowerCase()) || (also !== undefined && name === also)
  const modern = /^\s*::(.*?)::(.*)$/s.exec(line)
  const [name, properties] = headOf(modern?.[1] ?? '')
  if (modern !== null && known(name))
    return { name, properties: propertiesOf(properties, ',', unescapedProperty), data: unescaped(modern[2] ?? '') }
  const old = /##\[([^\]]*)\](.*)$/s.exec(line)
  const [oldName, oldProperties] = headOf(old?.[1] ?? '')
  if (old !== null && known(oldName))
    return {
      name: oldName,
      properties: propertiesOf(oldProperties, ';', unescapedOld),
      data: unescapedOld(old[2] ?? ''),
    }
  return undefined
}

export function isKnownCommand(name: string): boolean {
  return KNOWN.has(name.toLowerCase())
}

function headOf(head: string): [string, string] {
  const space = head.indexOf(' ')
  return space < 0 ? [head, ''] : [head.slice(0, space), head.slice(space + 1)]
}

function propertiesOf(text: string, separator: string, read: (text: string) => string): Record<string, string> {
  const found: Record<string, string> = {}
  for (const part of text.trim().split(separator)) {
    const equals = part.indexOf('=')
    if (equals > 0 && equals < part.length - 1) found[part.slice(0, equals)] = read(part.slice(equals + 1))
  }
  return found
}

const unescaped = (text: string): string => text.replace(/%0D/g, '\r').replace(/%0A/g, '\n').replace(/%25/g, '%')
const unescapedProperty = (text: string): string => unescaped(text.replace(/%3A/g, ':').replace(/%2C/g, ','))
const unescapedOld = (text: string): string => unescaped(text.replace(/%3B/g, ';').replace(/%5D/g, ']'))
