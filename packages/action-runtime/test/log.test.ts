import { describe, expect, test } from '@jest/globals'
import { commandNames, commandsIn } from '../../../test/support/runner-commands.ts'
import { createLog, harmless, type Log } from '../src/index.ts'
import { Secrets } from '../src/secrets.ts'

/** What a log prints, in whole writes. */
function printed(speak: (log: Log) => unknown, redact?: (text: string) => string): string[] {
  const writes: string[] = []
  speak(createLog(text => writes.push(text), redact))
  return writes
}

const marks = (text: string): string => text.replaceAll('\u200b', '')

/** Lines that would be commands, in every disguise we can think of. */
const hostile: string[] = [
  ...commandNames.flatMap(name => [
    `::${name}::x`,
    `  ::${name}::x`,
    `\t\u0085\u00a0\u3000::${name} name=a,file=b::c`,
    `::${name.toUpperCase()}::x`,
    `##[${name}]x`,
    `app said: ##[${name} name=a;b=c]x`,
    `###[${name}]x`,
    `##[##[${name}]x`,
    `##[x]##[${name}]y`,
    `:::${name}::x`,
    `::::${name}::x`,
    `::${name}::::${name}::`,
    `::x::::${name}::`,
    `\u001b[31m##[${name}]red\u001b[0m`,
    `harmless\r::${name}::after a carriage return`,
    `harmless\r\n::${name}::after both\n\n##[${name}]z`,
    `\ufeff::${name}::x`,
    `%0A::${name}::x%0D##[${name}]`,
    `::${name} \u200b::x`,
  ]),
  '::error file=app.js,line=1,endLine=2,title=a::b',
  '::stop-commands::token',
  '::add-mask::e',
]

const innocent: string[] = [
  'std::vector<std::string> v; foo::bar::baz()',
  '::1',
  'listening on [::1]:8080, fe80::1%eth0, ::ffff:10.0.0.1',
  '::',
  '::::',
  'a :: b',
  '::errors::x',
  '::group without an end',
  '## [error] x',
  '#[error]',
  '## heading',
  'error::',
  '\u001b[32mgreen\u001b[0m 100%',
  '%0A%25',
  '',
  '   ',
  '{"level":"info","msg":"é漢😀","path":"a\\\\b"}',
]

test('the runner reads the hostile lines as commands, so that the tests below mean something', () => {
  for (const name of commandNames) {
    expect(commandsIn(`::${name} a=b::c`)).toEqual([{ name, properties: { a: 'b' }, data: 'c' }])
    expect(commandsIn(`x ##[${name} a=b;c=d]e`)).toEqual([{ name, properties: { a: 'b', c: 'd' }, data: 'e' }])
  }
  expect(commandsIn(hostile.join('\n')).length).toBeGreaterThan(commandNames.length * 10)
})

