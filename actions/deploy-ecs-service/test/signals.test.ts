import type { JavaScriptActionResult, RunningAction } from '@aws-deploy-actions/rehearsal'
import { describe, expect } from '@jest/globals'
import { behindBalancer } from '../../../test/support/balancer.ts'
import { inServiceCloud } from '../../../test/support/in-service-cloud.ts'
import type { ServiceCloud } from '../../../test/support/service-cloud.ts'
import { answersOf, deploymentStatuses, isSettled, runningDigests } from '../../../test/support/serving.ts'
import { until } from '../../../test/support/task-cloud.ts'

const ACCEPTED = /A rollback (?:to web:1 )?was requested and accepted; it goes on\./

/** A moment at which a step can be cancelled; version 1 runs, and must serve afterwards. */
interface Phase {
  readonly name: string
  /** the new version; `2` works */
  readonly image: '2' | 'bad'
  readonly inputs?: Readonly<Record<string, string>>
  readonly speed?: number
  readonly breaker?: boolean
  /** makes the moment last */
  readonly prepare?: (cloud: ServiceCloud) => Promise<void>
  readonly reached: (action: RunningAction, cloud: ServiceCloud) => boolean
  readonly expectations: (result: JavaScriptActionResult, cloud: ServiceCloud) => Promise<void> | void
}

function slow(service: string, operation: string, delayMs: number) {
  return async (cloud: ServiceCloud) => cloud.aws.addFault({ service, operation, kind: 'delay', delayMs, times: 1 })
}

function expectNothingChanged({ outputs }: JavaScriptActionResult, cloud: ServiceCloud): void {
  expect(cloud.calls('UpdateService')).toEqual([])
  expect(cloud.calls('StopServiceDeployment')).toEqual([])
  for (const { status } of JSON.parse(outputs['services'] ?? '[]')) expect(status).toBe('cancelled')
}

const PHASES: readonly Phase[] = [
  {
    name: 'preflight',
    image: '2',
    prepare: slow('ecr', 'BatchGetImage', 3000),
    reached: (_, cloud) => cloud.calls('BatchGetImage').some(({ status }) => status === 0),
    expectations: (result, cloud) => {
      expectNothingChanged(result, cloud)
      // the one of the test itself
      expect(cloud.calls('RegisterTaskDefinition')).toHaveLength(1)
    },
  },
  {
    name: 'registration',
    image: '2',
    prepare: slow('ecs', 'RegisterTaskDefinition', 3000),
    reached: (_, cloud) => cloud.calls('RegisterTaskDefinition').length === 2,
    expectations: expectNothingChanged,
  },
  {
    name: 'a service that is queued by max-parallel',
    image: '2',
    inputs: { services: 'api\nqueued', 'max-parallel': '1' },
    speed: 20,
    prepare: async cloud => cloud.create('queued'),
    reached: action => action.output().includes('api | in progress'),
    expectations: async ({ outputs, stdout }, cloud) => {
      expect(stdout).toMatch(/^api: rollback requested, ECS accepted it/m)
      const [, queued] = JSON.parse(outputs['services'] ?? '')
      expect(queued).toMatchObject({ status: 'cancelled', reason: 'Not begun: nothing was changed.' })
      expect(cloud.calls('UpdateService')).toHaveLength(1)
      expect((await cloud.service('queued')).taskDefinition).toMatch(/web:1$/)
    },
  },
  {
    name: 'UpdateService under way',
    image: '2',
    prepare: slow('ecs', 'UpdateService', 500),
    reached: (_, cloud) => cloud.calls('UpdateService').some(({ status }) => status === 0),
    expectations: async ({ stdout, outputs }, cloud) => {
      // It was carried out although nobody waited for its answer, and that was noticed.
      expect(stdout).toMatch(ACCEPTED)
      expect(JSON.parse(outputs['services'] ?? '')[0].reason).toMatch(ACCEPTED)
      expect(await deploymentStatuses(cloud, 'api')).not.toHaveLength(1)
    },
  },
  {
    name: 'in progress',
    image: '2',
    speed: 20,
    reached: action => action.output().includes('api | in progress'),
    expectations: ({ stdout }) => expect(stdout).toContain('rollback requested, ECS accepted it'),
  },
  {
    name: 'evidence collection',
    image: 'bad',
    prepare: slow('ecs', 'ListTasks', 2000),
    // A breaker that does not roll back: ECS leaves it to us.
    breaker: false,
    reached: (_, cloud) => cloud.calls('ListTasks').some(({ status }) => status === 0),
    expectations: ({ stdout }) => expect(stdout).toMatch(ACCEPTED),
  },
]

describe.each(['SIGINT', 'SIGTERM'] as const)('%s: what ran before serves', signal => {
  for (const { name, image, inputs = {}, speed = 40, breaker = true, prepare, reached, expectations } of PHASES) {
    inServiceCloud(
      name,
      async cloud => {
        await cloud.push(image, image === '2' ? undefined : 'exits')
        const url = await behindBalancer(cloud, 'api', {
          deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: breaker } },
        })
        const [digest] = await runningDigests(cloud, 'api')
        await prepare?.(cloud)
        const action = await cloud.start({ services: 'api', images: `ecr:web:${image}`, ...inputs })
        await until(name, () => reached(action, cloud))
        action.signal(signal)
        const result = await action.result
        expect([result.exitCode, result.outputs['status']]).toEqual([signal === 'SIGINT' ? 130 : 143, 'cancelled'])
        await expectations(result, cloud)
        await until('all is settled', () => isSettled(cloud, 'api'))
        expect(await answersOf(url)).toEqual(['1'])
        expect(await runningDigests(cloud, 'api')).toEqual([digest])
      },
      { speed },
    )
  }

  inServiceCloud(
    'operation: rollback',
    async cloud => {
      await cloud.push('2')
      const url = await behindBalancer(cloud, 'api')
      expect((await cloud.run({ services: 'api', images: 'ecr:web:2' })).outputs['status']).toBe('deployed')
      const [second] = await runningDigests(cloud, 'api')
      const action = await cloud.start({ services: 'api', operation: 'rollback' })
      await until('it goes on', () => action.output().includes('api | in progress'))
      action.signal(signal)
      const { exitCode, outputs } = await action.result
      expect([exitCode, outputs['status']]).toEqual([signal === 'SIGINT' ? 130 : 143, 'cancelled'])
      expect(JSON.parse(outputs['services'] ?? '')[0].reason).toMatch(ACCEPTED)
      // A rollback is a deployment like any other: what served when the step began comes back.
      expect(cloud.calls('StopServiceDeployment')).toHaveLength(1)
      await until('all is settled', () => isSettled(cloud, 'api'))
      expect(await answersOf(url)).toEqual(['2'])
      expect(await runningDigests(cloud, 'api')).toEqual([second])
    },
    { speed: 20 },
  )
})
