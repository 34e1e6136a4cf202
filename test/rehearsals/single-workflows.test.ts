import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { until } from '../support/task-cloud.ts'
import './patience.ts'
import { type Call, type Called, type Caller, startCaller } from './calls.ts'
import { addDockerHost, type DockerHost } from './docker-host.ts'
import { type Moment, pressedAt, SOON, tooSlow, unwellServer } from './holds.ts'
import { APPLICATION, pushVersion, SURROUNDINGS } from './small-application.ts'
import { deny, listener } from './stages.ts'

const AREA = { 'aws-region': 'eu-west-1' }
const IMAGES = { 'image-list': '- repository: shop' }
const waits = 'echo waiting; sleep 600'

let caller: Caller
let web: DockerHost
beforeAll(async () => {
  caller = await startCaller(APPLICATION, SURROUNDINGS)
  const { aws } = caller.cloud()
  for (const tag of ['one', 'two']) await pushVersion(aws, tag)
  await pushVersion(aws, 'wrong', 'old')
  web = await addDockerHost(aws)
  for (const called of [await call('deploy-ecs', ecs('one')), await call('deploy-ec2', ec2('one'))])
    expect(called.outputs['status']).toBe('success')
})
afterEach(() => {
  web.pretend(undefined)
  caller.cloud().aws.clearFaults()
})
afterAll(async () => {
  await web?.stop()
  await caller?.stop()
})

type Inputs = Readonly<Record<string, unknown>>

function call(workflow: string, inputs: Inputs, options: Call = {}): Promise<Called> {
  return caller.call(workflow, inputs, options)
}

function migration(command: string): Inputs {
  const place = { cluster: 'shop', 'task-definition': 'deploy/migrate.yml', 'network-from-service': 'api' }
  const image = { ...IMAGES, version: 'one', 'template-values': 'image={shop}' }
  return { ...AREA, ...place, ...image, databases: '["north", "south"]', command, environment: 'production' }
}

/** @param url what the smoke test asks; default the service */
function ecs(version: string, url = `${caller.cloud().options.vars['SHOP_URL']}/health`): Inputs {
  return {
    ...AREA,
    ...IMAGES,
    cluster: 'shop',
    services: 'api=deploy/api.yml',
    'template-values': 'image={shop}',
    version,
    'smoke-checks': `- { name: API, url: "${url}", expect: { version: "{version}" } }`,
    'smoke-timeout': '3s',
    environment: 'production',
  }
}

function ec2(tag: string, url = web.url): Inputs {
  return {
    ...AREA,
    targets: 'Role=web',
    directory: web.directory,
    env: `TAG=${tag}`,
    'smoke-checks': `- { name: API, url: "${url}", expect: { version: "${tag}" } }`,
    'smoke-timeout': '2s',
    environment: 'production',
  }
}

async function runningVersion(): Promise<unknown> {
  const answer: unknown = await (await fetch(`${caller.cloud().options.vars['SHOP_URL']}/health`)).json()
  return typeof answer === 'object' && answer !== null && 'version' in answer ? answer.version : undefined
}

/** What ran before all goes on. */
async function asBefore(): Promise<void> {
  await until('one runs', async () => (await runningVersion()) === 'one')
  expect(web.running()).toBe('one')
  expect(web.envFile()).toMatch(/^TAG=one$/m)
}

function cancelledAt(moment: Moment, workflow: string, inputs: Inputs, options: Call = {}): Promise<Called> {
  const cancel = new AbortController()
  const { onStep, onLine, approve } = pressedAt(
    moment,
    () => caller.cloud().aws,
    () => cancel.abort(),
  )
  return call(workflow, inputs, {
    ...options,
    ...(approve === undefined ? {} : { approve }),
    cancel: cancel.signal,
    onProgress: listener(onStep, onLine),
  })
}

