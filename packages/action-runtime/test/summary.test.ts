import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { codeBlock, createLog } from '../src/index.ts'
import { appendSummary, fitting } from '../src/summary.ts'

const NOTE = '_The rest was left out: GitHub shows at most 1 MiB. The log has it all._'
const bytes = (text: string): number => Buffer.byteLength(text)

/** Is a code block open at the end? */
function openFence(markdown: string): string | undefined {
  let fence: string | undefined
  for (const line of markdown.split('\n')) {
    if (fence === undefined) fence = /^`{3,}/.exec(line)?.[0]
    else if (line === fence) fence = undefined
  }
  return fence
}

test('a section that is too long is cut at a line: under the limit, with a note, no block left open', () => {
  const lines = Array.from({ length: 300 }, (_, index) => `line ${index} é漢😀`)
  const sections = [
    lines.join('\n'),
    `# Title\n\n${codeBlock(lines.join('\n'))}\n\nafter`,
    `# Title\n\n${codeBlock(`${'`'.repeat(150)}\n${lines.join('\n')}`)}\n\nafter`,
    `${codeBlock('a')}\n\n${codeBlock(lines.join('\n'))}\n\n${codeBlock(lines.join('\n'))}`,
    'é'.repeat(5000),
    codeBlock('x'.repeat(5000)),
  ]
  for (const markdown of sections) {
    expect(fitting(markdown, bytes(markdown))).toBe(markdown)
    for (let limit = 0; limit < bytes(markdown); limit += limit < 700 ? 1 : 61) {
      const cut = fitting(markdown, limit)
      expect(bytes(cut)).toBeLessThanOrEqual(limit)
      expect(cut.includes(NOTE)).toBe(limit >= bytes(`\n\n${NOTE}\n`))
      expect(openFence(cut)).toBeUndefined()
      expect(cut.isWellFormed()).toBe(true)
      // What is kept is a beginning of the section, line by line.
      const kept = cut.slice(0, cut.indexOf(`\n\n${NOTE}`)).split('\n')
      const given = markdown.split('\n')
      if (kept.at(-1) !== given[kept.length - 1]) kept.pop()
      expect(kept).toEqual(given.slice(0, kept.length))
    }
  }
  // Not much is lost beyond what has to go.
  const [plainLines = ''] = sections
  expect(bytes(fitting(plainLines, 2000))).toBeGreaterThan(1950)
})

const LIMIT = 1024 * 1024
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'summary-'))
})
afterAll(() => rm(folder, { recursive: true }))

test("the file never reaches GitHub's limit, whatever stands in it already", async () => {
  const log = createLog(() => {})
  const huge = `# Verdict\n\n${codeBlock('é漢😀 '.repeat(20).concat('\n').repeat(20_000))}`
  for (const before of [0, 1000, LIMIT - 5000, LIMIT - 90, LIMIT - 10, LIMIT]) {
    const file = join(folder, `${before}.md`)
    await writeFile(file, 'x'.repeat(before))
    await appendSummary(file, huge, log)
    const written = await readFile(file)
    expect(written.length).toBeLessThanOrEqual(LIMIT)
    const added = new TextDecoder('utf-8', { fatal: true }).decode(written.subarray(before))
    expect(added.startsWith('# Verdict')).toBe(before <= LIMIT - 90)
    expect(added.includes(NOTE)).toBe(before <= LIMIT - 90)
    expect(openFence(added)).toBeUndefined()
  }
})

test('sections follow each other; broken characters become whole ones', async () => {
  const file = join(folder, 'new.md')
  const log = createLog(() => {})
  await appendSummary(file, '### one\n\n\n', log)
  await appendSummary(file, 'two \ud800', log)
  expect(await readFile(file, 'utf8')).toBe('### one\n\ntwo \ufffd\n\n')
})

test('no file is no failure', async () => {
  const said: string[] = []
  const log = createLog(text => said.push(text))
  await appendSummary(undefined, 'x', log)
  await appendSummary('', 'x', log)
  expect(said).toEqual([])
  await appendSummary(join(folder, 'no', 'such', 'folder.md'), 'x', log)
  expect(said.join('')).toMatch(/^::debug::The job summary could not be written: .*ENOENT/)
})
