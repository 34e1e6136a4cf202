import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import './patience.ts'
import { EC2, type HostShop, startHostShop } from './host-deliveries.ts'
import { pushVersion } from './small-application.ts'
import { outputs, page, step, told, withCredentials } from './stages.ts'

const { but, failedAt, stages, without } = EC2

let shop: HostShop
beforeAll(async () => {
  shop = await startHostShop()
  // What is delivered by its tag is in the registry: it is called stable there.
  await pushVersion(shop.aws, 'two')
})
afterAll(() => shop?.stop())

// One after the other: they deliver to one host, and what one leaves is what the next finds.
describe('the ways through the pipeline for EC2', () => {
  test('succeeds: every stage ran, the host got the digest that was built, and it is stable', async () => {
    const asked: string[] = []
    const run = await shop.deliver({
      vars: { TAG: 'one' },
      approve: (environment, job) => {
        asked.push(`${environment}: ${job}`)
        return true
      },
    })
    expect(stages(run)).toEqual(but({}))
    expect(run.status).toBe('success')
    const { status, images = '', instances = '', 'environment-url': url } = outputs(run)
    expect(status).toBe('success')
    expect(url).toBe(shop.web.url)
    const digest = /"digest":"(sha256:[0-9a-f]{64})"/.exec(images)?.[1] ?? 'none'
    expect(shop.web.envFile()).toContain(`/shop@${digest}`)
    expect(instances).toContain('"status":"deployed"')
    expect(shop.web.running()).toBe('one')
    expect(step(run, 'deliver / deploy / deploy', 'Tag as stable shop')).toBe('success')
    expect(page(run)).toContain('Delivery to production: success')
    expect(run.comments).toEqual([])
    expect(page(run)).toContain(digest.slice(0, 19))
    expect(told(run)).toEqual(without(but({})))
    expect(asked).toEqual(['check', 'build / push', 'deploy / deploy'].map(job => `production: deliver / ${job}`))
  })

  test('delivers a version that exists already: nothing is built', async () => {
    const run = await shop.deliver({ event: 'workflow_dispatch', inputs: { version: 'two' } })
    expect(stages(run)).toEqual(but({ lint: 'skipped', test: 'skipped', build: 'skipped' }))
    expect(shop.web.running()).toBe('two')
    expect(shop.web.envFile()).toMatch(/\/shop:two$/m)
    expect(step(run, 'deliver / deploy / deploy', 'Tag as stable shop')).toBe('success')
  })

  test('goes back to what ran before', async () => {
    const run = await shop.deliver({
      event: 'workflow_dispatch',
      inputs: { 'rollback-to': 'previous' },
      vars: { TAG: 'one' },
    })
    expect(stages(run)).toEqual(but({ lint: 'skipped', test: 'skipped', build: 'skipped' }))
    expect(shop.web.running()).toBe('one')
  })

  test('goes back to a version by its tag', async () => {
    const run = await shop.deliver({ event: 'workflow_dispatch', inputs: { 'rollback-to': 'two' } })
    expect(stages(run)).toEqual(but({ lint: 'skipped', test: 'skipped', build: 'skipped' }))
    expect(shop.web.running()).toBe('two')
  })

  test('tests are skipped by hand only', async () => {
    const inputs = { 'skip-tests': 'true' }
    const vars = { TAG: 'three', TEST: 'exit 1' }
    const byHand = await shop.deliver({ event: 'workflow_dispatch', inputs, vars })
    expect(stages(byHand)).toEqual(but({ test: 'skipped' }))
    expect(shop.web.running()).toBe('three')
    const pushed = await shop.deliver({ vars: { ...vars, SKIP_TESTS: 'true' } })
    expect(stages(pushed)).toEqual(failedAt('test'))
  })

  test('a pull request is linted, tested and built, without credentials and environment', async () => {
    const asked: string[] = []
    const before = shop.sent()
    const run = await shop.deliver({
      event: 'pull_request',
      vars: { AWS_ROLE_ARN: '', TAG: 'four' },
      approve: environment => {
        asked.push(environment)
        return true
      },
    })
    expect(stages(run)).toEqual(but({ check: 'skipped', deploy: 'skipped' }))
    expect(outputs(run)['status']).toBe('success')
    expect(outputs(run)['images']).not.toContain('digest')
    expect(run.jobs['deliver / build / push']?.result).toBe('skipped')
    expect(withCredentials(run)).toEqual([])
    expect(told(run)).toEqual(without(but({ check: 'skipped', deploy: 'skipped' })))
    expect(run.comments).toEqual([expect.stringMatching(/Checks .*pull.*request.*: success/)])
    expect(asked).toEqual([])
    expect(shop.sent()).toBe(before)
    const failed = await shop.deliver({ event: 'pull_request', vars: { LINT: 'exit 4' } })
    expect(stages(failed)).toEqual(
      but({ check: 'skipped', lint: 'failure', build: 'skipped', deploy: 'skipped', summary: 'failure' }),
    )
  })

  test('a masked account id costs no output', async () => {
    const run = await shop.deliver({ vars: { TAG: 'five' }, secrets: { ACCOUNT: shop.aws.accountId } })
    expect(stages(run)).toEqual(but({}))
    const { status, images, instances } = outputs(run)
    expect(status).toBe('success')
    expect(images).toContain('sha256:')
    expect(instances).toContain('"id":"i-')
    expect(`${images}${instances}`).not.toContain(shop.aws.accountId)
    expect(shop.web.running()).toBe('five')
  })
})
