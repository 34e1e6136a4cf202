import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import './patience.ts'
import { SOON, tooSlow } from './holds.ts'
import { EC2, type HostShop, startHostShop } from './host-deliveries.ts'
import { pushVersion } from './small-application.ts'
import { outputs, page, step, withCredentials } from './stages.ts'

const { but, cancelledIn, failedAt, stages } = EC2
const DEPLOY = 'deliver / deploy / deploy'
const NOTHING_BUILT = { lint: 'skipped', test: 'skipped', build: 'skipped' }

let shop: HostShop
beforeAll(async () => {
  shop = await startHostShop()
  for (const tag of ['one', 'two']) {
    await pushVersion(shop.aws, tag)
    expect((await returnTo(tag, tag)).status).toBe('success')
  }
})
afterEach(() => {
  shop.web.pretend(undefined)
  shop.aws.clearFaults()
})
afterAll(() => shop?.stop())

/** @param tag what the host gets, and the smoke test wants to see */
function returnTo(target: string, tag: string) {
  return shop.deliver({ event: 'workflow_dispatch', inputs: { 'rollback-to': target }, vars: { TAG: tag } })
}

// One after the other: they deliver to one host, and what one leaves is what the next finds.
describe('a delivery by the pipeline for EC2 that takes too long', () => {
  // GitHub cancels a job that is over its time, and no other: `cancelled()` is false in those that need it.
  test.each<[stage: string, job: string, minutes: number]>([
    ['check', 'check', 15],
    ['lint', 'lint / lint (.)', 120],
    ['test', 'test / test (.)', 120],
    ['build', 'build / push', 60],
    ['deploy', 'deploy / deploy', 360],
  ])('%s is over its time: nothing later runs, what ran goes on', async (stage, job, minutes) => {
    const vars = { [stage.toUpperCase()]: 'sleep 600', TAG: 'three' }
    const commands = stage === 'lint' || stage === 'test'
    const run = await shop.deliver({ vars, timing: { ...(commands ? SOON.timing : {}), ...tooSlow(job) } })
    const beside = commands ? { lint: 'success', test: 'success', [stage]: 'cancelled' } : {}
    expect(stages(run)).toEqual({ ...cancelledIn(stage), ...beside })
    expect(run.jobs[`deliver / ${job}`]?.annotations.map(({ message }) => message)).toContain(
      `The job has exceeded the maximum execution time of ${minutes}m0s`,
    )
    expect(page(run)).toContain(`**${stage} was cancelled`)
    expect(shop.web.running()).toBe('two')
  })

  test('a host that works longer than the timeout is stopped, goes back, and that is said', async () => {
    const run = await shop.deliver({
      event: 'workflow_dispatch',
      inputs: { version: 'one' },
      vars: { TAG: 'one', HOST_BEFORE: 'sleep 600', TIMEOUT: '5s' },
    })
    expect(stages(run)).toEqual({ ...failedAt('deploy'), ...NOTHING_BUILT })
    expect(step(run, DEPLOY, 'Smoke test')).toBe('skipped')
    expect(page(run)).toContain('timed-out')
    expect(shop.aws.journal().some(({ operation }) => operation === 'CancelCommand')).toBe(true)
    expect(shop.web.running()).toBe('two')
  })
})

describe('a pull request that the pipeline for EC2 finds wrong', () => {
  test.each([
    ['lint', { LINT: 'exit 4' }, 'exit 4 ended with exit code 4.'],
    ['test', { TEST: 'exit 5' }, 'exit 5 ended with exit code 5.'],
    ['build', { BEFORE: 'exit 6' }, 'exit 6 ended with exit code 6.'],
  ])('in %s: nothing later runs, and its comment says why', async (stage, vars, reason) => {
    const run = await shop.deliver({ event: 'pull_request', vars: { AWS_ROLE_ARN: '', ...vars } })
    expect(stages(run)).toEqual({ ...failedAt(stage), check: 'skipped' })
    expect(page(run)).toContain(reason)
    expect(run.comments).toEqual([expect.stringContaining(reason)])
    expect(withCredentials(run)).toEqual([])
  })
})

describe('a way back by the pipeline for EC2 whose smoke test fails', () => {
  test('to what ran before: it stays there, and that is said', async () => {
    const run = await returnTo('previous', 'something else')
    expect(stages(run)).toEqual({ ...failedAt('deploy'), ...NOTHING_BUILT })
    expect(step(run, DEPLOY, 'Smoke test')).toBe('failure')
    expect(step(run, DEPLOY, 'Roll back')).toBe('skipped')
    expect(page(run)).toContain('something else')
    expect(outputs(run)['instances']).toContain('rolled-back')
    expect(shop.web.running()).toBe('one')
  })

  test('to a tag: what ran before runs again', async () => {
    shop.web.pretend('something else')
    const run = await returnTo('two', 'two')
    expect(stages(run)).toEqual({ ...failedAt('deploy'), ...NOTHING_BUILT })
    expect(step(run, DEPLOY, 'Roll back')).toBe('success')
    expect(step(run, DEPLOY, 'Find the deployed images')).toBe('skipped')
    expect(page(run)).toContain('something else')
    expect(shop.web.running()).toBe('one')
  })

  test('and afterwards a delivery is as any other', async () => {
    expect(stages(await returnTo('two', 'two'))).toEqual(but(NOTHING_BUILT))
    expect(shop.web.running()).toBe('two')
  })
})