describe('text from outside', () => {
  test('never is a command, stands under its prefix, and is whole but for the marks', () => {
    for (const line of hostile) {
      const [text = ''] = printed(log => log.outside('app', [line]))
      expect({ line, commands: commandsIn(text) }).toEqual({ line, commands: [] })
      const rows = text.split('\n').slice(0, -1)
      expect(rows.every(row => row.startsWith('app | '))).toBe(true)
      expect(rows.map(row => marks(row.slice(6)))).toEqual(marks(line).split(/\r\n|\r|\n/))
      // Neither form is left anywhere in the line, not even behind the prefix.
      expect(text).not.toMatch(/##\[/)
      expect(text).not.toMatch(new RegExp(`::(?:${commandNames.join('|')})(?: [^\\n]*?)?::`, 'i'))
    }
  })

  test('stays byte-identical where it is no command', () => {
    expect(printed(log => log.outside('app', innocent))).toEqual([innocent.map(line => `app | ${line}\n`).join('')])
    for (const line of innocent) expect(harmless(line)).toBe(line)
    // A name of ours between two colons is broken wherever it stands.
    expect(harmless('A::Error::NotFound')).toBe('A:\u200b:Error::NotFound')
  })

  test('a hostile prefix gives no command either', () => {
    const prefixes = [
      '::error::',
      '##[error]',
      'a\n::error ',
      '\r::warning ',
      '::',
      '##',
      ':',
      'a\n##[error ',
      '::error ',
    ]
    for (const prefix of prefixes) {
      for (const line of ['x::y', ']z', ':error::x', '[error]x', '::error::x']) {
        const text = printed(log => log.outside(prefix, [line, line])).join('')
        expect({ prefix, line, commands: commandsIn(text), rows: text.split('\n').length }).toEqual({
          prefix,
          line,
          commands: [],
          rows: 3,
        })
      }
    }
  })

  test('comes in one write; nothing is no write; a megabyte and broken characters pass', () => {
    expect(printed(log => log.outside('app', []))).toEqual([])
    expect(printed(log => log.outside('app', ['a', 'b\nc']))).toEqual(['app | a\napp | b\napp | c\n'])
    for (const unit of ['x', '::error ', '##[error ', '::', '::error:: ']) {
      const long = unit.repeat(Math.ceil(1_000_000 / unit.length))
      const began = performance.now()
      const [text = ''] = printed(log => log.outside('app', [long]))
      expect(performance.now() - began).toBeLessThan(10_000)
      expect(marks(text)).toBe(`app | ${long}\n`)
      expect(commandsIn(text)).toEqual([])
    }
    expect(printed(log => log.outside('app', ['a\ud800b']))).toEqual(['app | a\ud800b\n'])
  })

  test('a secret goes before anything is put into it, also where it has several lines', () => {
    const secrets = new Secrets()
    for (const secret of ['pa##[ss::error::w0rd', 'first line of a key\nsecond line of a key']) secrets.add(secret)
    const text = printed(
      log =>
        log.outside('first line of a key', ['x pa##[ss::error::w0rd y', 'first line of a key', 'second line of a key']),
      secrets.redact,
    )
    expect(text).toEqual(['*** | x *** y\n*** | ***\n*** | ***\n'])
  })
})

test('our own lines with names from outside are no commands', () => {
  for (const line of [...hostile, ...hostile.map(text => `Task ${text}`)]) {
    const text = printed(log => log.info(line)).join('')
    expect({ line, commands: commandsIn(text) }).toEqual({ line, commands: [] })
    expect(marks(text)).toBe(
      `${marks(line)
        .split(/\r\n|\r|\n/)
        .join('\n')}\n`,
    )
  }
  expect(printed(log => log.info('std::vector\nsecond'))).toEqual(['std::vector\nsecond\n'])
})

test('annotations are one command each, and come back as they went in', () => {
  const texts = ['plain', 'two\nlines', '100 %, a:b; c=d, [x]', '%0A%25 é漢😀', 'std::vector', ...hostile]
  for (const kind of ['notice', 'warning', 'error'] as const) {
    for (const text of texts) {
      const writes = printed(log => log[kind](text, text))
      const commands = commandsIn(writes.join(''))
      expect(commands).toHaveLength(1)
      const [command] = commands
      expect(command?.name).toBe(kind)
      expect(marks(command?.data ?? '')).toBe(
        marks(text)
          .split(/\r\n|\r|\n/)
          .join('\n'),
      )
      expect(marks(command?.properties['title'] ?? '')).toBe(marks(text))
      // The runner prints an annotation again, line by line.
      for (const line of (command?.data ?? '').split('\n')) expect(commandsIn(`x ${line}`)).toEqual([])
    }
  }
  const secrets = new Secrets()
  secrets.add('se%cr\net-value')
  expect(printed(log => log.error('se%cr\net-value', 'a se%cr\net-value'), secrets.redact)).toEqual([
    '::error title=***::a ***\n',
  ])
})

test('a group is closed whatever happens in it, and hands on what came of it', async () => {
  const writes: string[] = []
  const log = createLog(text => writes.push(text))
  await expect(log.group('one: 50%\n::error::x', async () => void log.info('inside'))).resolves.toBeUndefined()
  await expect(log.group('two', async () => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
  await expect(log.group('three', async () => 3)).resolves.toBe(3)
  expect(commandsIn(writes.join('')).map(({ name }) => name)).toEqual([
    'group',
    'endgroup',
    'group',
    'endgroup',
    'group',
    'endgroup',
  ])
  expect(marks(writes[0] ?? '')).toBe('::group::one: 50%25%0A::error::x\n')
  expect(writes[1]).toBe('inside\n')
})
