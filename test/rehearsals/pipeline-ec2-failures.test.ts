import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import './patience.ts'
import { EC2, type HostShop, startHostShop } from './host-deliveries.ts'
import { deny, outputs, page, step, told } from './stages.ts'

const { failedAt, stages, without } = EC2

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
describe('what the pipeline for EC2 does when something fails', () => {
  test.each<[string, Readonly<Record<string, string>>, string]>([
    ['check', { AWS_ROLE_ARN: '' }, 'There is no role to assume'],
    ['check', { DIRECTORY: 'srv/shop' }, 'An input is wrong.'],
    ['lint', { LINT: 'exit 4' }, 'exit 4 ended with exit code 4.'],
    ['test', { TEST: 'exit 5' }, 'exit 5 ended with exit code 5.'],
    ['build', { BEFORE: 'exit 6' }, 'exit 6 ended with exit code 6.'],
    ['deploy', { TAG: 'bad1' }, 'manifest unknown'],
  ])('a failure of %s lets nothing after it run but the summary, which says why', async (stage, vars, reason) => {
    const run = await shop.deliver({ vars: { TAG: `two-${stage}`, ...vars } })
    expect(stages(run)).toEqual(failedAt(stage))
    expect(run.status).toBe('failure')
    expect(outputs(run)['status']).toBe('failure')
    expect(page(run)).toContain(`**${stage} failed`)
    expect(page(run)).toContain(reason)
    expect(told(run)).toEqual(without(failedAt(stage)))
    expect(shop.web.running()).toBe('one')
  })

  test('a failed smoke test puts the host back', async () => {
    shop.web.pretend('something else')
    const run = await shop.deliver({ vars: { TAG: 'two' } })
    expect(stages(run)).toEqual(failedAt('deploy'))
    expect(step(run, 'deliver / deploy / deploy', 'Smoke test')).toBe('failure')
    expect(step(run, 'deliver / deploy / deploy', 'Roll back')).toBe('success')
    expect(page(run)).toContain('something else')
    expect(outputs(run)['instances']).toContain('"after":')
    expect(shop.web.running()).toBe('one')
  })

  test('a rollback that fails is said', async () => {
    shop.web.pretend('something else')
    const run = await shop.deliver({
      vars: { TAG: 'two' },
      onStep: (_, name) => {
        if (name === 'Smoke test') deny(shop.aws, 'ssm', 'SendCommand')
      },
    })
    expect(stages(run)).toEqual(failedAt('deploy'))
    expect(step(run, 'deliver / deploy / deploy', 'Roll back')).toBe('failure')
    expect(page(run)).toContain('ssm:SendCommand')
    expect(shop.web.running()).toBe('two')
  })

  test.each(['check', 'build', 'deploy'])('an approval that is refused in %s ends the delivery', async stage => {
    const sent = shop.sent()
    const run = await shop.deliver({ vars: { TAG: 'four' }, approve: (_, job) => !job.includes(stage) })
    expect(stages(run)).toEqual(failedAt(stage))
    expect(outputs(run)['status']).toBe('failure')
    expect(page(run)).toContain(`**${stage} failed`)
    expect(page(run)).toContain('failed before its first step: octocat rejected the deployment to production')
    expect(shop.sent()).toBe(sent)
  })
})
