import { UpdateServiceCommand } from '@aws-sdk/client-ecs'
import { describe, expect } from '@jest/globals'
import { inServiceCloud } from '../../../test/support/in-service-cloud.ts'
import { denying } from '../../../test/support/policy.ts'
import type { ServiceCloud } from '../../../test/support/service-cloud.ts'
import { until } from '../../../test/support/task-cloud.ts'

const NO_ROLLBACK = { deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: false } } }
const NO_BREAKER = { deploymentConfiguration: { deploymentCircuitBreaker: { enable: false, rollback: false } } }

async function stateOf(cloud: ServiceCloud, name = 'api'): Promise<[string | undefined, number | undefined]> {
  const { taskDefinition, desiredCount } = await cloud.service(name)
  return [taskDefinition?.split('/').at(-1), desiredCount]
}

const isBack = async (cloud: ServiceCloud, name = 'api'): Promise<boolean> =>
  JSON.stringify(await stateOf(cloud, name)) === JSON.stringify(['web:1', 1])

describe('the number of tasks that this step changed is put back', () => {
  inServiceCloud('when ECS takes the revision back', async cloud => {
    await cloud.push('bad', 'exits')
    await cloud.create('api')
    const { outputs, stdout } = await cloud.run({ services: 'api', images: 'ecr:web:bad', 'desired-count': '2' })
    expect(outputs['status']).toBe('rolled-back')
    expect(stdout).toContain('api: 2 tasks → 1 again.')
    expect(await stateOf(cloud)).toEqual(['web:1', 1])
  })

  inServiceCloud('or it is said that it stays: the revision is back all the same', async cloud => {
    await cloud.push('bad', 'exits')
    await cloud.create('api')
    const action = await cloud.start({ services: 'api', images: 'ecr:web:bad', 'desired-count': '2' })
    await until('it goes on', () => action.output().includes('in progress'))
    cloud.aws.setPolicy(denying('ecs:UpdateService'))
    const { outputs } = await action.result
    expect(outputs['status']).toBe('rolled-back')
    expect(JSON.parse(outputs['services'] ?? '')[0].reason).toContain('The number of tasks stays 2')
    expect(await stateOf(cloud)).toEqual(['web:1', 2])
  })

  inServiceCloud('when we take it back', async cloud => {
    await cloud.push('bad', 'exits')
    await cloud.create('api', NO_ROLLBACK)
    const { outputs } = await cloud.run({ services: 'api', images: 'ecr:web:bad', 'desired-count': '2' })
    expect(outputs['status']).toBe('rolled-back')
    expect(await stateOf(cloud)).toEqual(['web:1', 1])
  })

  inServiceCloud('after a time-out and after a cancel, with the rollback', async cloud => {
    await cloud.push('bad', 'exits')
    await cloud.create('api', NO_BREAKER)
    const inputs = { services: 'api', images: 'ecr:web:bad', 'desired-count': '2' }
    const late = await cloud.run({ ...inputs, timeout: '12s' })
    expect(late.outputs['status']).toBe('timed-out')
    expect(late.annotations[0]?.message).toContain('The number of tasks is 1 again.')
    await until('it is back', () => isBack(cloud))
    await cloud.create('web', { ...NO_BREAKER, taskDefinition: 'web:1' })
    const action = await cloud.start({ ...inputs, services: 'web' })
    await until('it goes on', () => action.output().includes('in progress'))
    action.signal('SIGINT')
    expect((await action.result).outputs['status']).toBe('cancelled')
    await until('it is back', () => isBack(cloud, 'web'))
  })

  inServiceCloud('where it was all that changed: the deployment that runs is left alone', async cloud => {
    await cloud.create('api')
    // Nothing starts a second task.
    cloud.aws.scriptTasks('web', { failsToStart: 'Timeout waiting for network interface provisioning to complete.' })
    const { outputs } = await cloud.run({ services: 'api', 'desired-count': '2', timeout: '12s' })
    expect(outputs['status']).toBe('timed-out')
    expect(JSON.parse(outputs['services'] ?? '')[0].reason).toContain('The number of tasks is 1 again.')
    expect(await stateOf(cloud)).toEqual(['web:1', 1])
    expect(cloud.calls('StopServiceDeployment')).toEqual([])
  })

  inServiceCloud('when it is cancelled before the answer to the only change', async cloud => {
    await cloud.create('api')
    cloud.aws.addFault({ service: 'ecs', operation: 'UpdateService', kind: 'delay', delayMs: 500, times: 1 })
    const action = await cloud.start({ services: 'api', 'desired-count': '2' })
    await until('it is asked for', () => cloud.calls('UpdateService').length === 1)
    action.signal('SIGINT')
    const { outputs } = await action.result
    expect(outputs['status']).toBe('cancelled')
    expect(JSON.parse(outputs['services'] ?? '')[0].reason).toContain('The number of tasks is 1 again.')
    expect(await stateOf(cloud)).toEqual(['web:1', 1])
  })

  inServiceCloud('but not when somebody else has changed it since', async cloud => {
    await cloud.push('bad', 'exits')
    await cloud.create('api', NO_BREAKER)
    const action = await cloud.start({ services: 'api', images: 'ecr:web:bad', 'desired-count': '2' })
    await until('it goes on', () => action.output().includes('in progress'))
    await cloud.ecs.send(new UpdateServiceCommand({ cluster: 'apps', service: 'api', desiredCount: 3 }))
    action.signal('SIGTERM')
    await action.result
    await until('the revision is back', async () => (await stateOf(cloud))[0] === 'web:1')
    expect(await stateOf(cloud)).toEqual(['web:1', 3])
  })

  inServiceCloud('with `rollback: all`, also of a service that only got another number', async cloud => {
    await cloud.push('bad', 'exits')
    for (const name of ['api', 'web']) await cloud.create(name)
    const { outputs } = await cloud.run({
      services: 'api\nweb',
      images: 'api/web=ecr:web:bad',
      'desired-count': '2',
      rollback: 'all',
    })
    expect(outputs['status']).toBe('rolled-back')
    expect(await stateOf(cloud, 'web')).toEqual(['web:1', 1])
    expect(await stateOf(cloud, 'api')).toEqual(['web:1', 1])
    // The deployment of `web` was an earlier one: it is not replaced.
    expect(cloud.calls('UpdateService').filter(({ input }) => JSON.stringify(input).includes('"web"'))).toHaveLength(2)
  })
})

