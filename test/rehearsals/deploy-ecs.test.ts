import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import './patience.ts'
import { type Call, type Called, type Caller, startCaller } from './calls.ts'
import { APPLICATION, pushVersion, SURROUNDINGS } from './small-application.ts'

const SMOKE_TASK = `family: shop-smoke
requiresCompatibilities: [FARGATE]
networkMode: awsvpc
cpu: "256"
memory: "512"
executionRoleArn: arn:aws:iam::\${account}:role/shop-execution
containerDefinitions:
  - name: smoke
    image: \${image}
    logConfiguration:
      logDriver: awslogs
      options: { awslogs-group: /ecs/shop, awslogs-region: "\${region}", awslogs-stream-prefix: smoke }
`

let caller: Caller
beforeAll(async () => {
  caller = await startCaller({ ...APPLICATION, 'deploy/smoke.yml': SMOKE_TASK }, SURROUNDINGS)
  const { aws } = caller.cloud()
  for (const tag of ['two', 'three']) await pushVersion(aws, tag)
  await pushVersion(aws, 'crashing', 'crash')
  await pushVersion(aws, 'wrong', 'old')
})
afterEach(() => caller.cloud().aws.clearFaults())
afterAll(() => caller?.stop())

/** Deploys a tag, with a smoke test that wants to see that version. */
function deploy(inputs: Readonly<Record<string, unknown>>, options: Call = {}): Promise<Called> {
  return caller.call(
    'deploy-ecs',
    {
      cluster: 'shop',
      services: 'api=deploy/api.yml',
      'template-values': 'image={shop}',
      'image-list': '- repository: shop',
      'smoke-checks': `- name: API
  url: ${caller.cloud().options.vars['SHOP_URL']}/health
  expect: { json: { status: ok }, version: "{version}" }`,
      'smoke-timeout': '3s',
      'aws-region': 'eu-west-1',
      environment: 'production',
      ...inputs,
    },
    options,
  )
}

async function runningVersion(): Promise<unknown> {
  const answer: unknown = await (await fetch(`${caller.cloud().options.vars['SHOP_URL']}/health`)).json()
  return typeof answer === 'object' && answer !== null && 'version' in answer ? answer.version : undefined
}

