import { CreateServiceCommand } from '@aws-sdk/client-ecs'
import { describe, expect } from '@jest/globals'
import { inServiceCloud } from '../../../test/support/in-service-cloud.ts'
import { denying } from '../../../test/support/policy.ts'
import { BREAKER, type ServiceCloud } from '../../../test/support/service-cloud.ts'
import { until } from '../../../test/support/task-cloud.ts'

const NO_BREAKER = { deploymentConfiguration: { deploymentCircuitBreaker: { enable: false, rollback: false } } }

async function revisionOf(cloud: ServiceCloud, name = 'api'): Promise<string> {
  return (await cloud.service(name)).taskDefinition?.split('/').at(-1) ?? ''
}

describe('faults that pass', () => {
  inServiceCloud('are ridden out: throttling, server errors, broken connections, a lost answer', async cloud => {
    await cloud.push('2')
    await cloud.create('api')
    cloud.aws.addFault({ service: 'ecs', kind: 'throttle', times: 3 })
    cloud.aws.addFault({ service: 'ecs', operation: 'UpdateService', kind: 'lost-answer', times: 1 })
    cloud.aws.addFault({ service: 'ecs', operation: 'RegisterTaskDefinition', kind: 'lost-answer', times: 1 })
    cloud.aws.addFault({ service: 'ecs', operation: 'DescribeServiceDeployments', kind: 'error', times: 2 })
    cloud.aws.addFault({ service: 'ecs', operation: 'DescribeServices', kind: 'reset', times: 2 })
    const { exitCode, outputs } = await cloud.run({ services: 'api', images: 'ecr:web:2' })
    expect([exitCode, outputs['status']]).toEqual([0, 'deployed'])
    // Neither was sent twice: both had been carried out.
    expect(cloud.calls('UpdateService')).toHaveLength(1)
    expect(await revisionOf(cloud)).toBe('web:2')
  })
})

describe('faults that stay', () => {
  inServiceCloud('credentials that expire while waiting: an error at once that names what goes on', async cloud => {
    await cloud.push('bad', 'exits')
    await cloud.create('api', NO_BREAKER)
    const action = await cloud.start({ services: 'api', images: 'ecr:web:bad' })
    await until('ours goes on', () => action.output().includes('in progress'))
    cloud.aws.addFault({ kind: 'expired', service: 'ecs' })
    const { exitCode, outputs, stdout, post } = await action.result
    expect([exitCode, outputs['status']]).toEqual([1, 'failed'])
    expect(stdout).toContain('The AWS credentials expired.')
    expect(stdout).toContain('api goes on')
    expect(JSON.parse(outputs['services'] ?? '')[0]).toMatchObject({ status: 'failed', taskDefinition: 'web:2' })
    expect(post?.stdout).toContain('The AWS credentials expired.')
  })

  inServiceCloud('every way to look is lost: the rollback is requested first', async cloud => {
    await cloud.push('bad', 'exits')
    await cloud.create('api', NO_BREAKER)
    const action = await cloud.start({ services: 'api', images: 'ecr:web:bad' })
    await until('ours goes on', () => action.output().includes('in progress'))
    cloud.aws.setPolicy(denying('ecs:DescribeServices', 'ecs:DescribeServiceDeployments'))
    const { exitCode, outputs, stdout } = await action.result
    expect([exitCode, outputs['status']]).toEqual([1, 'failed'])
    expect(stdout).toContain('rollback requested, ECS accepted it')
    expect(stdout).toContain('"Action":"ecs:DescribeServices"')
    cloud.aws.setPolicy(undefined)
    await until('the former revision runs', async () => (await revisionOf(cloud)) === 'web:1')
  })

  inServiceCloud(
    'one way to look is lost: the other one serves',
    async cloud => {
      await cloud.push('2')
      await cloud.create('api')
      const action = await cloud.start({ services: 'api', images: 'ecr:web:2' })
      await until('it goes on', () => action.output().includes('in progress'))
      cloud.aws.setPolicy(denying('ecs:DescribeServices'))
      const { exitCode, outputs } = await action.result
      expect([exitCode, outputs['status']]).toEqual([0, 'deployed'])
    },
    { speed: 10 },
  )

  inServiceCloud('UpdateService denied: the statement to add, nothing changed', async cloud => {
    await cloud.push('2')
    await cloud.create('api')
    cloud.aws.setPolicy(denying('ecs:UpdateService'))
    const { exitCode, annotations, outputs } = await cloud.run({ services: 'api', images: 'ecr:web:2' })
    expect([exitCode, outputs['status']]).toEqual([1, 'failed'])
    expect(annotations).toHaveLength(1)
    expect(annotations[0]?.message).toContain('"Action":"ecs:UpdateService"')
    expect(JSON.parse(outputs['services'] ?? '')[0].reason).toContain('nothing was changed')
  })

  inServiceCloud('one of two is refused: the other one is deployed', async cloud => {
    await cloud.push('2')
    for (const name of ['api', 'web']) await cloud.create(name)
    const fault = { code: 'InvalidParameterException', message: 'No.', status: 400 }
    cloud.aws.addFault({ service: 'ecs', operation: 'UpdateService', kind: 'error', times: 1, ...fault })
    const { exitCode, outputs } = await cloud.run({ services: 'api\nweb', images: 'ecr:web:2' })
    expect([exitCode, outputs['status']]).toEqual([1, 'failed'])
    const statuses = JSON.parse(outputs['services'] ?? '').map(({ status }: { status: string }) => status)
    expect(statuses.toSorted()).toEqual(['deployed', 'failed'])
  })
})

