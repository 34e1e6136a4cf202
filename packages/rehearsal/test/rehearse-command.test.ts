import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { afterEach, beforeEach, expect, test } from '@jest/globals'

const MAIN = new URL('../src/cli/main.ts', import.meta.url).pathname

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'command-'))
  mkdirSync(join(folder, '.github/workflows'), { recursive: true })
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function workflow(yaml: string): string {
  const path = join(folder, '.github/workflows/w.yml')
  writeFileSync(path, yaml)
  return path
}

interface Command {
  readonly child: ChildProcessByStdio<null, Readable, Readable>
  /** settles when the text has been printed */
  seen(text: string): Promise<void>
  readonly ended: Promise<{ code: number | null; output: string }>
}

function start(...words: string[]): Command {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...words], {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const waiting = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
      for (const look of waiting) look()
    })
  return {
    child,
    seen: text =>
      new Promise(settle => {
        const look = (): void => {
          if (output.includes(text)) settle()
        }
        waiting.add(look)
        look()
      }),
    ended: new Promise(settle => child.once('close', code => settle({ code, output }))),
  }
}

test('shows the jobs, leaves the page, and says by its exit code how it went', async () => {
  const path = workflow(`
name: Deliver
on:
  workflow_dispatch: { inputs: { database: { type: choice, options: [shop, billing] } } }
jobs:
  migrate:
    runs-on: ubuntu-latest
    environment: production
    steps:
      - run: echo "\${{ inputs.database }} \${{ vars.PLACE }} \${{ secrets.KEY }}" | tee -a "$GITHUB_STEP_SUMMARY"
      - run: exit \${{ vars.CODE }}
`)
  writeFileSync(join(folder, 'vars'), 'PLACE=anywhere\nproduction/PLACE=here\nCODE=0\n')
  writeFileSync(join(folder, 'secrets'), '# for the rehearsal\nKEY="very secret"\n')
  const words = [path, '--input', 'database=billing', '--vars', 'vars', '--secrets', 'secrets', '--log']
  const { code, output } = await start(...words, '--approve', 'production').ended
  expect(output).toContain('billing here ***')
  expect(output).not.toContain('very secret')
  expect(code).toBe(0)
  const page = readFileSync(join(folder, 'rehearsal.html'), 'utf8')
  expect(page).toContain('billing here ***')
  expect(page).not.toContain('very secret')

  const refused = await start(...words, '--refuse', 'production').ended
  expect(refused.output).toContain('failure')
  expect(refused.code).toBe(1)
})

test('what never begins is 2: a wrong input, a wrong file, a wrong option', async () => {
  const path = workflow('on: workflow_dispatch\njobs: { a: { runs-on: x, steps: [{ run: "true" }] } }\n')
  const [input, option, broken] = await Promise.all([
    start(path, '--input', 'nothing=1').ended,
    start(path, '--event', 'schedule').ended,
    start(join(folder, 'absent.yml')).ended,
  ])
  expect([input.code, option.code, broken.code]).toEqual([2, 2, 2])
  expect(input.output).toContain('Unexpected inputs provided: ["nothing"]')
  expect(option.output).toContain('--event must be one of')
  expect(broken.output).toContain('there is no workflow file')
})

test('Ctrl-C cancels as the button does: always() still runs; once more ends everything at once', async () => {
  const path = workflow(`
on: workflow_dispatch
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: echo is running; exec sleep 60
      - { if: always(), run: echo cleans up; sleep 60 }
`)
  const command = start(path, '--log')
  await command.seen('│ is running')
  command.child.kill('SIGINT')
  await command.seen('│ cleans up')
  command.child.kill('SIGINT')
  const { code, output } = await command.ended
  expect(output.indexOf('Cancelling')).toBeGreaterThan(0)
  expect(code).toBe(1)
  expect(readFileSync(join(folder, 'rehearsal.html'), 'utf8')).toContain('cancelled')
})
