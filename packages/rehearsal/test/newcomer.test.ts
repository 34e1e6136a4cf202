import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'

const ROOT = new URL('../../../', import.meta.url).pathname

let folder: string
let archive: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'newcomer-'))
  const said = execFileSync(join(ROOT, 'scripts/pack-rehearsal'), [folder], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  archive = said.trim().split('\n').at(-1) ?? ''
}, 240_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('an example, copied into an empty git repository, is rehearsed there with the packed package', () => {
  const repository = join(folder, 'shop')
  cpSync(join(ROOT, 'examples/task-definition-files'), repository, { recursive: true })
  const run = (command: string, ...words: readonly string[]): string => {
    const { status, stdout, stderr, error } = spawnSync(command, words, { cwd: repository, encoding: 'utf8' })
    if (status !== 0) throw new Error(`${command} ${words.join(' ')}: ${error ?? status}\n${stdout}\n${stderr}`)
    return stdout
  }
  run('git', 'init', '--quiet')
  // What npm has fetched for this checkout is in its cache.
  run('npm', 'install', '--no-save', '--no-audit', '--no-fund', '--prefer-offline', archive)
  const said = run('npx', '--no-install', 'rehearse', '.github/workflows/deploy.yml', '--event', 'push')
  expect(said).toMatch(/^deploy success after/m)
  expect(readFileSync(join(repository, 'rehearsal.html'), 'utf8')).toContain('frontend')
}, 240_000)
