import { UpdateServiceCommand } from '@aws-sdk/client-ecs'
import { describe, expect } from '@jest/globals'
import { inServiceCloud } from '../../../test/support/in-service-cloud.ts'
import type { ServiceCloud } from '../../../test/support/service-cloud.ts'
import { until } from '../../../test/support/task-cloud.ts'

const NO_ROLLBACK = { deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: false } } }
const NO_BREAKER = { deploymentConfiguration: { deploymentCircuitBreaker: { enable: false, rollback: false } } }

async function revisionOf(cloud: ServiceCloud, name = 'api'): Promise<string> {
  return (await cloud.service(name)).taskDefinition?.split('/').at(-1) ?? ''
}

/** What a colleague does, or another workflow. */
async function deploysElsewhere(cloud: ServiceCloud, service: string, taskDefinition: string): Promise<void> {
  await cloud.ecs.send(new UpdateServiceCommand({ cluster: 'apps', service, taskDefinition }))
}

function updatesOf(cloud: ServiceCloud, name: string): number {
  return cloud.calls('UpdateService').filter(({ input }) => JSON.stringify(input).includes(`"service":"${name}"`))
    .length
}

async function withFix(cloud: ServiceCloud): Promise<void> {
  await cloud.push('bad', 'exits')
  await cloud.push('fix')
  await cloud.register('fix', {
    web: { image: `${cloud.aws.registryAddress}/web:fix`, portMappings: [{ containerPort: 8080 }] },
  })
}

function told(outputs: Readonly<Record<string, string>>): { name: string; status: string; reason?: string }[] {
  return JSON.parse(outputs['services'] ?? '[]')
}

