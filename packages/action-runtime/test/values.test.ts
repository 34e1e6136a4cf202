import { execFileSync } from 'node:child_process'
import { describe, expect, test } from '@jest/globals'
import {
  argumentList,
  durationMs,
  durationText,
  entryLines,
  keyValueLines,
  posixWords,
  shortened,
  yamlBoolean,
} from '../src/values.ts'

/** What a function returns, or the message of what it throws behind `!`. */
function outcome(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return `!${error instanceof Error ? error.message : error}`
  }
}

describe('durations', () => {
  const allowed = '!allowed is a duration such as 500ms, 45s, 10m or 1h30m'
  const rows: [string, unknown][] = [
    ['500ms', 500],
    ['45s', 45_000],
    ['10m', 600_000],
    ['1h30m', 5_400_000],
    [' 1h1m1s1ms ', 3_661_001],
    ['0s', 0],
    ['24h', 86_400_000],
    ['90m', 5_400_000],
    ['168h', 604_800_000],
    ['169h', '!allowed is at most 168h'],
    [`${'9'.repeat(400)}h`, '!allowed is at most 168h'],
    ...['', '10', '10 m', '1.5h', '-5s', '10M', '5m30', 'PT5M', '1d', 'm', '１０m', '10m\n5', '5min'].map(
      (text): [string, unknown] => [text, allowed],
    ),
  ]
  test.each(rows)('%j', (text, wanted) => expect(outcome(() => durationMs(text))).toBe(wanted))

  test.each([
    [0, '0ms'],
    [450, '450ms'],
    [999.4, '999ms'],
    [999.6, '1s'],
    [12_000, '12s'],
    [59_499, '59s'],
    [59_500, '1m'],
    [185_000, '3m 5s'],
    [3_599_600, '1h'],
    [3_720_000, '1h 2m'],
    [86_400_000, '24h'],
  ])('%d ms reads %s', (ms, text) => expect(durationText(ms)).toBe(text))
})

test('booleans are those of YAML 1.2', () => {
  for (const text of ['true', 'True', 'TRUE', ' true\n']) expect(yamlBoolean(text)).toBe(true)
  for (const text of ['false', 'False', 'FALSE']) expect(yamlBoolean(text)).toBe(false)
  for (const text of ['yes', 'no', 'on', 'off', '1', '0', 'tRUE', 'y', '', 'null', 'true false'])
    expect(outcome(() => yamlBoolean(text))).toBe('!allowed is true or false')
})

test('lists: comments and blank lines go, everything else is verbatim', () => {
  const text = '# first\n\n  a b  \r\n\t# indented comment\n \t \n#\nb#no comment\nc # neither\r\n\r\n=\n  é漢😀\u00a0'
  expect(entryLines(text)).toEqual(['  a b  ', 'b#no comment', 'c # neither', '=', '  é漢😀\u00a0'])
  expect(entryLines('a\rb')).toEqual(['a\rb'])
  expect(entryLines('')).toEqual([])
})

test('maps: split at the first =, values verbatim, every wrong line named', () => {
  const text = [
    'A=1',
    'B=',
    '  C =  two words  ',
    'URL=postgres://u:p@h/db?a=b&c==',
    'HASH=#no comment',
    'JSON={"a":"b=c"}',
    'UNI=é漢😀',
    'key with blanks=x\r',
    '# D=4',
    'A=again',
    'no equals sign',
    '=no key',
    '   =  ',
    '__proto__=p',
    'A=third',
  ].join('\n')
  const { entries, problems } = keyValueLines(text)
  expect([...entries]).toEqual([
    ['A', '1'],
    ['B', ''],
    ['C', '  two words  '],
    ['URL', 'postgres://u:p@h/db?a=b&c=='],
    ['HASH', '#no comment'],
    ['JSON', '{"a":"b=c"}'],
    ['UNI', 'é漢😀'],
    ['key with blanks', 'x'],
    ['__proto__', 'p'],
  ])
  expect(problems).toEqual([
    'the key "A" is given twice; allowed is once',
    'a line after "key with blanks" has no "="; allowed is one KEY=VALUE per line',
    'a line has no key before "="; allowed is one KEY=VALUE per line',
    'a line has no key before "="; allowed is one KEY=VALUE per line',
    'the key "A" is given twice; allowed is once',
  ])
})

test('the rest of a value over several lines is not quoted: it may be a secret', () => {
  const { problems } = keyValueLines('KEY=-----BEGIN\nc2VjcmV0\n-----END')
  expect(problems).toHaveLength(2)
  expect(problems.join()).not.toContain('c2Vj')
  expect(problems[0]).toBe('a line after "KEY" has no "="; allowed is one KEY=VALUE per line')
  expect(keyValueLines('broken\nKEY=1').problems[0]).toContain('the line "broken" has no "="')
})