// One after the other: they deploy to one service, and what one leaves is what the next finds.
describe('deploy-ecs.yml', () => {
  test('deploys what was built, by digest, asks it, and calls it stable', async () => {
    const built = await caller.call('build', {
      images: '- repository: shop\n  build-args: { VERSION: one }',
      tags: 'one',
      'aws-region': 'eu-west-1',
    })
    const images = built.outputs['images'] ?? ''
    const digest = /sha256:[0-9a-f]{64}/.exec(images)?.[0] ?? 'none'
    const called = await deploy({ built: images, version: '', 'smoke-checks': checks('one') })
    expect(called.jobs).toEqual({ deploy: 'success' })
    expect(called.outputs['status']).toBe('success')
    expect(called.outputs['services']).toContain(`"digest":"${digest}"`)
    expect(called.outputs['services']).toContain('"status":"deployed"')
    expect(called.outputs['report']).toContain('"action":"deploy-ecs-service"')
    expect(called.outputs['environment-url']).toMatch(/\/health$/)
    expect(called.run.jobs['call / deploy']?.environment?.url).toBe(called.outputs['environment-url'])
    expect(called.step('deploy', 'Tag as stable shop')).toBe('success')
    expect(called.page).toContain('api')
    expect(await runningVersion()).toBe('one')
  })

  test('deploys an existing version', async () => {
    const called = await deploy({ version: 'two' })
    expect(called.jobs).toEqual({ deploy: 'success' })
    expect(await runningVersion()).toBe('two')
  })

  test('a failed smoke test puts back what ran before', async () => {
    const called = await deploy({ version: 'wrong' })
    expect(called.jobs).toEqual({ deploy: 'failure' })
    expect(called.outputs['status']).toBe('failure')
    expect(called.step('deploy', 'Smoke test')).toBe('failure')
    expect(called.step('deploy', 'Roll back')).toBe('success')
    expect(called.step('deploy', 'Find the deployed images')).toBe('skipped')
    expect(called.outputs['services']).toContain('"status":"rolled-back"')
    expect(called.page).toContain('wrong')
    expect(await runningVersion()).toBe('two')
  })

  test.each([
    ['Deploy', 'Smoke test'],
    ['Smoke test', 'Smoke test as a task'],
  ])('a cancel between %s and %s puts back what was tested', async (done, never) => {
    const cancel = new AbortController()
    const called = await deploy(
      { version: 'three', 'smoke-task-definition': 'deploy/smoke.yml', 'smoke-command': 'node -e "console.log(1)"' },
      {
        cancel: cancel.signal,
        onProgress: event => {
          if (event.kind === 'step-ended' && event.step === done) cancel.abort()
        },
      },
    )
    expect(called.jobs).toEqual({ deploy: 'cancelled' })
    expect(called.step('deploy', done)).toBe('success')
    expect(called.step('deploy', never)).toBe('skipped')
    expect(called.step('deploy', 'Roll back')).toBe('success')
    expect(await runningVersion()).toBe('two')
  })

  test('a deployment that fails is not asked whether it is right', async () => {
    const called = await deploy({ version: 'crashing' })
    expect(called.jobs).toEqual({ deploy: 'failure' })
    expect(called.step('deploy', 'Deploy')).toBe('failure')
    expect(called.step('deploy', 'Smoke test')).toBe('skipped')
    expect(called.step('deploy', 'Roll back')).toBe('skipped')
    expect(called.outputs['services']).toContain('"status":"rolled-back"')
    expect(called.messages.join('\n')).toContain('PAYMENT_KEY is not set')
    expect(await runningVersion()).toBe('two')
  })

  test('a container that tests what runs has a say', async () => {
    const inputs = { version: 'three', 'smoke-task-definition': 'deploy/smoke.yml' }
    const refused = await deploy({ ...inputs, 'smoke-command': 'node -e "process.exit(6)"' })
    expect(refused.jobs).toEqual({ deploy: 'failure' })
    expect(refused.step('deploy', 'Smoke test')).toBe('success')
    expect(refused.step('deploy', 'Smoke test as a task')).toBe('failure')
    expect(refused.step('deploy', 'Roll back')).toBe('success')
    expect(await runningVersion()).toBe('two')
    const passed = await deploy({ ...inputs, 'smoke-checks': '', 'smoke-command': 'node -e "console.log(1)"' })
    expect(passed.jobs).toEqual({ deploy: 'success' })
    expect(passed.step('deploy', 'Smoke test')).toBe('skipped')
    expect(await runningVersion()).toBe('three')
  })

  test('goes back to what ran before that deployment, by its output', async () => {
    const services = JSON.stringify([{ name: 'api', status: 'deployed', previousTaskDefinition: 'shop-api:2' }])
    const called = await deploy({ 'rollback-to': services, 'smoke-checks': checks('one') })
    expect(called.jobs).toEqual({ deploy: 'success' })
    expect(called.step('deploy', 'Find the deployed images')).toBe('skipped')
    expect(await runningVersion()).toBe('one')
  })

  test('rollback: none leaves what failed its smoke test', async () => {
    const called = await deploy({ version: 'wrong', rollback: 'none' })
    expect(called.jobs).toEqual({ deploy: 'failure' })
    expect(called.step('deploy', 'Roll back')).toBe('skipped')
    expect(await runningVersion()).toBe('old')
  })

  test('goes back to the revision before', async () => {
    const called = await deploy({ 'rollback-to': 'previous', 'smoke-checks': '' })
    expect(called.jobs).toEqual({ deploy: 'success' })
    expect(await runningVersion()).toBe('one')
  })

  test('an approval that is refused deploys nothing', async () => {
    const called = await deploy({ version: 'two' }, { approve: () => false })
    expect(called.jobs).toEqual({ deploy: 'failure' })
    expect(called.outputs['status']).toBe('failure')
    expect(await runningVersion()).toBe('one')
  })
})

function checks(version: string): string {
  return `- { name: API, url: "${caller.cloud().options.vars['SHOP_URL']}/health", expect: { version: ${version} } }`
}
