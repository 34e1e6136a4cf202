import { DeleteServiceCommand } from '@aws-sdk/client-ecs'
import { describe, expect } from '@jest/globals'
import { behindBalancer } from '../../../test/support/balancer.ts'
import { pushForeignImage } from '../../../test/support/foreign-image.ts'
import { inServiceCloud } from '../../../test/support/in-service-cloud.ts'
import { denying } from '../../../test/support/policy.ts'
import type { ServiceCloud } from '../../../test/support/service-cloud.ts'
import { answersOf, isSettled, runningDigests } from '../../../test/support/serving.ts'
import { until } from '../../../test/support/task-cloud.ts'

const NO_BREAKER = { deploymentConfiguration: { deploymentCircuitBreaker: { enable: false, rollback: false } } }

describe('a service that is deleted while it is waited for', () => {
  inServiceCloud('is an error that says so, long before the time is over', async cloud => {
    await cloud.push('bad', 'exits')
    await cloud.create('api', NO_BREAKER)
    const action = await cloud.start({ services: 'api', images: 'ecr:web:bad' })
    await until('it goes on', () => action.output().includes('in progress'))
    await cloud.ecs.send(new DeleteServiceCommand({ cluster: 'apps', service: 'api', force: true }))
    const { exitCode, outputs, annotations } = await action.result
    expect([exitCode, outputs['status']]).toEqual([1, 'failed'])
    expect(annotations[0]?.message).toMatch(/The service was deleted: it is (?:INACTIVE|DRAINING)\./)
    expect(cloud.calls('UpdateService')).toHaveLength(1)
  })
})

describe('a cancel while the history answers too slowly', () => {
  inServiceCloud('goes back to what ran before: that is known without it', async cloud => {
    await cloud.push('bad', 'exits')
    await cloud.create('api', NO_BREAKER)
    const action = await cloud.start({ services: 'api', images: 'ecr:web:bad' })
    await until('it goes on', () => action.output().includes('is IN_PROGRESS'))
    cloud.aws.setPolicy(denying('ecs:StopServiceDeployment'))
    cloud.aws.addFault({ service: 'ecs', operation: 'ListServiceDeployments', kind: 'delay', delayMs: 20_000 })
    action.signal('SIGINT')
    const { outputs } = await action.result
    expect(outputs['status']).toBe('cancelled')
    const reason = 'A rollback to web:1 was requested and accepted; it goes on.'
    expect(JSON.parse(outputs['services'] ?? '')[0].reason).toContain(reason)
    cloud.aws.clearFaults()
    expect((await cloud.service('api')).taskDefinition).toMatch(/web:1$/)
  })
})

describe.each(['SIGINT', 'SIGTERM'] as const)('%s on the way back: it goes on, and what ran before serves', signal => {
  for (const [who, rollback] of [
    ['ECS goes back', true],
    ['we go back', false],
  ] as const) {
    const options = { speed: rollback ? 10 : 40 }
    const body = async (cloud: ServiceCloud): Promise<void> => {
      await cloud.push('bad', 'exits')
      const url = await behindBalancer(cloud, 'api', {
        deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback } },
      })
      const good = await runningDigests(cloud, 'api')
      // The step is held on the way back.
      const operation = rollback ? 'ListTasks' : 'UpdateService'
      const action = await cloud.start({ services: 'api', images: 'ecr:web:bad' })
      await until('it was begun', () => cloud.calls('UpdateService').length === 1)
      cloud.aws.addFault({ service: 'ecs', operation, kind: 'delay', delayMs: 1000, times: 1 })
      await until(who, () =>
        rollback ? action.output().includes('rolling back:') : cloud.calls('UpdateService').length === 2,
      )
      action.signal(signal)
      const { exitCode, outputs } = await action.result
      expect([exitCode, outputs['status']]).toEqual([signal === 'SIGINT' ? 130 : 143, 'cancelled'])
      expect(JSON.parse(outputs['services'] ?? '')[0].reason).toMatch(
        /rolling it back; that goes on|accepted; it goes on/,
      )
      await until('it is settled', () => isSettled(cloud, 'api'))
      expect(await answersOf(url)).toEqual(['1'])
      expect(await runningDigests(cloud, 'api')).toEqual(good)
    }
    inServiceCloud(who, body, options)
  }
})

describe('preflight', () => {
  inServiceCloud('knows the platform of a Fargate service whose definition names no compatibility', async cloud => {
    await pushForeignImage(cloud.aws, 'web', 'arm', 'arm64')
    await cloud.register(
      'open',
      { web: { image: `${cloud.aws.registryAddress}/web:1` } },
      { requiresCompatibilities: [] },
    )
    await cloud.create('api', { taskDefinition: 'open' })
    const { exitCode, annotations } = await cloud.run({ services: 'api', images: 'ecr:web:arm' })
    expect(exitCode).toBe(1)
    expect(annotations[0]?.message).toContain('web:arm is for linux/arm64, the task runs on linux/amd64')
    expect(cloud.calls('UpdateService')).toEqual([])
  })
})
