import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { until } from '../support/task-cloud.ts'
import './patience.ts'
import { ECS, type Shop, startShop } from './deliveries.ts'
import { type CancelCase, cancelledAt, UNTIL_BUILT, unwellServer } from './holds.ts'
import { pushVersion } from './small-application.ts'
import { outputs, page, step } from './stages.ts'

const { but, cancelledIn, stages } = ECS
const DEPLOY = 'deliver / deploy / deploy'

let shop: Shop
beforeAll(async () => {
  shop = await startShop()
  await pushVersion(shop.aws, 'one')
  const inputs = { 'rollback-to': 'one' }
  expect((await shop.deliver({ event: 'workflow_dispatch', inputs, vars: { VERSION: 'one' } })).status).toBe('success')
})
afterEach(() => shop.aws.clearFaults())
afterAll(() => shop?.stop())

/** How often AWS was asked for this. */
function asked(operation: string): number {
  return shop.aws.journal().filter(entry => entry.operation === operation).length
}

// One after the other: they deliver to one service, and what one leaves is what the next finds.
describe('a delivery by the pipeline for ECS that is cancelled', () => {
  test.each<CancelCase>([
    [
      'in check',
      'check',
      'check was cancelled',
      { job: 'check', step: 'Check services, secrets and log groups', asking: ['ecs', 'DescribeServices'] },
      {},
    ],
    ...UNTIL_BUILT,
    ['before a migration is approved', 'migrate', 'migrate was cancelled', { approval: 'migrate / migrate' }, {}],
    ['before the deployment is approved', 'deploy', 'deploy was cancelled', { approval: 'deploy / deploy' }, {}],
  ])('%s: nothing later runs, what ran goes on', async (_, stage, says, moment, delivery) => {
    const before = asked('UpdateService')
    const run = await cancelledAt(shop, moment, { ...delivery, vars: { VERSION: 'two', TAG: 'two', ...delivery.vars } })
    expect(stages(run)).toEqual(cancelledIn(stage))
    expect(outputs(run)['status']).toBe('cancelled')
    expect(page(run)).toContain(says)
    expect(asked('UpdateService')).toBe(before)
  })

  test('in a migration: its task is stopped, and no other is begun', async () => {
    const [tasks, updates] = [asked('RunTask'), asked('UpdateService')]
    const run = await cancelledAt(
      shop,
      { line: 'waiting in north' },
      { vars: { VERSION: 'two', TAG: 'two', BAD_DATABASE: 'wait' } },
    )
    expect(stages(run)).toEqual(cancelledIn('migrate'))
    expect(step(run, 'deliver / migrate / migrate', 'Migrate south')).toBe('skipped')
    expect(page(run)).toContain('migrate · run-migration-task')
    expect(page(run)).toContain('north')
    expect(asked('StopTask')).toBe(1)
    expect([asked('RunTask'), asked('UpdateService')]).toEqual([tasks + 1, updates])
  })

  test('in the deployment: it is taken back', async () => {
    const run = await cancelledAt(
      shop,
      { job: 'deploy / deploy', step: 'Deploy', asking: ['ecs', 'DescribeServiceDeployments'] },
      { vars: { VERSION: 'two', TAG: 'two' } },
    )
    expect(stages(run)).toEqual(cancelledIn('deploy'))
    expect(page(run)).toContain('deploy · deploy-ecs-service')
    expect(outputs(run)['services']).toContain('"status":"cancelled"')
    expect(step(run, DEPLOY, 'Smoke test')).toBe('skipped')
    expect(step(run, DEPLOY, 'Find the deployed images')).toBe('skipped')
    await until('one runs', async () => (await shop.runningVersion()) === 'one')
  })

  test('in the smoke test: what is not tested goes back', async () => {
    const cancel = new AbortController()
    const unwell = await unwellServer(() => cancel.abort())
    try {
      const run = await shop.deliver({
        vars: { VERSION: 'two', TAG: 'two', SHOP_URL: unwell.url },
        cancel: cancel.signal,
      })
      expect(stages(run)).toEqual(cancelledIn('deploy'))
      expect(step(run, DEPLOY, 'Smoke test')).toBe('cancelled')
      expect(step(run, DEPLOY, 'Roll back')).toBe('success')
      expect(outputs(run)['services']).toContain('rolled-back')
      expect(page(run)).toContain('deploy · smoke-test')
      expect(page(run)).toContain('A rollback never undoes a migration.')
      expect(await shop.runningVersion()).toBe('one')
    } finally {
      await unwell.close()
    }
  })

  test('while it goes back: it goes back all the same', async () => {
    const run = await cancelledAt(
      shop,
      { job: 'deploy / deploy', step: 'Roll back', asking: ['ecs', 'UpdateService'] },
      { vars: { VERSION: 'two', TAG: 'two', FAULT: 'old' } },
    )
    expect(stages(run)).toEqual(cancelledIn('deploy'))
    expect(step(run, DEPLOY, 'Smoke test')).toBe('failure')
    expect(step(run, DEPLOY, 'Roll back')).toBe('success')
    expect(outputs(run)['services']).toContain('rolled-back')
    expect(page(run)).toContain('at “Smoke test”')
    expect(await shop.runningVersion()).toBe('one')
  })

  test('while the summary is written: it is written', async () => {
    const run = await cancelledAt(
      shop,
      { job: 'deliver / summary', step: 'Summarize' },
      { vars: { VERSION: 'two', TAG: 'two' } },
    )
    expect(stages(run)).toEqual(but({}))
    expect(run.status).toBe('cancelled')
    expect(await shop.runningVersion()).toBe('two')
  })
})
