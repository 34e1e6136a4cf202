import { expect, test } from '@jest/globals'
import { summaryPage } from '../src/summary-page.ts'
import { stepOutput } from '../src/terminal.ts'

/** What is shown of these lines, in chunks that end anywhere. */
function shown(lines: readonly string[]): string[] {
  let text = ''
  const output = stepOutput(part => {
    text += part
  })
  for (const chunk of `${lines.join('\n')}\n`.match(/[\s\S]{1,7}/g) ?? []) output.write(chunk)
  output.end()
  return text
    .trimEnd()
    .split('\n')
    .map(line => line.replace(/^ {2}│ /, ''))
}

test('a step is shown as in the log on GitHub: annotations as text, commands hidden', () => {
  expect(
    shown(['before', '::add-mask::secret', '::debug::x', '::error title=T::It%0Afailed: 100%25', '::notice::so']),
  ).toEqual(['before', 'Error: It', 'failed: 100%', 'Notice: so'])
})

test('a short group is open, a long one is folded', () => {
  const many = Array.from({ length: 9 }, (_, number) => `line ${number}`)
  expect(shown(['::group::Plan', 'one', '::endgroup::', '::group::Build', ...many, '::endgroup::', 'after'])).toEqual([
    '▾ Plan',
    '  one',
    '▸ Build (9 lines)',
    'after',
  ])
})

test('nothing of a group that never ended is hidden', () => {
  const many = Array.from({ length: 9 }, (_, number) => `line ${number}`)
  expect(shown(['::group::Build', ...many])).toEqual(['▾ Build', ...many.map(line => `  ${line}`)])
})

test('job summaries become one page, steps without one are left out', () => {
  const page = summaryPage('Summaries of <x>', [
    { title: 'first <1>', markdown: '### ✅ Done\n\n| a | b |\n| --- | --- |\n| 1 | <code>2</code> |\n' },
    { title: 'second', markdown: '' },
  ])
  expect(page).toContain('<h1>Summaries of &lt;x></h1>')
  expect(page).toContain('<h2>first &lt;1></h2>')
  expect(page).toContain('<h3>✅ Done</h3>')
  expect(page).toContain('<td><code>2</code></td>')
  expect(page).not.toContain('second')
})
