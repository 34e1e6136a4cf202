import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import './patience.ts'
import { type Caller, startCaller } from './calls.ts'
import { APPLICATION, SURROUNDINGS } from './small-application.ts'

let caller: Caller
beforeAll(async () => {
  caller = await startCaller(APPLICATION, SURROUNDINGS)
})
afterAll(() => caller?.stop())

const ECS = {
  images: '- repository: shop',
  tags: 'one',
  'aws-region': 'eu-west-1',
  'lint-commands': 'true',
  'test-commands': 'true',
  cluster: 'shop',
  services: 'api=deploy/api.yml',
  'template-values': 'image={shop}',
  environment: 'production',
}
const EC2 = {
  images: '- repository: shop',
  tags: 'one',
  'aws-region': 'eu-west-1',
  'lint-commands': 'true',
  'test-commands': 'true',
  targets: 'Role=web',
  directory: '/opt/shop',
  environment: 'production',
}
const NOTHING = { lint: 'skipped', test: 'skipped', build: 'skipped', deploy: 'skipped', summary: 'failure' }

const asked = (): number => caller.cloud().aws.journal().length

describe('what check refuses before a minute is spent on tests and images', () => {
  test.each([
    [
      'pipeline-ecs',
      { ...ECS, databases: '["north"', 'smoke-checks': 'deploy/smoke.yml' },
      ['databases', 'smoke-checks'],
    ],
    [
      'pipeline-ecs',
      { ...ECS, projects: '[{"lint": "true"}]', 'migrate-timeout': '10' },
      ['projects', 'migrate-timeout'],
    ],
    ['pipeline-ec2', { ...EC2, projects: 'web', 'smoke-checks': '- url: nowhere' }, ['projects', 'smoke-checks']],
  ])('%s: every wrong input at once (%#)', async (pipeline, inputs, wrong) => {
    const before = asked()
    const called = await caller.call(pipeline, inputs)
    expect(called.jobs).toMatchObject({ check: 'failure', ...NOTHING })
    expect(called.outputs['status']).toBe('failure')
    const page = called.run.jobs['call / summary']?.summary ?? ''
    expect(page).toContain('**check failed')
    for (const input of wrong) {
      expect(called.messages.join('\n')).toContain(`- ${input}: `)
      expect(page).toContain(`- ${input}: `)
    }
    expect(asked()).toBe(before)
  })

  test('pipeline-ecs: words and times of the deployment, by its dry run', async () => {
    const called = await caller.call('pipeline-ecs', { ...ECS, timeout: 'long', rollback: 'perhaps' })
    expect(called.jobs).toMatchObject({ check: 'failure', ...NOTHING })
    expect(called.messages.join('\n')).toContain('timeout: "long"')
    expect(called.messages.join('\n')).toContain('rollback: "perhaps"')
  })
})

describe('what delivers nothing', () => {
  test.each([
    ['pipeline-ecs', ECS],
    ['pipeline-ec2', EC2],
  ])(
    '%s: the push that deletes a branch is linted, tested and built, without credentials',
    async (pipeline, inputs) => {
      const before = asked()
      const called = await caller.call(pipeline, inputs, {
        event: 'push',
        payload: { deleted: true },
        // would fail if it were needed
        vars: { AWS_ROLE_ARN: '' },
        approve: () => false,
      })
      expect(called.jobs).toMatchObject({
        check: 'skipped',
        lint: 'success',
        test: 'success',
        build: 'success',
        'build / push': 'skipped',
        deploy: 'skipped',
        summary: 'success',
      })
      expect(called.outputs['images']).not.toContain('digest')
      expect(called.run.jobs['call / summary']?.summary).toMatch(/^## ✅ Checks .*push.*: success/m)
      expect(asked()).toBe(before)
    },
  )
})