describe('a deployment that took over is left alone', () => {
  inServiceCloud('ours failed before it, and is not followed any more', async cloud => {
    await withFix(cloud)
    await cloud.create('api', NO_ROLLBACK)
    await cloud.create('jobs', NO_BREAKER)
    const action = await cloud.start({ services: 'api\njobs', images: 'ecr:web:bad' })
    await until('api has failed', () => action.output().includes('api | failed:'))
    await deploysElsewhere(cloud, 'api', 'fix')
    await deploysElsewhere(cloud, 'jobs', 'fix')
    const { exitCode, outputs, annotations } = await action.result
    expect([exitCode, outputs['status']]).toEqual([1, 'superseded'])
    // What failed is told, and who took over; it is annotated, too.
    expect(told(outputs)[0]?.reason).toMatch(/circuit breaker.*took over/)
    expect(annotations.at(-1)?.message).toMatch(/api: superseded\. .*took over/)
    expect(await revisionOf(cloud)).toBe('fix:1')
    // Ours, the colleague's, and perhaps our way back before it; none after it.
    const last = cloud.calls('UpdateService').findLast(({ input }) => JSON.stringify(input).includes('"api"'))
    expect(JSON.stringify(last?.input)).toContain('fix')
  })

  inServiceCloud('ours was complete before it, and `rollback: all` takes the others back', async cloud => {
    await withFix(cloud)
    await cloud.push('2')
    await cloud.create('api')
    await cloud.create('jobs', NO_BREAKER)
    const action = await cloud.start({
      services: 'api\njobs',
      images: 'api/web=ecr:web:2\njobs/web=ecr:web:bad',
      rollback: 'all',
    })
    await until('api is deployed', () => action.output().includes('api | deployed'))
    await deploysElsewhere(cloud, 'api', 'fix')
    action.signal('SIGINT')
    const { exitCode, outputs } = await action.result
    expect([exitCode, outputs['status']]).toEqual([130, 'cancelled'])
    expect(told(outputs)[0]?.reason).toContain('took over')
    await until('jobs is back', async () => (await revisionOf(cloud, 'jobs')) === 'web:1')
    expect([await revisionOf(cloud), updatesOf(cloud, 'api')]).toEqual(['fix:1', 2])
  })

  inServiceCloud('a cancel finds it since the last look', async cloud => {
    await withFix(cloud)
    await cloud.create('api', NO_BREAKER)
    const action = await cloud.start({ services: 'api', images: 'ecr:web:bad' })
    await until('ours goes on', () => action.output().includes('in progress'))
    await deploysElsewhere(cloud, 'api', 'fix')
    action.signal('SIGTERM')
    const { exitCode, outputs } = await action.result
    expect([exitCode, outputs['status']]).toEqual([143, 'cancelled'])
    expect(told(outputs)[0]?.reason).toContain('took over')
    expect([await revisionOf(cloud), updatesOf(cloud, 'api')]).toEqual(['fix:1', 2])
  })

  inServiceCloud('one with the same revision that came while ours was queued', async cloud => {
    await withFix(cloud)
    await cloud.create('api', NO_BREAKER)
    await cloud.create('web', NO_BREAKER)
    const action = await cloud.start({ services: 'api\nweb', images: 'ecr:web:bad', 'max-parallel': '1' })
    await until('api goes on', () => action.output().includes('api | in progress'))
    await deploysElsewhere(cloud, 'web', 'web:2')
    await deploysElsewhere(cloud, 'api', 'fix')
    await until('web is followed', () => action.output().includes('web | in progress'))
    action.signal('SIGINT')
    const { outputs } = await action.result
    expect(told(outputs)[1]?.reason).toContain('had begun before this step; it goes on')
    expect(cloud.calls('StopServiceDeployment')).toEqual([])
    expect(await revisionOf(cloud, 'web')).toBe('web:2')
  })

  inServiceCloud('another revision that came while ours was queued: ours would undo it', async cloud => {
    await withFix(cloud)
    await cloud.create('api', NO_BREAKER)
    await cloud.create('web', NO_BREAKER)
    const action = await cloud.start({ services: 'api\nweb', images: 'ecr:web:bad', 'max-parallel': '1' })
    await until('api goes on', () => action.output().includes('api | in progress'))
    await deploysElsewhere(cloud, 'web', 'fix')
    await deploysElsewhere(cloud, 'api', 'fix')
    const { exitCode, outputs } = await action.result
    expect([exitCode, outputs['status']]).toEqual([1, 'superseded'])
    expect(told(outputs)[1]).toMatchObject({ name: 'web', status: 'superseded' })
    expect(told(outputs)[1]?.reason).toMatch(/of fix:1, was put in before this one began: nothing was changed/)
    expect([await revisionOf(cloud, 'web'), updatesOf(cloud, 'web')]).toEqual(['fix:1', 1])
  })

  inServiceCloud(
    'one that had begun before, when it fails',
    async cloud => {
      await withFix(cloud)
      await cloud.create('api', NO_ROLLBACK)
      await cloud.register('web', { web: { image: `${cloud.aws.registryAddress}/web:bad` } })
      await deploysElsewhere(cloud, 'api', 'web:2')
      const { exitCode, outputs } = await cloud.run({ services: 'api' })
      expect([exitCode, outputs['status']]).toEqual([1, 'failed'])
      expect(told(outputs)[0]?.reason).toContain('had begun before this step')
      expect([await revisionOf(cloud), updatesOf(cloud, 'api')]).toEqual(['web:2', 2])
    },
    { speed: 10 },
  )
})

