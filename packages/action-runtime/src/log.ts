// The names are those of actions/runner's commands; other texts with `::` (C++, IPv6) are left alone.
const NAMES =
  'error|warning|notice|debug|group|endgroup|add-mask|add-path|add-matcher|remove-matcher|set-output|set-env|save-state|echo|stop-commands|internal-set-repo-path'
const NEW_FORM = new RegExp(`::(?=(?:${NAMES})\\b[^\\n]*?::)`, 'gi')
const OLD_FORM = /##(?=\[)/g

/**
 * One line that the runner takes no command from. It reads a line as a command when it starts with `::` or holds `##[`
 * anywhere (actions/runner, ActionCommand.TryParseV2 and TryParse). A zero-width space breaks the two forms; everything
 * else stays as it was.
 */
export function harmless(line: string): string {
  if (!line.includes('::') && !line.includes('##[')) return line
  return line.replace(OLD_FORM, '##\u200b').replace(NEW_FORM, ':\u200b:')
}

/** As {@link harmless}, for a line that stands without a prefix. */
function harmlessStart(line: string): string {
  return harmless(line).replace(/^([\s\u0085]*):(?=:)/, '$1:\u200b')
}

/** Where an action speaks: whole lines, outside text always prefixed and harmless. */
export interface Log {
  /** our own words; may hold names from outside */
  info(text: string): void
  /** text from outside (log lines, events, reasons), every line of it prefixed; one write however many entries */
  outside(prefix: string, entries: readonly string[]): void
  /** shown in the debug log only */
  debug(text: string): void
  notice(title: string, text: string): void
  warning(title: string, text: string): void
  error(title: string, text: string): void
  /** what `body` prints is folded under `title` */
  group<Result>(title: string, body: () => Promise<Result>): Promise<Result>
}

/** @param write takes whole lines, each ending in a newline; @param redact takes known secrets out */
export function createLog(write: (text: string) => void, redact: (text: string) => string = text => text): Log {
  const info = (text: string): void => write(`${lines(redact(text)).map(harmlessStart).join('\n')}\n`)
  const command = (start: string, text: string): void => {
    const harmlessText = lines(redact(text)).map(harmless).join('\n')
    write(`::${start}::${escapedData(harmlessText)}\n`)
  }
  const annotation = (name: string) => (title: string, text: string) =>
    command(`${name} title=${escapedProperty(harmless(redact(title)))}`, text)
  return {
    info,
    outside: (prefix, entries) => {
      const start = `${harmlessStart(redact(lines(prefix).join(' ')))} | `
      let text = ''
      for (const entry of entries) for (const line of lines(redact(entry))) text += `${start}${harmless(line)}\n`
      if (text !== '') write(text)
    },
    debug: text => command('debug', text),
    notice: annotation('notice'),
    warning: annotation('warning'),
    error: annotation('error'),
    group: async (title, body) => {
      command('group', title)
      try {
        return await body()
      } finally {
        write('::endgroup::\n')
      }
    },
  }
}

// .NET's StreamReader.ReadLine, which the runner reads with, ends a line at CR, LF or both.
function lines(text: string): string[] {
  return text.includes('\r') ? text.split(/\r\n|\r|\n/) : text.split('\n')
}

// Escapes of actions/runner (ActionCommand): data %, CR, LF; properties also : and ,
function escapedData(text: string): string {
  return text.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A')
}

function escapedProperty(text: string): string {
  return escapedData(text).replace(/:/g, '%3A').replace(/,/g, '%2C')
}
