import { describe, expect } from '@jest/globals'
import { inServiceCloud } from '../../../test/support/in-service-cloud.ts'
import { BREAKER, type ServiceCloud } from '../../../test/support/service-cloud.ts'
import { runningDigests } from '../../../test/support/serving.ts'
import { until } from '../../../test/support/task-cloud.ts'

const NO_ROUTE = 'Timeout waiting for network interface provisioning to complete.'
const NO_ROLLBACK = { deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: false } } }
const NO_BREAKER = { deploymentConfiguration: { deploymentCircuitBreaker: { enable: false, rollback: false } } }

interface Told {
  readonly name: string
  readonly status: string
  readonly reason?: string
}

function told(outputs: Readonly<Record<string, string>>): Told[] {
  return JSON.parse(outputs['services'] ?? '[]')
}

async function revisionOf(cloud: ServiceCloud, name = 'api'): Promise<string> {
  return (await cloud.service(name)).taskDefinition?.split('/').at(-1) ?? ''
}

/** A service whose former revision no longer starts; its tasks are stopped before new ones begin. */
async function withoutWayBack(cloud: ServiceCloud, rollback: boolean): Promise<void> {
  await cloud.register('old', { web: { image: `${cloud.aws.registryAddress}/web:1` } })
  await cloud.create('api', {
    taskDefinition: 'old',
    deploymentConfiguration: {
      minimumHealthyPercent: 0,
      maximumPercent: 100,
      deploymentCircuitBreaker: {
        enable: true,
        rollback,
        thresholdConfiguration: { type: 'COUNT', value: 1 },
      },
    },
  })
  const image = await cloud.push('bad', 'exits')
  await cloud.register('bad', { web: { image } })
  cloud.aws.scriptTasks('old', { failsToStart: NO_ROUTE })
}

describe('a way back that fails is an error of its own, with its own words', () => {
  inServiceCloud("ECS's own, with `rollback: none`", async cloud => {
    await withoutWayBack(cloud, true)
    const result = await cloud.run({ services: 'api=bad', rollback: 'none' })
    expect([result.exitCode, result.outputs['status']]).toEqual([1, 'failed'])
    const [first, second] = result.annotations
    expect(first?.message).toContain('The deployment of api failed')
    expect(first?.message).toContain('boom: no configuration')
    expect(second).toMatchObject({ level: 'error', title: 'api could not be taken back' })
    expect(second?.message).toContain('ECS could not take api back.')
    expect(second?.message).toContain(NO_ROUTE)
    expect(second?.message).toContain('NAT gateway')
    const [{ reason = '' } = { reason: '' }] = told(result.outputs)
    expect(reason).toContain('ECS could not roll back: ')
    for (const words of ['ECS could not roll back', NO_ROUTE]) expect(result.summary).toContain(words)
  })

  inServiceCloud('ours', async cloud => {
    await withoutWayBack(cloud, false)
    const result = await cloud.run({ services: 'api=bad' })
    expect([result.exitCode, result.outputs['status']]).toEqual([1, 'failed'])
    expect(result.annotations.map(({ title }) => title)).toEqual(['api failed', 'api could not be taken back'])
    const message = result.annotations[1]?.message ?? ''
    for (const words of ['Going back to old:1 failed, too.', 'tasks failed to start', NO_ROUTE, 'NAT gateway'])
      expect(message).toContain(words)
    expect(told(result.outputs)[0]?.reason).toContain('Going back to old:1 failed, too.')
    for (const words of ['Going back to old:1 failed, too.', NO_ROUTE]) expect(result.summary).toContain(words)
  })
})

