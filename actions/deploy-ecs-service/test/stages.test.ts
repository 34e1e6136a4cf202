import { ContinueServiceDeploymentCommand } from '@aws-sdk/client-ecs'
import { describe, expect } from '@jest/globals'
import { inServiceCloud } from '../../../test/support/in-service-cloud.ts'
import { BREAKER } from '../../../test/support/service-cloud.ts'
import { createPausing, newestDeployment } from '../../../test/support/staged-service.ts'
import { until } from '../../../test/support/task-cloud.ts'

describe('deployments in stages', () => {
  for (const [strategy, settings, stages] of [
    ['BLUE_GREEN', { bakeTimeInMinutes: 1 }, [/stage BAKE_TIME, 100 % of the traffic/]],
    [
      'CANARY',
      { canaryConfiguration: { canaryPercent: 10, canaryBakeTimeInMinutes: 1 }, bakeTimeInMinutes: 0 },
      [/stage PRODUCTION_TRAFFIC_SHIFT, 10 % of the traffic/],
    ],
    [
      'LINEAR',
      { linearConfiguration: { stepPercent: 40, stepBakeTimeInMinutes: 1 }, bakeTimeInMinutes: 0 },
      [/stage PRODUCTION_TRAFFIC_SHIFT, 40 % of the traffic[\s\S]*stage PRODUCTION_TRAFFIC_SHIFT, 80 % of the traffic/],
    ],
  ] as const) {
    inServiceCloud(
      `${strategy}: each stage is shown, with the share of the traffic`,
      async cloud => {
        await cloud.push('2')
        await cloud.create('api', { deploymentConfiguration: { strategy, ...settings } })
        const { exitCode, outputs, stdout } = await cloud.run({ services: 'api', images: 'ecr:web:2' })
        expect([exitCode, outputs['status']]).toEqual([0, 'deployed'])
        for (const stage of stages) expect(stdout).toMatch(stage)
        const lines = stdout.split('\n').filter(line => line.startsWith('api | '))
        expect(new Set(lines).size).toBe(lines.length)
      },
      { speed: 12 },
    )
  }

  const SHIFT = ['PRODUCTION_TRAFFIC_SHIFT', 'POST_PRODUCTION_TRAFFIC_SHIFT'] as const
  const STAGES = ['PRE_SCALE_UP', 'POST_SCALE_UP', 'TEST_TRAFFIC_SHIFT', 'POST_TEST_TRAFFIC_SHIFT', ...SHIFT] as const
  for (const [strategy, settings] of [
    ['BLUE_GREEN', {}],
    ['CANARY', { canaryConfiguration: { canaryPercent: 10, canaryBakeTimeInMinutes: 1 } }],
  ] as const) {
    inServiceCloud(`${strategy}: every stage in its order, each held by a hook until it was shown`, async cloud => {
      await cloud.push('2')
      const deploymentConfiguration = { strategy, ...settings, bakeTimeInMinutes: 0 }
      await createPausing(cloud, deploymentConfiguration, STAGES)
      const running = await cloud.start({ services: 'api', images: 'ecr:web:2' })
      let held = new Set<string>()
      const ended = running.result.then(() => true)
      // Every hook that was shown is answered, until none comes any more.
      while (!(await Promise.race([ended, new Promise<false>(settle => setTimeout(settle, 100, false))]))) {
        const hooks = [...running.output().matchAll(/It is paused by the lifecycle hook ([\w-]+):/g)].map(
          ([, id]) => id,
        )
        for (const hookId of hooks.filter(id => id !== undefined && !held.has(id))) {
          held = new Set([...held, hookId ?? ''])
          const { serviceDeploymentArn } = await newestDeployment(cloud)
          await cloud.ecs.send(
            new ContinueServiceDeploymentCommand({ serviceDeploymentArn, hookId, action: 'CONTINUE' }),
          )
        }
      }
      const { exitCode, outputs, stdout } = await running.result
      expect([exitCode, outputs['status']]).toEqual([0, 'deployed'])
      const shown = [...stdout.matchAll(/^api \| in progress: .*stage (\w+).*It is paused/gm)].map(([, stage]) => stage)
      expect(shown).toEqual(strategy === 'CANARY' ? STAGES.toSpliced(4, 0, SHIFT[0]) : [...STAGES])
    })
  }

  inServiceCloud(
    'BLUE_GREEN that fails before it gets traffic: rolled back, and why',
    async cloud => {
      await cloud.push('bad', 'exits')
      await cloud.create('api', {
        deploymentConfiguration: { ...BREAKER.deploymentConfiguration, strategy: 'BLUE_GREEN', bakeTimeInMinutes: 0 },
      })
      const { exitCode, outputs, annotations, stdout } = await cloud.run({ services: 'api', images: 'ecr:web:bad' })
      expect([exitCode, outputs['status']]).toEqual([1, 'rolled-back'])
      expect(annotations).toHaveLength(1)
      for (const seen of ['circuit breaker', 'exit code 3', 'web | boom: no configuration'])
        expect(annotations[0]?.message).toContain(seen)
      expect(stdout).toContain('stage SCALE_UP')
      expect(stdout).not.toContain('100 % of the traffic')
      expect((await cloud.service('api')).taskDefinition).toMatch(/web:1$/)
    },
    { speed: 12 },
  )

  inServiceCloud(
    'CANARY that raises an alarm at its share of the traffic: rolled back, and why',
    async cloud => {
      await cloud.push('2')
      const deploymentConfiguration = {
        strategy: 'CANARY' as const,
        canaryConfiguration: { canaryPercent: 10, canaryBakeTimeInMinutes: 5 },
        bakeTimeInMinutes: 0,
        alarms: { alarmNames: ['errors'], enable: true, rollback: true },
      }
      await cloud.create('api', { deploymentConfiguration })
      const running = await cloud.start({ services: 'api', images: 'ecr:web:2' })
      await until('the canary', () => running.output().includes('10 % of the traffic'))
      cloud.aws.setAlarm('errors', 'ALARM')
      const { exitCode, outputs, annotations, stdout } = await running.result
      expect([exitCode, outputs['status']]).toEqual([1, 'rolled-back'])
      expect(annotations[0]?.message).toContain('alarms: errors')
      expect(stdout).not.toContain('100 % of the traffic')
      expect((await cloud.service('api')).taskDefinition).toMatch(/web:1$/)
    },
    { speed: 20 },
  )

  for (const [action, status] of [
    ['CONTINUE', 'deployed'],
    ['ROLLBACK', 'rolled-back'],
  ] as const) {
    inServiceCloud(`a PAUSE hook is named with how to go on; answered with ${action}: ${status}`, async cloud => {
      await cloud.push('2')
      const deploymentConfiguration = {
        strategy: 'LINEAR' as const,
        linearConfiguration: { stepPercent: 50, stepBakeTimeInMinutes: 1 },
        bakeTimeInMinutes: 0,
      }
      await createPausing(cloud, deploymentConfiguration, ['POST_SCALE_UP'])
      const running = await cloud.start({ services: 'api', images: 'ecr:web:2' })
      await until('it is paused', () => running.output().includes('It is paused by the lifecycle hook'))
      const { serviceDeploymentArn, lifecycleHookDetails = [] } = await newestDeployment(cloud)
      const hookId = lifecycleHookDetails[0]?.hookId
      expect(running.output()).toMatch(
        new RegExp(`stage POST_SCALE_UP.*hook ${hookId}: ContinueServiceDeployment .* ECS does ROLLBACK at 20`),
      )
      await cloud.ecs.send(new ContinueServiceDeploymentCommand({ serviceDeploymentArn, hookId, action }))
      const { outputs, annotations } = await running.result
      expect(outputs['status']).toBe(status)
      const errors = annotations.map(({ message }) => message).join('\n')
      if (action === 'ROLLBACK') expect(errors).toContain('POST_SCALE_UP')
      expect((await cloud.service('api')).taskDefinition).toMatch(action === 'CONTINUE' ? /web:2$/ : /web:1$/)
    })
  }
})