describe('failures of their own kind', () => {
  inServiceCloud('the first deployment ever fails: failed, there is nothing to go back to', async cloud => {
    const image = await cloud.push('bad', 'exits')
    await cloud.register('web', { web: { image } })
    await cloud.ecs.send(
      new CreateServiceCommand({
        cluster: 'apps',
        serviceName: 'api',
        taskDefinition: 'web',
        desiredCount: 1,
        launchType: 'FARGATE',
        networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-0a1b2c'] } },
        ...BREAKER,
      }),
    )
    await until('it failed', async () => (await cloud.service('api')).deployments?.[0]?.rolloutState === 'FAILED')
    const { exitCode, outputs, stdout } = await cloud.run({ services: 'api', environment: 'LEVEL=debug' })
    expect([exitCode, outputs['status']]).toEqual([1, 'failed'])
    expect(stdout).toContain('nothing to go back to')
  })

  inServiceCloud('goes back to the last version that worked, not to the failed one before', async cloud => {
    const withoutRollback = { deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: false } } }
    await cloud.push('bad', 'exits')
    await cloud.create('api', withoutRollback)
    const digest = (await cloud.tasks())[0]?.containers?.[0]?.imageDigest
    await cloud.run({ services: 'api', images: 'ecr:web:bad', rollback: 'none' })
    expect(await revisionOf(cloud)).toBe('web:2')
    const { outputs } = await cloud.run({ services: 'api', environment: 'LEVEL=debug' })
    expect(outputs['status']).toBe('rolled-back')
    expect(JSON.parse(outputs['services'] ?? '')[0]).toMatchObject({
      taskDefinition: 'web:3',
      previousTaskDefinition: 'web:2',
      images: [{ container: 'web', digest }],
    })
    expect(await revisionOf(cloud)).toBe('web:1')
  })

  inServiceCloud('an alarm: named, and rolled back', async cloud => {
    await cloud.push('2')
    const alarms = { alarmNames: ['errors'], enable: true, rollback: true }
    await cloud.create('api', { deploymentConfiguration: { alarms } })
    const action = await cloud.start({ services: 'api', images: 'ecr:web:2' })
    await until('it goes on', () => action.output().includes('in progress'))
    cloud.aws.setAlarm('errors', 'ALARM')
    const { exitCode, outputs, annotations } = await action.result
    expect([exitCode, outputs['status']]).toEqual([1, 'rolled-back'])
    expect(annotations[0]?.message).toContain('alarms: errors')
    expect(await revisionOf(cloud)).toBe('web:1')
  })

  inServiceCloud(
    "an image that is not there: AWS's words, the cause and what to do; no line is a command",
    async cloud => {
      await cloud.push('bad', 'exits')
      await cloud.create('api')
      await cloud.create('web')
      const { outputs, annotations, summary, stdout } = await cloud.run({
        services: 'api\nweb',
        images: 'api/web=ecr:web:nope\nweb/web=ecr:web:bad',
        preflight: 'false',
      })
      expect(outputs['status']).toBe('rolled-back')
      expect(annotations).toHaveLength(2)
      const missing = annotations.find(({ message }) => message.includes('The deployment of api failed'))?.message
      for (const words of [
        'CannotPullContainerError',
        'The tag was not pushed',
        'push the tag or correct the reference',
      ])
        expect(missing).toContain(words)
      expect(summary).toContain('CannotPullContainerError')
      expect(stdout).not.toMatch(/##\[error\]gotcha/)
      expect(outputs['report']).not.toContain(cloud.aws.accountId)
    },
  )

  inServiceCloud('with `rollback: all`, what waits is not begun after a failure', async cloud => {
    await cloud.push('2')
    await cloud.push('bad', 'exits')
    for (const name of ['api', 'web']) await cloud.create(name)
    const { outputs } = await cloud.run({
      services: 'api\nweb',
      images: 'api/web=ecr:web:bad\nweb/web=ecr:web:2',
      rollback: 'all',
      'max-parallel': '1',
    })
    expect(outputs['status']).toBe('rolled-back')
    const [, web] = JSON.parse(outputs['services'] ?? '')
    expect(web).toMatchObject({ status: 'unchanged', reason: 'Not begun: another service of the step failed.' })
  })
})

describe('many services', () => {
  inServiceCloud('20 are looked at by few calls', async cloud => {
    await cloud.push('2')
    const names = Array.from({ length: 20 }, (_, index) => `s${index}`)
    for (const name of names) await cloud.create(name, { desiredCount: 0 })
    const before = cloud.aws.journal().length
    const { outputs } = await cloud.run({ services: names.join('\n'), images: 'ecr:web:2' })
    expect(outputs['status']).toBe('deployed')
    const called = cloud.aws
      .journal()
      .slice(before)
      .map(({ operation }) => operation)
    const many = (operation: string): number => called.filter(name => name === operation).length
    expect(many('RegisterTaskDefinition')).toBe(1)
    expect(many('UpdateService')).toBe(20)
    // Only for services that go on naming an older one, five of them at a look.
    expect(many('ListServiceDeployments')).toBeLessThanOrEqual(5)
    // Ten at a call: for the plan, before the updates, and at each look.
    expect(many('DescribeServices')).toBeLessThanOrEqual(4 + 4 * many('DescribeServiceDeployments'))
    expect(many('DescribeServiceRevisions')).toBeLessThanOrEqual(1)
  })
})
