import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import './patience.ts'
import { ECS, type Shop, startShop } from './deliveries.ts'
import { pushVersion } from './small-application.ts'
import { deny, outputs, page, step } from './stages.ts'

const { but, failedAt, stages } = ECS
const NOTHING_BUILT = { lint: 'skipped', test: 'skipped', build: 'skipped' }
const DEPLOYED = { ...NOTHING_BUILT, migrate: 'skipped' }

let shop: Shop
let first = ''
beforeAll(async () => {
  shop = await startShop()
  for (const tag of ['one', 'two']) await pushVersion(shop.aws, tag)
  await pushVersion(shop.aws, 'crashing', 'crash')
  for (const tag of ['one', 'two']) {
    const run = await returnTo(tag)
    expect(run.status).toBe('success')
    if (tag === 'two') first = outputs(run)['services'] ?? ''
  }
})
afterEach(() => shop.aws.clearFaults())
afterAll(() => shop?.stop())

/** @param version what the smoke test wants to see */
function returnTo(target: string, version?: string) {
  return shop.deliver({
    event: 'workflow_dispatch',
    inputs: { 'rollback-to': target },
    vars: version === undefined ? {} : { VERSION: version },
  })
}

// One after the other: they deliver to one service, and what one leaves is what the next finds.
describe('going back with the pipeline for ECS', () => {
  test('to the revision before: nothing is built, tested or migrated', async () => {
    const run = await returnTo('previous', 'one')
    expect(stages(run)).toEqual(but(DEPLOYED))
    expect(outputs(run)['status']).toBe('success')
    expect(step(run, 'deliver / deploy / deploy', 'Find the deployed images')).toBe('skipped')
    expect(await shop.runningVersion()).toBe('one')
  })

  test('to a tag, and then by the output of a delivery to what ran before it', async () => {
    expect(stages(await returnTo('two'))).toEqual(but(DEPLOYED))
    expect(await shop.runningVersion()).toBe('two')
    const run = await returnTo(first, 'one')
    expect(stages(run)).toEqual(but(DEPLOYED))
    expect(await shop.runningVersion()).toBe('one')
  })

  test('to a tag that was never pushed: refused by check', async () => {
    const run = await returnTo('never')
    expect(stages(run)).toEqual({ ...failedAt('check'), lint: 'skipped' })
    expect(outputs(run)['status']).toBe('failure')
    expect(page(run)).toContain('**check failed')
    expect(page(run)).toContain('never')
    expect(await shop.runningVersion()).toBe('one')
  })

  test('to a version that does not start: what ran goes on, and it is said', async () => {
    const run = await returnTo('crashing')
    expect(stages(run)).toEqual({ ...failedAt('deploy'), ...DEPLOYED })
    expect(page(run)).toContain('PAYMENT_KEY is not set')
    expect(await shop.runningVersion()).toBe('one')
  })

  test('may be refused by AWS, and that is said', async () => {
    deny(shop.aws, 'ecs', 'UpdateService')
    const run = await returnTo('previous')
    expect(stages(run)).toEqual({ ...failedAt('deploy'), ...DEPLOYED })
    expect(page(run)).toContain('ecs:UpdateService')
    expect(await shop.runningVersion()).toBe('one')
  })
})

describe('what somebody stops', () => {
  test.each(['check', 'build', 'deploy'])('an approval that is refused in %s ends the delivery', async stage => {
    const before = shop.aws.journal().filter(({ operation }) => operation === 'UpdateService').length
    const run = await shop.deliver({
      vars: { VERSION: 'three', TAG: `refused-${stage}` },
      approve: (_, job) => !job.includes(stage),
    })
    expect(stages(run)).toEqual(failedAt(stage))
    expect(outputs(run)['status']).toBe('failure')
    expect(page(run)).toContain(`**${stage} failed`)
    expect(page(run)).toMatch(
      new RegExp(`${stage}.* failed before its first step: octocat rejected the deployment to production`),
    )
    expect(shop.aws.journal().filter(({ operation }) => operation === 'UpdateService')).toHaveLength(before)
  })
})
