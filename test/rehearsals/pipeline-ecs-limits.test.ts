import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import './patience.ts'
import { ECS, type Shop, startShop } from './deliveries.ts'
import { SOON, tooSlow } from './holds.ts'
import { pushVersion } from './small-application.ts'
import { outputs, page, step, withCredentials } from './stages.ts'

const { but, cancelledIn, failedAt, stages } = ECS
const DEPLOY = 'deliver / deploy / deploy'
const NOTHING_BUILT = { lint: 'skipped', test: 'skipped', build: 'skipped', migrate: 'skipped' }

let shop: Shop
beforeAll(async () => {
  shop = await startShop()
  for (const tag of ['one', 'two']) {
    await pushVersion(shop.aws, tag)
    expect((await returnTo(tag, tag)).status).toBe('success')
  }
})
afterEach(() => shop.aws.clearFaults())
afterAll(() => shop?.stop())

/** @param version what the smoke test wants to see */
function returnTo(target: string, version: string) {
  return shop.deliver({
    event: 'workflow_dispatch',
    inputs: { 'rollback-to': target },
    vars: { VERSION: version },
  })
}

// One after the other: they deliver to one service, and what one leaves is what the next finds.
describe('a delivery by the pipeline for ECS that takes too long', () => {
  // GitHub cancels a job that is over its time, and no other: `cancelled()` is false in those that need it.
  test.each<[stage: string, job: string, minutes: number]>([
    ['check', 'check', 15],
    ['lint', 'lint / lint (.)', 120],
    ['test', 'test / test (.)', 120],
    ['build', 'build / push', 60],
    ['migrate', 'migrate / migrate', 360],
    ['deploy', 'deploy / deploy', 360],
  ])('%s is over its time: nothing later runs, what ran goes on', async (stage, job, minutes) => {
    const vars = { [stage.toUpperCase()]: 'sleep 600', VERSION: 'three', TAG: `late-${stage}` }
    const run = await shop.deliver({
      vars,
      timing: { ...(/lint|test/.test(stage) ? SOON.timing : {}), ...tooSlow(job) },
    })
    const beside = { lint: 'success', test: 'success', [stage]: 'cancelled' }
    expect(stages(run)).toEqual({ ...cancelledIn(stage), ...(/lint|test/.test(stage) ? beside : {}) })
    expect(run.jobs[`deliver / ${job}`]?.annotations.map(({ message }) => message)).toContain(
      `The job has exceeded the maximum execution time of ${minutes}m0s`,
    )
    expect(outputs(run)['status']).toBe('cancelled')
    expect(page(run)).toContain(`**${stage} was cancelled`)
    expect(await shop.runningVersion()).toBe('two')
  })

  test('a migration over its timeout is stopped, and said', async () => {
    const run = await shop.deliver({
      event: 'workflow_dispatch',
      inputs: { version: 'one' },
      vars: { BAD_DATABASE: 'wait', MIGRATE_TIMEOUT: '5s' },
    })
    expect(stages(run)).toEqual({ ...failedAt('migrate'), ...NOTHING_BUILT, migrate: 'failure' })
    expect(step(run, 'deliver / migrate / migrate', 'Migrate south')).toBe('skipped')
    expect(page(run)).toMatch(/5 ?s/)
    expect(page(run)).toContain('timed-out')
    expect(shop.aws.journal().some(({ operation }) => operation === 'StopTask')).toBe(true)
    expect(await shop.runningVersion()).toBe('two')
  })

  test('a deployment that AWS puts off longer than its timeout is none, and that is said', async () => {
    shop.aws.addFault({ service: 'ecs', operation: 'UpdateService', kind: 'throttle' })
    const run = await shop.deliver({
      event: 'workflow_dispatch',
      inputs: { 'rollback-to': 'one' },
      vars: { VERSION: 'one', TIMEOUT: '5s' },
    })
    expect(stages(run)).toEqual({ ...failedAt('deploy'), ...NOTHING_BUILT })
    expect(step(run, DEPLOY, 'Smoke test')).toBe('skipped')
    expect(page(run)).toContain('The deployment did not end within 5s.')
    expect(page(run)).toContain('ThrottlingException: Rate exceeded')
    expect(page(run)).toContain('Nothing was changed.')
    expect(await shop.runningVersion()).toBe('two')
  })
})

describe('a pull request that the pipeline for ECS finds wrong', () => {
  test.each([
    ['lint', { LINT: 'exit 4' }, 'exit 4 ended with exit code 4.'],
    ['test', { TEST: 'exit 5' }, 'exit 5 ended with exit code 5.'],
    ['build', { BEFORE: 'exit 6' }, 'exit 6 ended with exit code 6.'],
  ])('in %s: nothing later runs, and it says why', async (stage, vars, reason) => {
    const run = await shop.deliver({ event: 'pull_request', vars: { AWS_ROLE_ARN: '', ...vars } })
    expect(stages(run)).toEqual({ ...failedAt(stage), check: 'skipped' })
    expect(page(run)).toContain(reason)
    expect(withCredentials(run)).toEqual([])
  })
})

describe('a way back by the pipeline for ECS whose smoke test fails', () => {
  test('to the revision before: it stays there, and that is said', async () => {
    const run = await returnTo('previous', 'something else')
    expect(stages(run)).toEqual({ ...failedAt('deploy'), ...NOTHING_BUILT })
    expect(step(run, DEPLOY, 'Smoke test')).toBe('failure')
    expect(step(run, DEPLOY, 'Roll back')).toBe('skipped')
    expect(page(run)).toContain('something else')
    expect(outputs(run)['services']).toContain('shop-api:')
    expect(await shop.runningVersion()).toBe('one')
  })

  test('to a tag: what ran before runs again', async () => {
    const run = await returnTo('two', 'something else')
    expect(stages(run)).toEqual({ ...failedAt('deploy'), ...NOTHING_BUILT })
    expect(step(run, DEPLOY, 'Roll back')).toBe('success')
    expect(step(run, DEPLOY, 'Find the deployed images')).toBe('skipped')
    expect(page(run)).toContain('something else')
    expect(outputs(run)['services']).toContain('rolled-back')
    expect(await shop.runningVersion()).toBe('one')
  })

  test('and afterwards a delivery is as any other', async () => {
    expect(stages(await returnTo('two', 'two'))).toEqual(but(NOTHING_BUILT))
    expect(await shop.runningVersion()).toBe('two')
  })
})
