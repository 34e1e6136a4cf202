import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runJavaScriptAction } from '@aws-deploy-actions/rehearsal'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { root } from './support/module-graph.ts'

const ACTION = join(root, '.github/actions/check-inputs')
const CHECK = '- url: https://shop.example.com/health\n  expect: { version: "{version}" }'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'check-inputs-'))
  await writeFile(join(folder, 'smoke.yml'), CHECK)
  await writeFile(join(folder, 'wrong.yml'), '- url: nowhere')
  await writeFile(join(folder, 'empty.yml'), '')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function check(inputs: Readonly<Record<string, string>>) {
  const { exitCode, stdout, summary, reports } = await runJavaScriptAction(ACTION, { inputs, workspace: folder })
  return { exitCode, text: stdout, summary, reports }
}

test.concurrent.each<[string, Readonly<Record<string, string>>]>([
  ['nothing', {}],
  ['images', { images: '- repository: shop\n- { repository: web, context: web }' }],
  [
    'projects',
    { projects: '["web", {"directory": "api", "setup": "node", "lint": ["npm run lint"]}]', 'lint-commands': 'true' },
  ],
  ['a repository that looks like a number', { images: '- repository: 2048' }],
  [
    'projects of which one has only lint',
    { projects: '[{"directory": "web", "lint": "true"}, {"directory": "api", "test": "npm test"}]' },
  ],
  ['projects with commands of their own', { projects: '[{"directory": "api", "test": "npm test"}]' }],
  ['databases', { databases: '["north", "say \\"south\\""]' }],
  ['ten databases', { databases: JSON.stringify(Array.from({ length: 10 }, (_, index) => `d${index}`)) }],
  ['smoke checks', { 'smoke-checks': CHECK, 'smoke-timeout': '30s' }],
  ['smoke checks with a bare {version}', { 'smoke-checks': CHECK.replaceAll('"', '') }],
  ['smoke checks in a file', { 'smoke-checks': 'smoke.yml' }],
  ['words', { setup: 'python', registry: 'public', 'scan-fail-on': 'high' }],
])('fine: %s leaves neither a record nor a page', async (_, inputs) => {
  expect(await check(inputs)).toMatchObject({ exitCode: 0, summary: '', reports: [] })
})

test.concurrent.each<[Readonly<Record<string, string>>, string]>([
  [{ version: '1.0', 'rollback-to': 'previous' }, 'version: is filled in, and so is rollback-to'],
  [{ images: 'shop' }, 'images: is no YAML list of images'],
  [{ images: '- context: web' }, 'images: is no YAML list of images'],
  [{ images: '- repository: [' }, 'is not valid YAML'],
  [{ registry: 'docker.io' }, 'registry: "docker.io": allowed is private, public'],
  [{ setup: 'nodejs' }, 'setup: "nodejs": allowed is node, python, none'],
  [{ 'scan-fail-on': 'severe' }, 'scan-fail-on: "severe": allowed is none, critical'],
  [{ projects: '["web"' }, 'projects: "["web"": is not valid JSON'],
  [{ projects: '- web' }, 'is not valid JSON'],
  [{ projects: '"web"' }, 'projects: is no JSON list of directories'],
  [{ projects: '[]' }, 'projects: is no JSON list of directories'],
  [{ projects: '["web", 3]' }, 'projects: entry 2: allowed is a directory, or an object'],
  [{ projects: '[{"lint": "true"}]' }, 'projects: entry 1 has no directory'],
  [{ projects: '[{"directory": "web", "tests": "true"}]' }, 'projects: entry 1: the key tests is unknown'],
  [{ projects: '["web", {"directory": "api", "lint": "true"}]' }, 'entry 1 has commands for neither lint nor tests'],
  [
    { projects: '["web", {"directory": "api", "test": "npm test"}]', 'lint-commands': 'npm run lint' },
    'projects: entry 1 has no commands of test, which others have; give it some, or only lint',
  ],
  [{ databases: 'north' }, 'databases: "north": is not valid JSON'],
  [{ 'migrate-timeout': 'long' }, 'migrate-timeout: "long":'],
  [{ 'smoke-timeout': '10' }, 'smoke-timeout: "10":'],
  [{ 'smoke-checks': '- url: nowhere' }, 'smoke-checks: entry 1, url:'],
  [{ 'smoke-checks': '- { url: "https://a.example", expects: {} }' }, 'smoke-checks: entry 1, expects:'],
  [{ 'smoke-checks': '- url: [' }, 'smoke-checks: line'],
  [{ 'smoke-checks': 'no.yml' }, 'smoke-checks: "no.yml": there is no such file'],
  [{ 'smoke-checks': 'wrong.yml' }, 'smoke-checks: entry 1, url:'],
  [{ 'smoke-checks': 'empty.yml' }, 'smoke-checks: allowed is a list of checks'],
])('refused: %j', async (inputs, problem) => {
  const { exitCode, text } = await check(inputs)
  expect(exitCode).toBe(1)
  expect(text).toContain(problem)
})

test.concurrent.each([
  '[]',
  '"north"',
  '{"north":"south"}',
  '["north",null]',
  '[""]',
  '["north"," "]',
  '[["north"]]',
  '[1]',
])('databases that are no list of names: %s', async databases => {
  const { exitCode, text } = await check({ databases })
  expect(exitCode).toBe(1)
  expect(text).toContain('databases: is not a JSON list of names')
})

test.concurrent('more than ten databases', async () => {
  const databases = JSON.stringify(Array.from({ length: 11 }, (_, index) => `d${index}`))
  expect((await check({ databases })).text).toContain('databases: there are more than 10')
})

describe('several at once', () => {
  test('are one annotation, one record, and stand on the page', async () => {
    const { exitCode, text, summary, reports } = await check({
      databases: '[]',
      setup: 'nodejs',
      'smoke-checks': '- url: nowhere\n  headers: { authorization: "Bearer hunter2\n" }',
    })
    expect(exitCode).toBe(1)
    expect(text.match(/^::error/gm)).toHaveLength(1)
    for (const input of ['databases', 'setup', 'smoke-checks']) {
      expect(text).toContain(`- ${input}: `)
      expect(summary).toContain(`- ${input}: `)
    }
    expect(text).not.toContain('hunter2')
    expect(reports).toHaveLength(1)
  })
})