describe('a workflow that is cancelled', () => {
  test.each<[title: string, workflow: string, says: string, moment: Moment, inputs: () => Inputs, options: Call]>([
    ['lint', 'lint', 'Lint: cancelled', { line: 'waiting' }, () => ({ commands: waits }), SOON],
    [
      'lint: what it installs',
      'lint',
      'Lint: cancelled',
      { line: 'waiting' },
      () => ({ install: waits, commands: 'true' }),
      SOON,
    ],
    ['test', 'test', 'Test: cancelled', { line: 'waiting' }, () => ({ commands: waits }), SOON],
    [
      'build',
      'build',
      'ecr:shop',
      { job: 'push', step: 'Build and push', asking: ['registry', 'PUT manifest'] },
      () => ({ ...AREA, images: '- repository: shop', tags: 'three' }),
      {},
    ],
    ['migrate', 'migrate', 'north', { line: 'waiting in north' }, () => migration('node migrate.js wait'), {}],
    [
      'deploy-ecs',
      'deploy-ecs',
      'api',
      { job: 'deploy', step: 'Deploy', asking: ['ecs', 'DescribeServiceDeployments'] },
      () => ecs('two'),
      {},
    ],
  ])('%s: says so, and what ran goes on', async (_, workflow, says, moment, inputs, options) => {
    const called = await cancelledAt(moment, workflow, inputs(), options)
    expect(Object.values(called.jobs).filter(result => result !== 'skipped')).toEqual(
      expect.arrayContaining(['cancelled']),
    )
    expect(Object.values(called.jobs)).not.toContain('success')
    expect(called.outputs['status']).toBe('cancelled')
    expect(called.page).toContain('cancelled')
    expect(called.page).toContain(says)
    await asBefore()
  })

  test.each<[workflow: string, job: string, inputs: () => Inputs]>([
    ['build', 'push', () => ({ ...AREA, images: '- repository: shop', tags: 'three', environment: 'production' })],
    ['migrate', 'migrate', () => migration('node migrate.js')],
    ['deploy-ecs', 'deploy', () => ecs('two')],
    ['deploy-ec2', 'deploy', () => ec2('two')],
  ])('%s before it is approved: nothing is asked of AWS', async (workflow, job, inputs) => {
    const { aws } = caller.cloud()
    const before = aws.journal().filter(({ service }) => service !== 'elasticloadbalancing').length
    const called = await cancelledAt({ approval: job }, workflow, inputs())
    expect(called.jobs[job]).toBe('cancelled')
    expect(called.outputs['status']).toBe('cancelled')
    expect(aws.journal().filter(({ service }) => service !== 'elasticloadbalancing')).toHaveLength(before)
    await asBefore()
  })

  test('deploy-ec2 while the host works: it goes back to what ran', async () => {
    const cancel = new AbortController()
    const ending = call(
      'deploy-ec2',
      { ...ec2('two'), 'host-before': 'touch began; sleep 600' },
      { cancel: cancel.signal },
    )
    await Promise.race([until('the host works', () => existsSync(join(web.directory, 'began')), 280_000), ending])
    cancel.abort()
    const called = await ending
    expect(called.jobs).toEqual({ deploy: 'cancelled' })
    expect(called.outputs['status']).toBe('cancelled')
    expect(called.step('deploy', 'Smoke test')).toBe('skipped')
    expect(called.page).toContain('cancelled')
    await asBefore()
  })

  test.each<[workflow: string, inputs: (url: string) => Inputs]>([
    ['deploy-ecs', url => ecs('two', url)],
    ['deploy-ec2', url => ec2('two', url)],
  ])('%s in its smoke test: what is not tested goes back', async (workflow, inputs) => {
    const cancel = new AbortController()
    const unwell = await unwellServer(() => cancel.abort())
    try {
      const called = await call(workflow, inputs(unwell.url), { cancel: cancel.signal })
      expect(called.jobs).toEqual({ deploy: 'cancelled' })
      expect(called.outputs['status']).toBe('cancelled')
      expect(called.step('deploy', 'Smoke test')).toBe('cancelled')
      expect(called.step('deploy', 'Roll back')).toBe('success')
      expect(called.page).toContain('cancelled')
      await asBefore()
    } finally {
      await unwell.close()
    }
  })

  test.each<[workflow: string, asking: readonly [string, string], inputs: () => Inputs]>([
    ['deploy-ecs', ['ecs', 'UpdateService'], () => ({ ...ecs('wrong'), 'smoke-timeout': '1s' })],
    ['deploy-ec2', ['ssm', 'SendCommand'], () => ec2('two')],
  ])('%s while it goes back: it goes back all the same', async (workflow, asking, inputs) => {
    if (workflow === 'deploy-ec2') web.pretend('something else')
    const called = await cancelledAt({ job: 'deploy', step: 'Roll back', asking }, workflow, inputs())
    expect(called.jobs).toEqual({ deploy: 'cancelled' })
    expect(called.step('deploy', 'Smoke test')).toBe('failure')
    expect(called.step('deploy', 'Roll back')).toBe('success')
    expect(called.page).toContain('API')
    await asBefore()
  })
})