describe('what cannot be taken back', () => {
  inServiceCloud('for a refusal keeps no other service from going back, and is left to post', async cloud => {
    await cloud.push('bad', 'exits')
    for (const name of ['api', 'web']) await cloud.create(name, NO_ROLLBACK)
    const action = await cloud.start({ services: 'api\nweb', images: 'ecr:web:bad' })
    await until('both go on', () => cloud.calls('UpdateService').length === 2)
    const refusal = { kind: 'error' as const, status: 400, code: 'InvalidParameterException', message: 'not now' }
    cloud.aws.addFault({ service: 'ecs', operation: 'UpdateService', times: 1, ...refusal })
    const { exitCode, outputs, annotations, post } = await action.result
    expect([exitCode, outputs['status']]).toEqual([1, 'failed'])
    const services = told(outputs)
    expect(services.map(({ status }) => status).toSorted()).toEqual(['failed', 'rolled-back'])
    const refused = services.find(({ status }) => status === 'failed')
    expect(refused?.reason).toMatch(/It could not be taken back\..*not now/)
    expect(annotations.at(-1)?.message).toContain('It could not be taken back.')
    expect(post?.exitCode).toBe(0)
    for (const name of ['api', 'web'])
      await until(`${name} is back`, async () => (await revisionOf(cloud, name)) === 'web:1')
  })

  inServiceCloud('because nothing ever worked is said in the error, the reason and the summary', async cloud => {
    const image = await cloud.push('bad', 'exits')
    await cloud.register('web', { web: { image } })
    await cloud.createUnwatched('api', BREAKER)
    await until('it failed', async () => (await cloud.service('api')).deployments?.[0]?.rolloutState === 'FAILED')
    const { outputs, annotations, summary } = await cloud.run({ services: 'api', environment: 'LEVEL=debug' })
    expect(outputs['status']).toBe('failed')
    const words = 'There is no earlier revision that worked: nothing to go back to.'
    expect(told(outputs)[0]?.reason).toContain(words)
    expect(annotations.filter(({ level }) => level === 'error').some(({ message }) => message.includes(words))).toBe(
      true,
    )
    expect(annotations[0]?.message).toContain('boom: no configuration')
    expect(summary).toContain('nothing to go back to')
  })
})

describe('a service that failed goes back at once', () => {
  inServiceCloud('while another of the step goes on', async cloud => {
    await cloud.push('bad', 'exits')
    await cloud.create('api', NO_ROLLBACK)
    await cloud.create('jobs', NO_BREAKER)
    const good = await runningDigests(cloud, 'api')
    const action = await cloud.start({ services: 'api\njobs', images: 'ecr:web:bad', timeout: '5m' })
    await until('api is back', () => /api \| back to web:1, deployed/.test(action.output()))
    expect(await runningDigests(cloud, 'api')).toEqual(good)
    expect(await revisionOf(cloud, 'jobs')).toBe('web:2')
    action.signal('SIGINT')
    const { outputs } = await action.result
    expect(outputs['status']).toBe('cancelled')
    expect(told(outputs).map(({ status }) => status)).toEqual(['rolled-back', 'cancelled'])
  })
})

describe('three services, one bad', () => {
  for (const [rollback, back] of [
    ['failed', ['web']],
    ['all', ['api', 'web', 'jobs']],
    ['none', []],
  ] as const) {
    inServiceCloud(`\`rollback: ${rollback}\`: what the tasks run then`, async cloud => {
      await cloud.push('2')
      await cloud.push('bad', 'exits')
      const names = ['api', 'web', 'jobs']
      for (const name of names) await cloud.create(name, NO_ROLLBACK)
      const [old] = await runningDigests(cloud, 'api')
      const { exitCode, outputs } = await cloud.run({
        services: names.join('\n'),
        images: 'web=ecr:web:2\nweb/web=ecr:web:bad',
        rollback,
      })
      expect([exitCode, outputs['status']]).toEqual([1, rollback === 'none' ? 'failed' : 'rolled-back'])
      for (const name of names) {
        const isBack = back.some(one => one === name)
        const isOld = (digests: unknown[]): boolean => digests.length === 1 && digests[0] === old
        if (isBack) await until(`${name} runs what it ran`, async () => isOld(await runningDigests(cloud, name)))
        else if (name !== 'web') expect(isOld(await runningDigests(cloud, name))).toBe(false)
        const wanted = JSON.parse(outputs['services'] ?? '').find((one: { name: string }) => one.name === name)
        expect(await revisionOf(cloud, name)).toBe(isBack ? 'web:1' : wanted.taskDefinition)
      }
    })
  }

  inServiceCloud('a rollback of ECS by itself: the digest that the tasks run is the old one', async cloud => {
    await cloud.push('bad', 'exits')
    await cloud.create('api')
    const good = await runningDigests(cloud, 'api')
    const { outputs } = await cloud.run({ services: 'api', images: 'ecr:web:bad' })
    expect(outputs['status']).toBe('rolled-back')
    expect(await runningDigests(cloud, 'api')).toEqual(good)
    expect(JSON.parse(outputs['services'] ?? '')[0].images[0].digest).toBe(good[0])
  })
})
