import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { describeWith } from '../../../test/support/parts.ts'

const ROOT = new URL('../../../', import.meta.url).pathname

/** What to write, the run that has to succeed, and something that its page shows. */
const EXAMPLES = {
  'database-migrations': {
    words: ['migrate.yml', '--event', 'workflow_dispatch', '--input', 'database=shop_west'],
    run: 'migrate shop_west',
    shown: 'shop_west',
  },
  'migrate-deploy-smoke': { words: ['deliver.yml', '--event', 'push'], run: 'deliver', shown: 'smoke' },
  'task-definition-files': { words: ['deploy.yml', '--event', 'push'], run: 'deploy', shown: 'frontend' },
} as const
/** What needs containers. */
const WITH_DOCKER = {
  'ec2-compose': {
    words: ['deploy.yml', '--event', 'push', '--engine', 'docker'],
    run: 'deploy',
    shown: 'shop-backend',
  },
} as const

let folder: string
let archive: string
beforeAll(async () => {
  // Its owner's alone, as a home is: root's PostgreSQL runs as somebody who may not look into it.
  folder = mkdtempSync(join(tmpdir(), 'newcomer-'))
  const said = await run(ROOT, join(ROOT, 'scripts/pack-rehearsal'), folder)
  archive = said.trim().split('\n').at(-1) ?? ''
}, 240_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function run(cwd: string, command: string, ...words: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(command, words, { cwd, maxBuffer: 1 << 26 }).catch((error: unknown) => {
    throw new Error(`${command} ${words.join(' ')}: ${error}\n${String(Object(error).stdout).slice(-20_000)}`)
  })
  return stdout
}

/** Copies an example into an empty git repository, and rehearses it there with nothing but the packed package. */
async function rehearsed(name: string, [workflow = '', ...words]: readonly string[]) {
  const repository = join(folder, name)
  const modules = (path: string): boolean => !path.endsWith('/node_modules')
  cpSync(join(ROOT, 'examples', name), repository, { recursive: true, filter: modules })
  // AWS's slow steps are tried elsewhere.
  const seed = join(repository, 'rehearsal.yml')
  writeFileSync(seed, `speed: 100\n${readFileSync(seed, 'utf8')}`)
  await run(repository, 'git', 'init', '--quiet')
  // What npm has fetched for this checkout is in its cache.
  await run(repository, 'npm', 'install', '--no-save', '--no-audit', '--no-fund', '--prefer-offline', archive)
  const said = await run(repository, 'npx', '--no-install', 'rehearse', `.github/workflows/${workflow}`, ...words)
  return { said, page: readFileSync(join(repository, 'rehearsal.html'), 'utf8') }
}

interface Rehearsed {
  readonly words: readonly string[]
  readonly run: string
  readonly shown: string
}

async function isGreen(name: string, { words, run: title, shown }: Rehearsed): Promise<void> {
  const { said, page } = await rehearsed(name, words)
  expect(said).toMatch(new RegExp(`^${title} success after`, 'm'))
  expect(said).not.toMatch(/^\S+ (?:failure|cancelled) after/m)
  expect(page).toContain(shown)
}

describe('an example, copied into an empty git repository, is rehearsed there with the packed package', () => {
  test.each(Object.entries(EXAMPLES))('%s', isGreen, 240_000)
})

describeWith(
  ['Docker Engine', 'bridge network', 'docker compose', 'busybox-static'],
  'the same with containers',
  () => {
    test.each(Object.entries(WITH_DOCKER))('%s', isGreen, 240_000)
  },
)

test('every example is one of them', () => {
  expect(Object.keys({ ...EXAMPLES, ...WITH_DOCKER }).sort()).toEqual(readdirSync(join(ROOT, 'examples')).sort())
})