describe('a workflow that takes too long', () => {
  test.each<[workflow: string, job: string, minutes: number, inputs: () => Inputs]>([
    ['lint', 'lint (.)', 120, () => ({ commands: 'sleep 600' })],
    ['test', 'test (.)', 120, () => ({ commands: 'sleep 600' })],
    ['build', 'push', 60, () => ({ ...AREA, images: '- repository: shop', tags: 'three' })],
    ['migrate', 'migrate', 360, () => migration('node migrate.js wait')],
    ['deploy-ecs', 'deploy', 360, () => ecs('two')],
    ['deploy-ec2', 'deploy', 360, () => ec2('two')],
  ])('%s is cancelled', async (workflow, job, minutes, inputs) => {
    const called = await call(workflow, inputs(), {
      timing: { ...(/lint|test/.test(workflow) ? SOON.timing : {}), ...tooSlow(job) },
    })
    expect(called.jobs[job]).toBe('cancelled')
    expect(called.outputs['status']).toBe('cancelled')
    expect(called.messages).toContain(`The job has exceeded the maximum execution time of ${minutes}m0s`)
    await asBefore()
  })
})

describe('a workflow whose way back fails', () => {
  test.each<[workflow: string, permission: readonly [string, string], output: string, inputs: () => Inputs]>([
    ['deploy-ecs', ['ecs', 'UpdateService'], 'services', () => ({ ...ecs('wrong'), 'smoke-timeout': '1s' })],
    ['deploy-ec2', ['ssm', 'SendCommand'], 'instances', () => ec2('two')],
  ])('%s says so', async (workflow, permission, output, inputs) => {
    const { aws } = caller.cloud()
    if (workflow === 'deploy-ec2') web.pretend('something else')
    const called = await call(workflow, inputs(), {
      onProgress: listener((_, name) => {
        if (name === 'Smoke test') deny(aws, ...permission)
      }, undefined),
    })
    expect(called.jobs).toEqual({ deploy: 'failure' })
    expect(called.outputs['status']).toBe('failure')
    expect(called.step('deploy', 'Roll back')).toBe('failure')
    expect(called.page).toContain(permission.join(':'))
    expect(called.outputs[output]).not.toBe('')
    aws.clearFaults()
    web.pretend(undefined)
    const back = await call(workflow, workflow === 'deploy-ec2' ? ec2('one') : ecs('one'))
    expect(back.outputs['status']).toBe('success')
  })
})

