import { describe, expect, test } from '@jest/globals'
import { inputsTable, outputsTable } from '../src/index.ts'
import { codeSpan, tableCell } from '../src/tables.ts'

describe('a description in a table cell', () => {
  test.each([
    ['plain words', 'plain words'],
    ['a `code` span', 'a `code` span'],
    ['one | two', 'one &#124; two'],
    ['a <b>tag</b>', 'a &lt;b>tag&lt;/b>'],
    ['`Map<string>` stays', '`Map<string>` stays'],
    ['`a|b` or c', '<code>a&#124;b</code> or c'],
    ['`` ` `` and `<`', '`` ` `` and `<`'],
    ['an open ` and <i>', 'an open ` and &lt;i>'],
    ['`one` < `two`', '`one` &lt; `two`'],
    ['over\n  two lines', 'over two lines'],
    ['`${NAME}` and `$${NAME}`', '`${NAME}` and `$${NAME}`'],
  ])('%j', (markdown, cell) => {
    expect(tableCell(markdown)).toBe(cell)
  })

  test('a code span with a pipe hides what would be markup', () => {
    expect(tableCell('`<a>|*`')).not.toMatch(/<a>|\||\*/)
  })
})

test('any text as code', () => {
  expect(codeSpan('10m')).toBe('`10m`')
  expect(codeSpan('<x>')).toBe('`<x>`')
  expect(codeSpan('a|b')).toBe('<code>a&#124;b</code>')
  expect(codeSpan('a`b')).not.toContain('a`b')
})

test('inputs: required, default, several lines, none', () => {
  const input = { description: 'Text.', required: false, default: undefined }
  const text = inputsTable([
    { ...input, name: 'given', required: true },
    { ...input, name: 'tags', default: '{sha}\nlatest' },
    { ...input, name: 'lock', default: 'true', description: 'Yes | no.' },
    { ...input, name: 'none' },
  ])
  expect(text.replaceAll('`', "'")).toBe(`| Input   | Default             | Description    |
| ------- | ------------------- | -------------- |
| 'given' | **required**        | Text.          |
| 'tags'  | '{sha}'<br>'latest' | Text.          |
| 'lock'  | 'true'              | Yes &#124; no. |
| 'none'  |                     | Text.          |`)
})

test('outputs', () => {
  expect(outputsTable([{ name: 'status', description: '`a` or `b`.' }])).toBe(`| Output   | Description |
| -------- | ----------- |
| \`status\` | \`a\` or \`b\`. |`)
})