describe('what was begun is taken back', () => {
  inServiceCloud('without waiting and with `rollback: all`, when another service is refused', async cloud => {
    await cloud.push('2')
    for (const name of ['api', 'web']) await cloud.create(name)
    cloud.aws.addFault({
      service: 'ecs',
      operation: 'UpdateService',
      kind: 'error',
      status: 400,
      code: 'InvalidParameterException',
      message: 'no',
      times: 1,
    })
    const { exitCode, outputs } = await cloud.run({
      services: 'api\nweb',
      images: 'ecr:web:2',
      wait: 'false',
      rollback: 'all',
    })
    expect([exitCode, outputs['status']]).toEqual([1, 'failed'])
    const reasons = told(outputs).map(({ reason }) => reason)
    expect(reasons.filter(reason => reason?.includes('accepted; it goes on'))).toHaveLength(1)
    for (const name of ['api', 'web']) {
      await until(`${name} is back`, async () => (await revisionOf(cloud, name)) === 'web:1')
    }
  })

  inServiceCloud('once: a request for a rollback whose answer was lost', async cloud => {
    await cloud.push('bad', 'exits')
    await cloud.create('api', NO_BREAKER)
    const stop = { service: 'ecs', operation: 'StopServiceDeployment', times: 1 }
    cloud.aws.addFault({ ...stop, kind: 'lost-answer' })
    cloud.aws.addFault({ ...stop, kind: 'error', status: 400, code: 'ConflictException', message: 'is being stopped' })
    const action = await cloud.start({ services: 'api', images: 'ecr:web:bad' })
    await until('ours goes on', () => action.output().includes('in progress'))
    action.signal('SIGINT')
    const { outputs } = await action.result
    expect(told(outputs)[0]?.reason).toContain('it back; that goes on')
    expect(updatesOf(cloud, 'api')).toBe(1)
    await until('it is back', async () => (await revisionOf(cloud)) === 'web:1')
  })

  inServiceCloud('the number of tasks of a service that ECS took back, when the step is cancelled', async cloud => {
    await cloud.push('bad', 'exits')
    await cloud.create('api')
    await cloud.create('web', NO_BREAKER)
    const action = await cloud.start({ services: 'api\nweb', images: 'ecr:web:bad', 'desired-count': '2' })
    await until('api is back', () => action.output().includes('api | rolled back'))
    action.signal('SIGINT')
    const { outputs } = await action.result
    expect(outputs['status']).toBe('cancelled')
    expect(told(outputs)[0]).toMatchObject({ status: 'rolled-back' })
    expect((await cloud.service('api')).desiredCount).toBe(1)
  })
})

/** A service that ran `old` and runs `web`; `old` no longer starts. */
async function withoutWayBack(cloud: ServiceCloud, configuration: typeof NO_BREAKER): Promise<void> {
  await cloud.register('old', { web: { image: `${cloud.aws.registryAddress}/web:1` } })
  await cloud.create('api', { taskDefinition: 'old', ...configuration })
  const { outputs } = await cloud.run({ services: 'api=web:1' })
  expect(outputs['status']).toBe('deployed')
  cloud.aws.scriptTasks('old', { failsToStart: 'Timeout waiting for network interface provisioning to complete.' })
}

describe('`operation: rollback` that fails is taken back like a deployment', () => {
  inServiceCloud('what ran before serves again', async cloud => {
    await withoutWayBack(cloud, NO_ROLLBACK)
    const { exitCode, outputs } = await cloud.run({ services: 'api', operation: 'rollback' })
    expect([exitCode, outputs['status']]).toEqual([1, 'failed'])
    expect(told(outputs)[0]?.reason).toContain('The rollback itself failed; it runs web:1 again.')
    expect(await revisionOf(cloud)).toBe('web:1')
  })

  inServiceCloud('with `rollback: none` it stays', async cloud => {
    await withoutWayBack(cloud, NO_ROLLBACK)
    const { outputs } = await cloud.run({ services: 'api', operation: 'rollback', rollback: 'none' })
    expect(outputs['status']).toBe('failed')
    expect(await revisionOf(cloud)).toBe('old:1')
  })

  inServiceCloud('a cancel asks for it, too', async cloud => {
    await withoutWayBack(cloud, NO_BREAKER)
    const action = await cloud.start({ services: 'api', operation: 'rollback' })
    await until('it goes on', () => action.output().includes('in progress'))
    action.signal('SIGINT')
    const { outputs } = await action.result
    expect(outputs['status']).toBe('cancelled')
    expect(told(outputs)[0]?.reason).toContain('A rollback was requested and accepted')
    await until('it is back', async () => (await revisionOf(cloud)) === 'web:1')
  })
})
