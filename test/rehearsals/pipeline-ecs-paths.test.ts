import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import './patience.ts'
import { ECS, type Shop, startShop } from './deliveries.ts'
import { outputs, page, step, told, withCredentials } from './stages.ts'

const { but, failedAt, stages, without } = ECS

let shop: Shop
beforeAll(async () => {
  shop = await startShop()
})
afterAll(() => shop?.stop())

// One after the other: they deliver to one service, and what one leaves is what the next finds.
describe('the ways through the pipeline for ECS', () => {
  test('succeeds: every stage ran, the digest that was built runs, and it is stable', async () => {
    const run = await shop.deliver({ vars: { VERSION: 'one', TAG: 'one' } })
    expect(stages(run)).toEqual(but({}))
    expect(run.status).toBe('success')
    const { status, images = '', services = '', 'environment-url': url } = outputs(run)
    expect(status).toBe('success')
    expect(url).toContain('/health')
    const digest = /"digest":"(sha256:[0-9a-f]{64})"/.exec(images)?.[1] ?? 'none'
    expect(services).toContain(digest)
    expect(await shop.runningVersion()).toBe('one')
    expect(step(run, 'deliver / deploy / deploy', 'Tag as stable shop')).toBe('success')
    expect(JSON.stringify(shop.aws.journal())).toContain('stable')
    expect(page(run)).toContain(digest.slice(0, 19))
    expect(told(run)).toEqual(without(but({})))
  })

  test('goes back to a version by its tag: nothing is built, tested or migrated', async () => {
    const run = await shop.deliver({
      event: 'workflow_dispatch',
      inputs: { 'rollback-to': 'one' },
      vars: { VERSION: 'one' },
    })
    expect(stages(run)).toEqual(but({ lint: 'skipped', test: 'skipped', build: 'skipped', migrate: 'skipped' }))
    expect(await shop.runningVersion()).toBe('one')
  })

  test('delivers a version that exists already: nothing is built, but databases are migrated', async () => {
    const run = await shop.deliver({ event: 'workflow_dispatch', inputs: { version: 'one' }, vars: { VERSION: 'one' } })
    expect(stages(run)).toEqual(but({ lint: 'skipped', test: 'skipped', build: 'skipped' }))
  })

  test('a version that does not exist fails in check', async () => {
    const run = await shop.deliver({ event: 'workflow_dispatch', inputs: { version: 'never' } })
    expect(stages(run)).toEqual({ ...failedAt('check'), lint: 'skipped' })
  })

  test('tests are skipped by hand only', async () => {
    const byHand = await shop.deliver({
      event: 'workflow_dispatch',
      inputs: { 'skip-tests': 'true' },
      vars: { VERSION: 'one', LINT: 'exit 1' },
    })
    expect(stages(byHand)).toMatchObject({ test: 'skipped', lint: 'failure', build: 'skipped' })
    const pushed = await shop.deliver({ vars: { VERSION: 'one', TAG: 'x', TEST: 'exit 1', SKIP_TESTS: 'true' } })
    expect(stages(pushed)).toMatchObject({ test: 'failure', build: 'skipped' })
  })

  test('a pull request is linted, tested and built, without credentials and environment', async () => {
    const asked: string[] = []
    const run = await shop.deliver({
      event: 'pull_request',
      approve: environment => {
        asked.push(environment)
        return true
      },
    })
    expect(stages(run)).toEqual(but({ check: 'skipped', migrate: 'skipped', deploy: 'skipped' }))
    expect(asked).toEqual([])
    expect(run.jobs['deliver / build / push']?.result).toBe('skipped')
    expect(withCredentials(run)).toEqual([])
    expect(outputs(run)['images']).not.toContain('digest')
  })

  test('an approval that is refused ends the delivery', async () => {
    const run = await shop.deliver({
      vars: { VERSION: 'one', TAG: 'refused' },
      approve: (_, job) => !job.includes('migrate'),
    })
    expect(stages(run)).toEqual(failedAt('migrate'))
  })

  test('a masked account id costs no output', async () => {
    const run = await shop.deliver({
      vars: { VERSION: 'one', TAG: 'masked' },
      secrets: { ACCOUNT: shop.aws.accountId },
    })
    expect(stages(run)).toEqual(but({}))
    const { status, images, services } = outputs(run)
    expect(status).toBe('success')
    expect(images).toContain('sha256:')
    expect(services).toContain('shop-api:')
    expect(`${images}${services}`).not.toContain(shop.aws.accountId)
  })
})