describe('what runs is told', () => {
  inServiceCloud('after a time-out and after a cancel', async cloud => {
    await cloud.push('bad', 'exits')
    await cloud.create('api', NO_BREAKER)
    const digest = (await cloud.tasks())[0]?.containers?.[0]?.imageDigest
    const late = await cloud.run({ services: 'api', images: 'ecr:web:bad', timeout: '12s' })
    expect(late.outputs['status']).toBe('timed-out')
    const told = [{ container: 'web', image: 'ecr:web:1', digest }]
    expect(JSON.parse(late.outputs['services'] ?? '')[0].images).toEqual(told)
    await until('it is back', () => isBack(cloud))
    const action = await cloud.start({ services: 'api', images: 'ecr:web:bad' })
    await until('it goes on', () => action.output().includes('in progress'))
    action.signal('SIGINT')
    const { outputs } = await action.result
    expect(outputs['status']).toBe('cancelled')
    expect(JSON.parse(outputs['services'] ?? '')[0].images).toEqual(told)
  })

  inServiceCloud('where digests may not be read: the images without them', async cloud => {
    await cloud.push('2')
    await cloud.create('api')
    cloud.aws.setPolicy(denying('ecs:DescribeServiceRevisions'))
    const { outputs } = await cloud.run({ services: 'api', images: 'ecr:web:2' })
    expect(outputs['status']).toBe('deployed')
    expect(JSON.parse(outputs['services'] ?? '')[0].images).toEqual([{ container: 'web', image: 'ecr:web:2' }])
  })
})