describe('words as a POSIX shell splits them', () => {
  const rows: [string, unknown][] = [
    ['', []],
    ['   \t ', []],
    ['python manage.py migrate --noinput', ['python', 'manage.py', 'migrate', '--noinput']],
    [`sh -c 'echo "$HOME" && exit 1'`, ['sh', '-c', 'echo "$HOME" && exit 1']],
    [`a"b"'c'd`, ['abcd']],
    [`"" '' x`, ['', '', 'x']],
    ['a\\ b \\"', ['a b', '"']],
    ['"a\\"b\\\\c\\$d\\`e\\f"', ['a"b\\c$d`e\\f']],
    [`'a\\'`, ['a\\']],
    ['a\\\nb "c\\\nd"', ['ab', 'cd']],
    // nothing is expanded, and nothing is an operator
    ['echo $HOME `id` $(id) *.sql ~ a|b;c>d&', ['echo', '$HOME', '`id`', '$(id)', '*.sql', '~', 'a|b;c>d&']],
    ['a\nb', '!holds more than one command; allowed is one line (join lines with a \\ at their end), or a JSON array'],
    // blanks of other alphabets are letters to a shell
    ['a\u00a0b\u2003c', ['a\u00a0b\u2003c']],
    ['😀 "漢 字"', ['😀', '漢 字']],
    [`'open`, `!a ' is not closed; allowed is a complete POSIX command line`],
    ['"open', '!a " is not closed; allowed is a complete POSIX command line'],
    ['end\\', '!the line ends in a lone backslash; allowed is a complete POSIX command line'],
  ]
  test.each(rows)('%j', (line, wanted) => expect(outcome(() => posixWords(line))).toEqual(wanted))

  test('300 generated lines, against the shell of this machine', () => {
    const lines = generatedLines(300)
    const script = [`w() { for word in "$@"; do printf '%s\\036' "$word"; done; printf '\\035'; }`]
    for (const line of lines) script.push(`w ${line}`)
    const output = execFileSync('sh', { input: `${script.join('\n')}\n`, encoding: 'utf8' })
    const wanted = output.split('\u001d').slice(0, -1)
    expect(wanted).toHaveLength(lines.length)
    for (const [index, line] of lines.entries()) {
      const words = (wanted[index] ?? '').split('\u001e').slice(0, -1)
      expect({ line, words: posixWords(line) }).toEqual({ line, words })
    }
  })
})

/** Command lines of words, blanks, quotes and escapes, without what a shell would expand or take for an operator. */
function generatedLines(count: number): string[] {
  let seed = 42
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
    return Math.floor((seed / 2 ** 31) * below)
  }
  const pick = (from: readonly string[]): string => from[random(from.length)] ?? ''
  const text = (from: readonly string[]): string => Array.from({ length: random(5) }, () => pick(from)).join('')
  const letters = ['a', 'B', '7', '=', '/', '.', '-', ',', ':', '%', '+', '@', 'é', '漢', '😀', '\u00a0', '\v', '\r']
  const quotable = [...letters, ' ', '\t', '*', '?', '#', ';', '&', '|', '<', '>', '(', '~', '!', '{']
  const parts = [
    () => text(letters),
    () => pick([' ', '\t', '  ', ' \t ']),
    () => `'${text([...quotable, '"', '$', '`', '\\', '\n'])}'`,
    () => `"${text([...quotable, "'", '\\"', '\\$', '\\`', '\\\\', '\\a', "\\'", '\\\n', '\n'])}"`,
    () => `\\${pick([...quotable, '"', "'", '$', '`', '\\', '\n'])}`,
  ]
  return Array.from({ length: count }, () =>
    Array.from({ length: 1 + random(10) }, () => (parts[random(parts.length)] ?? (() => ''))()).join(''),
  )
}

test('argument lists are JSON, or for commands a line', () => {
  const rows: [string, 'json' | 'json-or-line', unknown][] = [
    ['["python", "-c", "print(1)"]', 'json', ['python', '-c', 'print(1)']],
    ['  []', 'json', []],
    ['["a b", ""]', 'json-or-line', ['a b', '']],
    ["python 'a b'", 'json-or-line', ['python', 'a b']],
    ['python', 'json', '!allowed is a JSON array of strings such as ["python", "manage.py"]'],
    ['["a", 1]', 'json', '!allowed is a JSON array that holds only strings'],
    ['[["a"]]', 'json-or-line', '!allowed is a JSON array that holds only strings'],
  ]
  for (const [text, form, wanted] of rows) expect(outcome(() => argumentList(text, form))).toEqual(wanted)
  expect(outcome(() => argumentList("['a']", 'json-or-line'))).toMatch(/^!is not valid JSON \(.+\); allowed is a JSON/)
})

test('a value in a message is one line of at most 100 characters, never half a character', () => {
  expect(shortened(' a\n\tb ')).toBe(' a b ')
  expect(shortened('x'.repeat(100))).toBe('x'.repeat(100))
  expect(shortened('x'.repeat(101))).toBe(`${'x'.repeat(99)}…`)
  expect(shortened('x'.repeat(98) + '😀'.repeat(9)).isWellFormed()).toBe(true)
})
