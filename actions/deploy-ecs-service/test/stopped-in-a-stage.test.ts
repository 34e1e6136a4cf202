import type { RunningAction } from '@aws-deploy-actions/rehearsal'
import { ContinueServiceDeploymentCommand, StopServiceDeploymentCommand } from '@aws-sdk/client-ecs'
import { describe, expect } from '@jest/globals'
import { inServiceCloud } from '../../../test/support/in-service-cloud.ts'
import type { ServiceCloud } from '../../../test/support/service-cloud.ts'
import { deploymentStatuses, isSettled, runningDigests } from '../../../test/support/serving.ts'
import { createPausing, newestDeployment } from '../../../test/support/staged-service.ts'
import { until } from '../../../test/support/task-cloud.ts'

/** A deployment of version 2 that stays in a stage until it is stopped. */
async function held(cloud: ServiceCloud) {
  await cloud.push('2')
  await createPausing(cloud, { strategy: 'BLUE_GREEN', bakeTimeInMinutes: 0 }, ['POST_SCALE_UP'])
  await until('version 1 runs', () => isSettled(cloud, 'api'))
  const good = await runningDigests(cloud, 'api')
  const action = await cloud.start({ services: 'api', images: 'ecr:web:2' })
  await until('it is held', () => action.output().includes('stage POST_SCALE_UP'))
  return {
    action,
    async expectVersion1() {
      await until('all is settled', () => isSettled(cloud, 'api'))
      expect((await cloud.service('api')).taskDefinition).toMatch(/web:1$/)
      await until('only version 1 runs', async () => String(await runningDigests(cloud, 'api')) === String(good))
    },
  }
}

/** After an ABORT the step itself goes back, by a deployment with the same hook, which it names too. */
async function continueWayBack(cloud: ServiceCloud, action: RunningAction): Promise<void> {
  await until('the way back is held', () => action.output().match(/It is paused by the lifecycle hook/g)?.length === 2)
  const { serviceDeploymentArn, lifecycleHookDetails = [] } = await newestDeployment(cloud)
  const [hook] = lifecycleHookDetails
  await cloud.ecs.send(new ContinueServiceDeploymentCommand({ serviceDeploymentArn, hookId: hook?.hookId }))
}

describe('a deployment that is held in a stage', () => {
  for (const stopType of ['ROLLBACK', 'ABORT'] as const) {
    inServiceCloud(`stopped by somebody with ${stopType}: red, and what ran before runs`, async cloud => {
      const { action, expectVersion1 } = await held(cloud)
      const { serviceDeploymentArn } = await newestDeployment(cloud)
      await cloud.ecs.send(new StopServiceDeploymentCommand({ serviceDeploymentArn, stopType }))
      if (stopType === 'ABORT') await continueWayBack(cloud, action)
      const { exitCode, outputs, annotations } = await action.result
      expect([exitCode, outputs['status']]).toEqual([1, 'rolled-back'])
      expect(annotations[0]?.message).toContain('because of a StopServiceDeployment request')
      await expectVersion1()
    })
  }

  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    inServiceCloud(`${signal}: ECS is asked to go back, and what ran before runs`, async cloud => {
      const { action, expectVersion1 } = await held(cloud)
      action.signal(signal)
      const { exitCode, outputs, stdout } = await action.result
      expect([exitCode, outputs['status']]).toEqual([code, 'cancelled'])
      expect(stdout).toContain('rollback requested, ECS accepted it')
      await expectVersion1()
      expect((await deploymentStatuses(cloud, 'api'))[0]).toBe('ROLLBACK_SUCCESSFUL')
    })
  }
})