describe('what may not be read is one notice, however often it is asked for', () => {
  inServiceCloud('service deployments, on the way back, too', async cloud => {
    await cloud.push('bad', 'exits')
    for (const name of ['api', 'web']) await cloud.create(name, NO_ROLLBACK)
    cloud.aws.setPolicy(denying('ecs:ListServiceDeployments', 'ecs:DescribeServiceDeployments'))
    const { outputs, stdout } = await cloud.run({ services: 'api\nweb', images: 'ecr:web:bad' })
    expect(outputs['status']).toBe('rolled-back')
    expect(stdout.match(/^::notice.*$/gm)).toEqual([expect.stringContaining('Service deployments cannot be read')])
  })

  inServiceCloud('digests, before and after a deployment', async cloud => {
    await cloud.push('2')
    for (const name of ['api', 'web']) await cloud.create(name)
    cloud.aws.setPolicy(denying('ecs:DescribeServiceRevisions'))
    const inputs = { services: 'api\nweb', images: 'api/web=ecr:web:2', preflight: 'false' }
    const { outputs, stdout } = await cloud.run(inputs)
    expect(outputs['status']).toBe('deployed')
    expect(stdout.match(/^::notice.*$/gm)).toEqual([expect.stringContaining('Running digests are not known')])
  })
})

/** Times as the protocol has them, in seconds. */
function asAnswered(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (key, text) => (/At$/.test(key) ? Date.parse(text) / 1000 : text))
}

describe('our way back', () => {
  inServiceCloud('is not taken for overtaken while DescribeServices still answers as before it', async cloud => {
    await cloud.push('bad', 'exits')
    await cloud.create('api', NO_ROLLBACK)
    // Collecting the evidence takes long enough to get in between.
    cloud.aws.addFault({ service: 'ecs', operation: 'ListTasks', kind: 'delay', delayMs: 1500, times: 1 })
    const action = await cloud.start({ services: 'api', images: 'ecr:web:bad' })
    await until('ours has failed', () => action.output().includes('api | failed:'))
    const body = asAnswered({ services: [await cloud.service('api')], failures: [] })
    cloud.aws.addFault({ service: 'ecs', operation: 'DescribeServices', kind: 'answer', body })
    await until('the way back is asked for', () => cloud.calls('UpdateService').length === 2)
    const asked = cloud.calls('DescribeServices').length
    await until('it is looked at', () => cloud.calls('DescribeServices').length > asked)
    cloud.aws.clearFaults()
    const { outputs } = await action.result
    expect(outputs['status']).toBe('rolled-back')
    expect(await stateOf(cloud)).toEqual(['web:1', 1])
  })
})

describe('main is killed', () => {
  inServiceCloud('with `rollback: all`: post takes back every service, those that were deployed too', async cloud => {
    await cloud.push('2')
    await cloud.push('bad', 'exits')
    await cloud.create('api', NO_BREAKER)
    await cloud.create('web')
    await cloud.create('jobs')
    const action = await cloud.start({
      services: 'api\nweb\njobs',
      images: 'api/web=ecr:web:bad\nweb/web=ecr:web:2\njobs/web=ecr:web:2',
      rollback: 'all',
      'desired-count': '2',
    })
    await until('two are deployed', () =>
      /web \| deployed[\s\S]*jobs \| deployed|jobs \| deployed[\s\S]*web \| deployed/.test(action.output()),
    )
    action.signal('SIGKILL')
    const { exitCode, post } = await action.result
    expect(exitCode).toBeNull()
    expect(post?.exitCode).toBe(0)
    for (const name of ['api', 'web', 'jobs']) {
      expect(post?.stdout).toMatch(new RegExp(`${name}: (?:going back to web:1|rollback requested, ECS accepted it)`))
      await until(`${name} is back`, () => isBack(cloud, name))
    }
  })

  inServiceCloud('right after UpdateService, before its answer: post finds what was begun', async cloud => {
    await cloud.push('bad', 'exits')
    for (const name of ['api', 'web']) await cloud.create(name, NO_BREAKER)
    // The answer is kept back.
    cloud.aws.addFault({ service: 'ecs', operation: 'UpdateService', kind: 'delay', delayMs: 700, times: 2 })
    const action = await cloud.start({ services: 'api\nweb', images: 'ecr:web:bad', rollback: 'all' })
    await until('both are asked for', () => cloud.calls('UpdateService').length === 2)
    action.signal('SIGKILL')
    // The requests are carried out though nobody waits for them.
    await until('both are carried out', async () => (await stateOf(cloud, 'api'))[0] === 'web:2')
    const { post } = await action.result
    expect(post?.exitCode).toBe(0)
    for (const name of ['api', 'web']) await until(`${name} is back`, () => isBack(cloud, name))
  })
})
