import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import './patience.ts'
import { type Call, type Called, type Caller, startCaller } from './calls.ts'
import { addDockerHost, type DockerHost, INSTANCE } from './docker-host.ts'

const SURROUNDINGS = `speed: 200
aws: { repositories: [shop] }
vars: { AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/deploy", AWS_REGION: eu-west-1 }
`

let caller: Caller
let web: DockerHost
beforeAll(async () => {
  caller = await startCaller({ Dockerfile: 'FROM scratch\nCOPY app /\n', app: 'an application\n' }, SURROUNDINGS)
  web = await addDockerHost(caller.cloud().aws)
})
afterEach(() => {
  web.pretend(undefined)
  caller.cloud().aws.clearFaults()
})
afterAll(async () => {
  await web?.stop()
  await caller?.stop()
})

/** Deploys a tag to the host, with a smoke test that wants to see it. */
function deploy(tag: string, inputs: Readonly<Record<string, unknown>> = {}, options: Call = {}): Promise<Called> {
  return caller.call(
    'deploy-ec2',
    {
      targets: 'Role=web',
      directory: web.directory,
      env: `TAG=${tag}\nRELEASE={version}`,
      'health-timeout': '20s',
      'smoke-checks': `- { name: API, url: "${web.url}", expect: { json: { status: ok }, version: "${tag}" } }`,
      'smoke-timeout': '2s',
      environment: 'production',
      ...inputs,
    },
    options,
  )
}

// One after the other: what one leaves on the host is what the next finds.
describe('deploy-ec2.yml', () => {
  test('deploys what was built, by digest, asks it, and calls it stable', async () => {
    const { outputs } = await caller.call('build', { images: '- repository: shop', tags: 'one' })
    const images = outputs['images'] ?? ''
    const digest = /sha256:[0-9a-f]{64}/.exec(images)?.[0] ?? 'none'
    const called = await deploy('one', { built: images, env: 'TAG=one\nIMAGE={image}\nRELEASE={version}' })
    expect(called.jobs).toEqual({ deploy: 'success' })
    expect(called.outputs['status']).toBe('success')
    expect(called.outputs['instances']).toContain(`"id":"${INSTANCE}"`)
    expect(called.outputs['instances']).toContain('"exitCode":0')
    expect(called.outputs['environment-url']).toBe(web.url)
    expect(called.run.jobs['call / deploy']?.environment).toEqual({ name: 'production', url: web.url })
    expect(called.step('deploy', 'Tag as stable shop')).toBe('success')
    expect(called.page).toContain(INSTANCE)
    expect(web.running()).toBe('one')
    expect(web.envFile()).toMatch(new RegExp(`^IMAGE=.*\\.amazonaws\\.com/shop@${digest}$`, 'm'))
    expect(web.envFile()).toMatch(/^RELEASE=[0-9a-f]{40}$/m)
  })

  test('deploys an existing version', async () => {
    await caller.call('build', { images: '- repository: shop', tags: '2.0' })
    const called = await deploy('two', { version: '2.0', 'image-list': '- repository: shop' })
    expect(called.jobs).toEqual({ deploy: 'success' })
    expect(called.step('deploy', 'Tag as stable shop')).toBe('success')
    expect(web.running()).toBe('two')
    expect(web.envFile()).toMatch(/^RELEASE=2\.0$/m)
  })

  test('a failed smoke test puts back what ran before', async () => {
    web.pretend('something else')
    const called = await deploy('three')
    expect(called.jobs).toEqual({ deploy: 'failure' })
    expect(called.outputs['status']).toBe('failure')
    expect(called.step('deploy', 'Deploy')).toBe('success')
    expect(called.step('deploy', 'Smoke test')).toBe('failure')
    expect(called.step('deploy', 'Roll back')).toBe('success')
    expect(called.page).toContain('something else')
    expect(called.outputs['instances']).toContain(INSTANCE)
    expect(web.running()).toBe('two')
    expect(web.envFile()).toMatch(/^TAG=two$/m)
  })

  test.each([
    ['an image that cannot be pulled', 'bad1'],
    ['containers that end', 'sick1'],
  ])('%s: the host keeps what ran, and nobody asks it', async (_, tag) => {
    const called = await deploy(tag, { 'health-timeout': '2s' })
    expect(called.jobs).toEqual({ deploy: 'failure' })
    expect(called.step('deploy', 'Deploy')).toBe('failure')
    expect(called.step('deploy', 'Smoke test')).toBe('skipped')
    expect(called.step('deploy', 'Roll back')).toBe('skipped')
    expect(called.outputs['status']).toBe('failure')
    expect(web.running()).toBe('two')
  })

  test('a cancel before the smoke test begins puts back what was tested', async () => {
    const cancel = new AbortController()
    const called = await deploy(
      'four',
      {},
      {
        cancel: cancel.signal,
        onProgress: event => {
          if (event.kind === 'step-ended' && event.step === 'Deploy') cancel.abort()
        },
      },
    )
    expect(called.jobs).toEqual({ deploy: 'cancelled' })
    expect(called.step('deploy', 'Deploy')).toBe('success')
    expect(called.step('deploy', 'Smoke test')).toBe('skipped')
    expect(called.step('deploy', 'Roll back')).toBe('success')
    expect(web.running()).toBe('two')
  })

  test('without rollback the failed smoke test leaves what it found', async () => {
    web.pretend('something else')
    const called = await deploy('four', { rollback: false })
    expect(called.jobs).toEqual({ deploy: 'failure' })
    expect(called.step('deploy', 'Roll back')).toBe('skipped')
    expect(web.running()).toBe('four')
  })

  test('goes back to what ran before', async () => {
    const called = await deploy('none', { 'rollback-to': 'previous', 'smoke-checks': '' })
    expect(called.jobs).toEqual({ deploy: 'success' })
    expect(web.running()).toBe('two')
  })

  test('no host is found: it fails and says so', async () => {
    const called = await deploy('five', { targets: 'Role=nobody' })
    expect(called.jobs).toEqual({ deploy: 'failure' })
    expect(called.messages.join('\n')).toContain('Role=nobody')
    expect(called.step('deploy', 'Smoke test')).toBe('skipped')
  })

  test('an approval that is refused deploys nothing', async () => {
    const called = await deploy('five', {}, { approve: () => false })
    expect(called.jobs).toEqual({ deploy: 'failure' })
    expect(web.running()).toBe('two')
  })
})
