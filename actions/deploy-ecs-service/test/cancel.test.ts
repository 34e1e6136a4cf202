import { describe, expect } from '@jest/globals'
import { inServiceCloud } from '../../../test/support/in-service-cloud.ts'
import type { ServiceCloud } from '../../../test/support/service-cloud.ts'
import { until } from '../../../test/support/task-cloud.ts'

const NO_ROLLBACK = { deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: false } } }

async function revisionOf(cloud: ServiceCloud, name = 'api'): Promise<string> {
  return (await cloud.service(name)).taskDefinition?.split('/').at(-1) ?? ''
}

describe('a cancel', () => {
  inServiceCloud('while it plans: nothing was changed', async cloud => {
    await cloud.push('2')
    await cloud.create('api')
    cloud.aws.addFault({ service: 'ecs', operation: 'DescribeTaskDefinition', kind: 'delay', delayMs: 3000 })
    const action = await cloud.start({ services: 'api', images: 'ecr:web:2' })
    await until('it plans', () => action.output().includes('Plan'))
    action.signal('SIGINT')
    const { exitCode, outputs } = await action.result
    expect([exitCode, outputs['status']]).toEqual([130, 'cancelled'])
    expect(cloud.calls('UpdateService')).toEqual([])
  })

  inServiceCloud(
    'while ECS rolls back: nothing more is asked of it',
    async cloud => {
      await cloud.push('bad', 'exits')
      await cloud.create('api')
      const action = await cloud.start({ services: 'api', images: 'ecr:web:bad' })
      await until('ECS rolls back', () => action.output().includes('rolling back:'))
      action.signal('SIGINT')
      const { exitCode, outputs } = await action.result
      expect([exitCode, outputs['status']]).toEqual([130, 'cancelled'])
      expect(JSON.parse(outputs['services'] ?? '')[0].reason).toContain('ECS is rolling it back')
      expect(cloud.calls('StopServiceDeployment')).toEqual([])
      expect(cloud.calls('UpdateService')).toHaveLength(1)
    },
    { speed: 10 },
  )

  inServiceCloud('while we go back: the way back goes on', async cloud => {
    await cloud.push('bad', 'exits')
    await cloud.create('api', NO_ROLLBACK)
    const action = await cloud.start({ services: 'api', images: 'ecr:web:bad' })
    await until('we go back', () => action.output().includes('going back to web:1'))
    action.signal('SIGTERM')
    const { exitCode, outputs } = await action.result
    expect([exitCode, outputs['status']]).toEqual([143, 'cancelled'])
    expect(cloud.calls('StopServiceDeployment')).toEqual([])
    expect(JSON.parse(outputs['services'] ?? '')[0].reason).toContain('A rollback to web:1 was requested and accepted')
    await until('the former revision runs', async () => (await revisionOf(cloud)) === 'web:1')
  })

  inServiceCloud('of one of two with `rollback: all`: what was deployed goes back, too', async cloud => {
    await cloud.push('2')
    await cloud.push('bad', 'exits')
    const breakerOff = { deploymentConfiguration: { deploymentCircuitBreaker: { enable: false, rollback: false } } }
    await cloud.create('api', breakerOff)
    await cloud.create('web')
    const action = await cloud.start({
      services: 'api\nweb',
      images: 'api/web=ecr:web:bad\nweb/web=ecr:web:2',
      rollback: 'all',
    })
    await until('web is deployed', () => action.output().includes('web | deployed'))
    action.signal('SIGINT')
    const { outputs } = await action.result
    expect(outputs['status']).toBe('cancelled')
    const told: { status: string }[] = JSON.parse(outputs['services'] ?? '')
    expect(told.map(({ status }) => status)).toEqual(['cancelled', 'cancelled'])
    for (const name of ['api', 'web']) {
      await until(`${name} is back`, async () => (await revisionOf(cloud, name)) === 'web:1')
    }
  })

  inServiceCloud(
    'with `rollback: none`: all goes on, also for post',
    async cloud => {
      await cloud.push('2')
      await cloud.create('api')
      const action = await cloud.start({ services: 'api', images: 'ecr:web:2', rollback: 'none' })
      await until('it goes on', () => action.output().includes('in progress'))
      action.signal('SIGINT')
      const { outputs } = await action.result
      expect(outputs['status']).toBe('cancelled')
      expect(cloud.calls('StopServiceDeployment')).toEqual([])
      expect(await revisionOf(cloud)).toBe('web:2')
    },
    { speed: 10 },
  )
})
