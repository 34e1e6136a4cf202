import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import './patience.ts'
import { type Caller, startCaller } from './calls.ts'
import { APPLICATION, SURROUNDINGS } from './small-application.ts'

let caller: Caller
let built = ''
const INPUTS = {
  cluster: 'shop',
  'task-definition': 'deploy/migrate.yml',
  'template-values': 'image={shop}',
  'network-from-service': 'api',
  'aws-region': 'eu-west-1',
}
beforeAll(async () => {
  caller = await startCaller(APPLICATION, SURROUNDINGS)
  const { outputs } = await caller.call('build', {
    images: '- repository: shop',
    tags: 'one',
    'aws-region': 'eu-west-1',
  })
  built = outputs['images'] ?? ''
})
afterEach(() => caller.cloud().aws.clearFaults())
afterAll(() => caller?.stop())

describe('migrate.yml', () => {
  test('migrates one database after the other, and checks each', async () => {
    const { jobs, outputs, page, step, run } = await caller.call('migrate', {
      ...INPUTS,
      built,
      databases: '["north", "south"]',
      command: 'node migrate.js',
      'verify-command': 'node -e "console.log(\'looked at \' + process.env.DATABASE_NAME)"',
      environment: 'production',
    })
    expect(jobs).toEqual({ migrate: 'success' })
    expect(outputs['status']).toBe('success')
    expect(outputs['report']).toContain('"database":"south"')
    expect([step('migrate', 'Migrate north'), step('migrate', 'Migrate south')]).toEqual(['success', 'success'])
    const log = run.jobs['call / migrate']?.log ?? ''
    const told = ['migrating north', 'looked at north', 'migrating south', 'looked at south'].map(line =>
      log.indexOf(line),
    )
    expect(told).toEqual(told.toSorted((a, b) => a - b))
    expect(told[0]).toBeGreaterThan(0)
    expect(page).toContain('north')
    expect(run.jobs['call / migrate']?.environment).toMatchObject({ name: 'production' })
  })

  test('stops at the first that fails, and says which and why', async () => {
    const { jobs, outputs, page, step } = await caller.call('migrate', {
      ...INPUTS,
      built,
      databases: '["north", "south", "west"]',
      command: 'node migrate.js south',
    })
    expect(jobs).toEqual({ migrate: 'failure' })
    expect(outputs['status']).toBe('failure')
    expect(['north', 'south', 'west'].map(name => step('migrate', `Migrate ${name}`))).toEqual([
      'success',
      'failure',
      'skipped',
    ])
    expect(outputs['report']).toContain('"database":"south"')
    expect(page).toContain('relation exists')
  })

  test('a check that fails is a failure', async () => {
    const { outputs, step, messages } = await caller.call('migrate', {
      ...INPUTS,
      version: 'one',
      'image-list': '- repository: shop',
      databases: '["north", "south"]',
      command: 'node migrate.js',
      'verify-command': 'node -e "process.exit(5)"',
    })
    expect(outputs['status']).toBe('failure')
    expect(step('migrate', 'Migrate north')).toBe('failure')
    expect(step('migrate', 'Migrate south')).toBe('skipped')
    expect(messages.join('\n')).toContain('5')
  })

  test('without a list it migrates once', async () => {
    const { outputs, run } = await caller.call('migrate', { ...INPUTS, built, command: 'node migrate.js none' })
    expect(outputs['status']).toBe('success')
    const ran = run.jobs['call / migrate']?.steps.filter(
      ({ name, conclusion }) => name.startsWith('Migrate') && conclusion !== 'skipped',
    )
    expect(ran).toHaveLength(1)
  })

  test.each(['[]', '"north"', '["north", null]', '["", "north"]'])(
    'a list that names no databases is refused: %s',
    async databases => {
      const { outputs, run, messages } = await caller.call('migrate', { ...INPUTS, built, databases })
      expect(outputs['status']).toBe('failure')
      expect(messages.join('\n')).toContain('databases: is not a JSON list of names')
      expect(
        run.jobs['call / migrate']?.steps.filter(
          ({ name, conclusion }) => /^Migrate/.test(name) && conclusion !== 'skipped',
        ),
      ).toEqual([])
    },
  )

  test('a list that is too long is refused before anything runs', async () => {
    const databases = JSON.stringify(Array.from({ length: 11 }, (_, index) => `d${index}`))
    const { outputs, step, messages } = await caller.call('migrate', { ...INPUTS, built, databases })
    expect(outputs['status']).toBe('failure')
    expect(step('migrate', 'Migrate d0')).toBe('skipped')
    expect(messages.join('\n')).toContain('more than 10')
  })

  test('an approval that is refused migrates nothing', async () => {
    const tasks = (): number =>
      caller
        .cloud()
        .aws.journal()
        .filter(({ operation }) => operation === 'RunTask').length
    const before = tasks()
    const { jobs, outputs } = await caller.call(
      'migrate',
      { ...INPUTS, built, environment: 'production' },
      { approve: () => false },
    )
    expect(jobs).toEqual({ migrate: 'failure' })
    expect(outputs['status']).toBe('failure')
    expect(tasks()).toBe(before)
  })
})
