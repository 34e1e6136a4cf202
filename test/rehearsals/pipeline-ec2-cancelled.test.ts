import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { until } from '../support/task-cloud.ts'
import './patience.ts'
import { type CancelCase, cancelledAt, UNTIL_BUILT, unwellServer } from './holds.ts'
import { EC2, type HostShop, startHostShop } from './host-deliveries.ts'
import { outputs, page, step } from './stages.ts'

const { but, cancelledIn, stages } = EC2
const DEPLOY = 'deliver / deploy / deploy'

let shop: HostShop
beforeAll(async () => {
  shop = await startHostShop()
  expect((await shop.deliver({ vars: { TAG: 'one' } })).status).toBe('success')
})
afterEach(() => {
  shop.web.pretend(undefined)
  shop.aws.clearFaults()
})
afterAll(() => shop?.stop())

// One after the other: they deliver to one host, and what one leaves is what the next finds.
describe('a delivery by the pipeline for EC2 that is cancelled', () => {
  test.each<CancelCase>([
    ['in check', 'check', 'check was cancelled', { job: 'check', step: 'Assume the role' }, {}],
    ...UNTIL_BUILT,
    ['before the deployment is approved', 'deploy', 'deploy was cancelled', { approval: 'deploy / deploy' }, {}],
  ])('%s: no host is sent anything', async (_, stage, says, moment, delivery) => {
    const sent = shop.sent()
    const run = await cancelledAt(shop, moment, { ...delivery, vars: { TAG: 'two', ...delivery.vars } })
    expect(stages(run)).toEqual(cancelledIn(stage))
    expect(outputs(run)['status']).toBe('cancelled')
    expect(page(run)).toContain(says)
    expect(shop.sent()).toBe(sent)
    expect(shop.web.running()).toBe('one')
  })

  test('while a host works: it goes back to what ran', async () => {
    const cancel = new AbortController()
    const began = join(shop.web.directory, 'began')
    const ending = shop.deliver({ vars: { TAG: 'two', HOST_BEFORE: 'touch began; sleep 600' }, cancel: cancel.signal })
    await Promise.race([until('the host works', () => existsSync(began), 280_000), ending])
    cancel.abort()
    const run = await ending
    expect(stages(run)).toEqual(cancelledIn('deploy'))
    expect(outputs(run)['status']).toBe('cancelled')
    expect(page(run)).toContain('deploy · ssm-pull-deploy')
    expect(step(run, DEPLOY, 'Smoke test')).toBe('skipped')
    expect(shop.web.running()).toBe('one')
    expect(shop.web.envFile()).toMatch(/^TAG=one$/m)
  })

  test('in the smoke test: what is not tested goes back', async () => {
    const cancel = new AbortController()
    const unwell = await unwellServer(() => cancel.abort())
    try {
      const run = await shop.deliver({ vars: { TAG: 'two', SHOP_URL: unwell.url }, cancel: cancel.signal })
      expect(stages(run)).toEqual(cancelledIn('deploy'))
      expect(step(run, DEPLOY, 'Smoke test')).toBe('cancelled')
      expect(step(run, DEPLOY, 'Roll back')).toBe('success')
      expect(page(run)).toContain('deploy · smoke-test')
      expect(shop.web.running()).toBe('one')
    } finally {
      await unwell.close()
    }
  })

  test('while it goes back: it goes back all the same', async () => {
    shop.web.pretend('something else')
    const run = await cancelledAt(
      shop,
      { job: 'deploy / deploy', step: 'Roll back', asking: ['ssm', 'SendCommand'] },
      { vars: { TAG: 'two' } },
    )
    expect(stages(run)).toEqual(cancelledIn('deploy'))
    expect(step(run, DEPLOY, 'Smoke test')).toBe('failure')
    expect(step(run, DEPLOY, 'Roll back')).toBe('success')
    expect(page(run)).toContain('at “Smoke test”')
    expect(shop.web.running()).toBe('one')
  })

  test('while the summary is written: it is written', async () => {
    const run = await cancelledAt(shop, { job: 'deliver / summary', step: 'Summarize' }, { vars: { TAG: 'two' } })
    expect(stages(run)).toEqual(but({}))
    expect(run.status).toBe('cancelled')
    expect(shop.web.running()).toBe('two')
  })
})