test('deploy-ecs that cannot tag what it has deployed and tested: it stays, and the job fails and says so', async () => {
  const { aws } = caller.cloud()
  const called = await call('deploy-ecs', ecs('two'), {
    onProgress: listener((_, name) => {
      if (name === 'Find the deployed images') deny(aws, 'registry', 'PUT manifest')
    }, undefined),
  })
  expect(called.jobs).toEqual({ deploy: 'failure' })
  expect(called.outputs['status']).toBe('failure')
  expect(called.step('deploy', 'Smoke test')).toBe('success')
  expect(called.step('deploy', 'Roll back')).toBe('skipped')
  expect(called.step('deploy', 'Tag as stable shop')).toBe('failure')
  expect(called.page).toContain('not authorized to perform')
  expect(await runningVersion()).toBe('two')
  aws.clearFaults()
  expect((await call('deploy-ecs', ecs('one'))).outputs['status']).toBe('success')
})

describe('a workflow where the account id is masked', () => {
  test.each<[workflow: string, output: string, inputs: () => Inputs]>([
    ['build', 'images', () => ({ ...AREA, images: '- repository: shop', tags: 'masked' })],
    ['migrate', 'report', () => migration('node migrate.js')],
    ['deploy-ecs', 'services', () => ecs('one')],
    ['deploy-ec2', 'instances', () => ec2('one')],
  ])('%s loses no output', async (workflow, output, inputs) => {
    const { accountId } = caller.cloud().aws
    const called = await call(workflow, inputs(), { secrets: { ACCOUNT: accountId } })
    expect(called.outputs['status']).toBe('success')
    expect(called.outputs[output]).not.toBe('')
    expect(called.outputs['report']).toContain('"schema":1')
    expect(JSON.stringify(called.outputs)).not.toContain(accountId)
    expect(called.page).not.toBe('')
    expect(called.page).not.toContain(accountId)
  })
})

describe('test.yml in what it has as lint.yml has it', () => {
  const lintOnly = { directory: 'deploy', lint: 'exit 8', install: 'exit 9' }

  test.each<[title: string, inputs: Inputs, says: string]>([
    ['a command of install fails', { install: 'exit 7', commands: 'true' }, 'exit 7 ended with exit code 7.'],
    ['a command before the tests fails', { before: 'exit 6', commands: 'true' }, 'exit 6 ended with exit code 6.'],
    ['there are no commands', {}, 'There are no commands to run: the input commands is empty.'],
    ['no project has tests', { projects: JSON.stringify([{ ...lintOnly, install: 'true' }]) }, 'There are no commands'],
  ])('%s: it fails and says so', async (_, inputs, says) => {
    const { jobs, outputs, page } = await call('test', inputs)
    expect(jobs['test']).toBe('failure')
    expect(outputs['status']).toBe('failure')
    expect(page).toContain(says)
  })

  test('a project that has commands only for lint is left alone', async () => {
    const projects = JSON.stringify([lintOnly, { directory: '.', test: 'test -f server.js' }])
    const { outputs, page } = await call('test', { projects })
    expect(outputs['status']).toBe('success')
    expect(page).toContain('Test deploy: success')
  })
})

describe('on a pull request', () => {
  test.each(['lint', 'test'])('%s is as ever, and without any credentials', async workflow => {
    const { jobs, outputs, page, run } = await call(
      workflow,
      { commands: 'test -z "${AWS_ACCESS_KEY_ID-}"' },
      { event: 'pull_request', vars: { AWS_ROLE_ARN: '' } },
    )
    expect(jobs[workflow]).toBe('success')
    expect(outputs['status']).toBe('success')
    expect(page).toContain(': success')
    expect(run.jobs[`call / ${workflow} (.)`]?.permissions).toEqual({ contents: 'read', metadata: 'read' })
  })

  test('a build that fails says so', async () => {
    // no Dockerfile
    const images = '- repository: shop\n  file: server.js'
    const { jobs, outputs, page, step } = await call(
      'build',
      { images },
      { event: 'pull_request', vars: { AWS_ROLE_ARN: '' } },
    )
    expect(jobs).toEqual({ build: 'failure', push: 'skipped' })
    expect(outputs['status']).toBe('failure')
    expect(step('build', 'Build')).toBe('failure')
    expect(page).toContain('shop')
    expect(page).toContain('failed')
  })
})
