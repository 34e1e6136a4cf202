import { STAND_INS } from '@aws-deploy-actions/rehearsal'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import './patience.ts'
import { type Called, type Caller, startCaller } from './calls.ts'
import { APPLICATION } from './small-application.ts'

const SURROUNDINGS = `speed: 200
aws: { repositories: [shop, tools] }
vars: { AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/build", AWS_REGION: eu-west-1 }
`
const IMAGES = '- repository: shop\n  build-args: { VERSION: "1" }'

let caller: Caller
beforeAll(async () => {
  caller = await startCaller(
    { ...APPLICATION, 'tools/Dockerfile': 'FROM scratch\nCOPY tool* /\n', 'tools/tool': 'a tool\n' },
    SURROUNDINGS,
  )
})
afterEach(() => caller.cloud().aws.clearFaults())
afterAll(() => caller?.stop())

function digestOf({ outputs }: Called, repository: string): string | undefined {
  return new RegExp(`"reference":"ecr:${repository}@(sha256:[0-9a-f]{64})"`).exec(outputs['images'] ?? '')?.[1]
}

/** What the registry was asked to keep: tags and digests. */
function put(): number {
  return caller
    .cloud()
    .aws.journal()
    .filter(({ service, operation }) => service === 'registry' && operation === 'PUT manifest').length
}

describe('build.yml', () => {
  test('builds and pushes each image, and hands over their digests', async () => {
    const asked: string[] = []
    const called = await caller.call(
      'build',
      {
        images: `${IMAGES}\n- repository: tools\n  context: tools`,
        tags: 'one\n{branch}',
        environment: 'staging',
        before: 'echo made >tools/tool2',
      },
      {
        approve: environment => {
          asked.push(environment)
          return true
        },
      },
    )
    expect(called.jobs).toEqual({ build: 'skipped', push: 'success' })
    expect(called.outputs['status']).toBe('success')
    expect(digestOf(called, 'shop')).toBeDefined()
    expect(digestOf(called, 'tools')).toBeDefined()
    expect(called.outputs['images']).toContain('"tags":["one","main"]')
    expect(called.outputs['report']).toContain('"action":"ecr-push"')
    expect(called.page).toContain(digestOf(called, 'shop')?.slice(0, 19))
    expect(called.run.jobs['call / push']?.environment).toMatchObject({ name: 'staging' })
    expect(asked).toEqual(['staging'])
  })

  test.each<[string, 'pull_request' | 'push', boolean]>([
    ['a pull request', 'pull_request', true],
    ['push: false', 'push', false],
  ])('%s is built only: no credentials, no environment, nothing in the registry', async (_, event, push) => {
    const before = put()
    const asked: string[] = []
    const called = await caller.call(
      'build',
      { images: IMAGES, push, environment: 'staging' },
      {
        event,
        // would fail if it were needed
        vars: { AWS_ROLE_ARN: '' },
        approve: environment => {
          asked.push(environment)
          return true
        },
      },
    )
    expect(called.jobs).toEqual({ build: 'success', push: 'skipped' })
    expect(called.outputs['status']).toBe('success')
    expect(called.outputs['images']).toContain('"repository":"shop"')
    expect(called.outputs['images']).not.toContain('digest')
    expect(called.run.jobs['call / build']?.permissions).toEqual({ contents: 'read', metadata: 'read' })
    expect(asked).toEqual([])
    expect(put()).toBe(before)
  })

  test('what is in the registry already is not built again', async () => {
    const inputs = { images: '- repository: tools\n  context: tools', tags: 'kept', 'skip-unchanged': true }
    const first = await caller.call('build', inputs)
    const builds = first.run.jobs['call / push']?.log.match(/packed sha256:/g) ?? []
    expect(builds).toHaveLength(1)
    const second = await caller.call('build', { ...inputs, tags: 'kept\nagain' })
    expect(second.jobs).toEqual({ build: 'skipped', push: 'success' })
    expect(second.run.jobs['call / push']?.log).not.toContain('packed sha256:')
    expect(digestOf(second, 'tools')).toBe(digestOf(first, 'tools'))
    expect(second.outputs['images']).toContain('"status":"reused"')
  })

  test('findings of the scan at or above the gate fail it', async () => {
    caller.cloud().aws.scriptScan('shop', {
      states: [{ status: 'COMPLETE' }],
      findings: [{ name: 'CVE-2026-0001', severity: 'HIGH' }],
    })
    const inputs = { images: IMAGES, tags: 'scanned' }
    const refused = await caller.call('build', { ...inputs, 'scan-fail-on': 'high' })
    expect(refused.jobs).toEqual({ build: 'skipped', push: 'failure' })
    expect(refused.outputs['status']).toBe('failure')
    expect(refused.page).toContain('CVE-2026-0001')
    const passed = await caller.call('build', { ...inputs, 'scan-fail-on': 'critical' })
    expect(passed.outputs['status']).toBe('success')
  })

  test('what comes before the build fails: nothing is built, and it says why', async () => {
    const before = put()
    const called = await caller.call('build', { images: IMAGES, before: 'exit 9' })
    expect(called.jobs).toEqual({ build: 'skipped', push: 'failure' })
    expect(called.outputs['status']).toBe('failure')
    expect(called.step('push', 'Build and push')).toBe('skipped')
    expect(called.messages).toContain('exit 9 ended with exit code 9.')
    expect(put()).toBe(before)
  })

  test('without a role it says which variable is missing', async () => {
    const called = await caller.call('build', { images: IMAGES }, { vars: { AWS_ROLE_ARN: '' } })
    expect(called.jobs).toEqual({ build: 'skipped', push: 'failure' })
    expect(called.messages.join('\n')).toContain('set the variable AWS_ROLE_ARN')
  })

  test('a role that AWS refuses is said in its words', async () => {
    const said = 'Could not assume role with OIDC: Not authorized to perform sts:AssumeRoleWithWebIdentity'
    const refusing = {
      instead: 'refuses',
      run: () => {
        throw new Error(said)
      },
    }
    const standIns = new Map([...STAND_INS, ['aws-actions/configure-aws-credentials', refusing] as const])
    const called = await caller.call('build', { images: IMAGES }, { standIns })
    expect(called.jobs).toEqual({ build: 'skipped', push: 'failure' })
    expect(called.step('push', 'Build and push')).toBe('skipped')
    expect(called.messages).toContain(said)
    expect(called.messages.join('\n')).toContain('The role could not be assumed')
    expect(called.run.jobs['call / push']?.log).toContain('1 files are the artifact deploy-reports-')
  })

  test('an approval that is refused pushes nothing', async () => {
    const called = await caller.call('build', { images: IMAGES, environment: 'staging' }, { approve: () => false })
    expect(called.jobs).toEqual({ build: 'skipped', push: 'failure' })
    expect(called.outputs['status']).toBe('failure')
  })
})
