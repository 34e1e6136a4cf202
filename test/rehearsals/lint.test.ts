import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import './patience.ts'
import { type Caller, startCaller } from './calls.ts'

let caller: Caller
beforeAll(async () => {
  caller = await startCaller({ 'api/rules': 'tabs', 'web/rules': 'spaces', 'web/sub/rules': 'none' })
})
afterAll(() => caller?.stop())

describe('lint.yml', () => {
  test('runs all commands, says which failed, and fails', async () => {
    const { jobs, outputs, page, messages, run } = await caller.call('lint', {
      commands: 'echo first\n# a comment\nfalse\ntest -f rules || exit 4\necho last',
    })
    expect(jobs).toMatchObject({ lint: 'failure' })
    expect(run.jobs['call']?.result).toBe('failure')
    expect(outputs['status']).toBe('failure')
    expect(run.jobs['call / lint (.)']?.log).toContain('last')
    expect(messages).toEqual(
      expect.arrayContaining(['false ended with exit code 1.', 'test -f rules || exit 4 ended with exit code 4.']),
    )
    expect(page).toContain('Lint')
    expect(page).toContain('false ended with exit code 1.')
    expect(outputs['report']).toContain('"status":"failure"')
  })

  test('makes one job of each project; one that fails leaves the others alone', async () => {
    const { jobs, outputs, page } = await caller.call('lint', {
      projects: JSON.stringify([
        'api',
        { directory: 'web', commands: ['grep spaces rules', 'echo seen >seen'], before: 'test ! -e seen' },
        { directory: 'web/sub', lint: 'grep tabs rules', commands: 'true' },
      ]),
      commands: 'grep tabs rules',
    })
    expect(Object.entries(jobs).filter(([key]) => key !== 'lint')).toEqual(
      expect.arrayContaining([
        ['lint (api)', 'success'],
        [expect.stringContaining('lint (web, '), 'success'],
        [expect.stringContaining('lint (web/sub, '), 'failure'],
      ]),
    )
    expect(jobs['lint']).toBe('failure')
    expect(outputs['status']).toBe('failure')
    expect(page.match(/^## .*$/gm)?.toSorted()).toEqual([
      '## ✅ Lint api: success',
      '## ✅ Lint web: success',
      '## ❌ Lint web/sub: failure',
    ])
    expect(page).toContain('grep tabs rules ended with exit code 1.')
  })

  test('two projects of one directory keep a report each', async () => {
    const { jobs, run } = await caller.call('lint', {
      projects: JSON.stringify([
        { directory: 'web', lint: 'exit 3' },
        { directory: 'web', lint: 'true' },
      ]),
    })
    expect(jobs).toMatchObject({ lint: 'failure' })
    const kept = Object.values(run.jobs).flatMap(({ log }) => /files are the artifact (\S+)/.exec(log)?.[1] ?? [])
    expect(new Set(kept).size).toBe(2)
  })

  test('a project that has commands only for tests is left alone, unless none has any to lint', async () => {
    const testsOnly = { directory: 'api', test: 'exit 8', install: 'exit 9' }
    const { outputs } = await caller.call('lint', {
      projects: JSON.stringify([testsOnly, { directory: 'web', lint: 'grep spaces rules' }]),
    })
    expect(outputs['status']).toBe('success')
    const none = await caller.call('lint', { projects: JSON.stringify([{ ...testsOnly, install: 'true' }]) })
    expect(none.outputs['status']).toBe('failure')
  })

  test('a command of install that fails ends it', async () => {
    const { jobs, run, messages } = await caller.call('lint', {
      install: 'exit 7\necho more',
      commands: 'echo checked',
    })
    expect(jobs['lint']).toBe('failure')
    expect(messages).toContain('exit 7 ended with exit code 7.')
    expect(run.jobs['call / lint (.)']?.log).not.toContain('##[group]echo')
  })

  test('without commands it fails', async () => {
    const { outputs, messages } = await caller.call('lint', {})
    expect(outputs['status']).toBe('failure')
    expect(messages).toContain('There are no commands to run: the input commands is empty.')
  })

  test('works in a directory, with what is installed before, without any credentials', async () => {
    const { jobs, outputs, run } = await caller.call('lint', {
      'working-directory': 'web',
      setup: 'node',
      commands: 'node --version\ngrep spaces rules\ntest -z "${AWS_ACCESS_KEY_ID-}"',
    })
    expect(jobs).toMatchObject({ lint: 'success' })
    expect(outputs['status']).toBe('success')
    expect(run.jobs['call / lint (.)']?.permissions).toEqual({ contents: 'read', metadata: 'read' })
    expect(run.jobs['call / lint (.)']?.environment).toBeUndefined()
  })
})
