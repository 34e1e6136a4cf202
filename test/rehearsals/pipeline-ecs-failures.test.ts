import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import './patience.ts'
import { ECS, type Shop, startShop } from './deliveries.ts'
import { pushVersion } from './small-application.ts'
import { deny, outputs, page, step, told } from './stages.ts'

const { failedAt, stages, without } = ECS

let shop: Shop
beforeAll(async () => {
  shop = await startShop()
})
afterEach(() => shop.aws.clearFaults())
afterAll(() => shop?.stop())

// One after the other: they deliver to one service, and what one leaves is what the next finds.
describe('what the pipeline for ECS does when something fails', () => {
  beforeAll(async () => {
    await pushVersion(shop.aws, 'one')
    const run = await shop.deliver({ event: 'workflow_dispatch', inputs: { 'rollback-to': 'one' } })
    expect(run.status).toBe('success')
  })

  test.each<[string, Readonly<Record<string, string>>, string]>([
    ['check', { SERVICES: 'api=deploy/api.yml\nghost=deploy/api.yml' }, 'ghost: does not exist'],
    ['lint', { LINT: 'exit 4' }, 'exit 4 ended with exit code 4.'],
    ['test', { TEST: 'exit 5' }, 'exit 5 ended with exit code 5.'],
    ['build', { BEFORE: 'exit 6' }, 'exit 6 ended with exit code 6.'],
    ['migrate', { BAD_DATABASE: 'north' }, 'relation exists'],
    ['deploy', { FAULT: 'crash' }, 'PAYMENT_KEY is not set'],
  ])('a failure of %s lets nothing after it run but the summary, which says why', async (stage, vars, reason) => {
    const run = await shop.deliver({ vars: { VERSION: 'one', TAG: `bad-${stage}`, ...vars } })
    expect(stages(run)).toEqual(failedAt(stage))
    expect(run.status).toBe('failure')
    expect(outputs(run)['status']).toBe('failure')
    expect(page(run)).toContain(`**${stage} failed`)
    expect(page(run)).toContain(reason)
    expect(told(run)).toEqual(without(failedAt(stage)))
    expect(await shop.runningVersion()).toBe('one')
    if (stage === 'migrate') {
      expect(step(run, 'deliver / migrate / migrate', 'Migrate north')).toBe('failure')
      expect(step(run, 'deliver / migrate / migrate', 'Migrate south')).toBe('skipped')
    }
  })

  test('a version and a way back at once are refused', async () => {
    const run = await shop.deliver({ event: 'workflow_dispatch', inputs: { version: 'one', 'rollback-to': 'one' } })
    expect(stages(run)).toEqual({ ...failedAt('check'), lint: 'skipped' })
    expect(page(run)).toContain('is filled in, and so is rollback-to')
  })

  test('a failed smoke test puts the service back', async () => {
    const run = await shop.deliver({ vars: { VERSION: 'two', TAG: 'two', FAULT: 'old' } })
    expect(stages(run)).toEqual(failedAt('deploy'))
    expect(step(run, 'deliver / deploy / deploy', 'Smoke test')).toBe('failure')
    expect(step(run, 'deliver / deploy / deploy', 'Roll back')).toBe('success')
    expect(outputs(run)['services']).toContain('rolled-back')
    expect(page(run)).toContain('A rollback never undoes a migration.')
    expect(await shop.runningVersion()).toBe('one')
  })

  test('a rollback that fails is said', async () => {
    const run = await shop.deliver({
      vars: { VERSION: 'two', TAG: 'two-again', FAULT: 'old' },
      onStep: (_, name) => {
        if (name === 'Smoke test') deny(shop.aws, 'ecs', 'UpdateService')
      },
    })
    expect(stages(run)).toEqual(failedAt('deploy'))
    expect(step(run, 'deliver / deploy / deploy', 'Roll back')).toBe('failure')
    expect(page(run)).toContain('ecs:UpdateService')
  })
})
