import { createLog, Deadline, systemClock } from '@aws-deploy-actions/action-runtime'
import { describe, expect, test } from '@jest/globals'
import { breakerLines, eventLines } from '../src/evidence.ts'
import { newRollout } from '../src/rollout.ts'
import { TargetWatch } from '../src/targets.ts'

const OURS = 'ecs-svc/2'

describe('the count of the circuit breaker', () => {
  const FAILED = { id: OURS, rolloutState: 'FAILED' as const, failedTasks: 3 }

  test('is told with its state', () => {
    const breaker = { status: 'MONITORING' as const, failureCount: 1, threshold: 3 }
    expect(breakerLines(breaker, { id: OURS, rolloutState: 'IN_PROGRESS' })).toEqual([
      'circuit breaker: 1 of 3 failures (MONITORING)',
    ])
    expect(breakerLines({ ...breaker, status: 'TRIGGERED', failureCount: 3 }, FAILED)).toEqual([
      'circuit breaker: 3 of 3 failures (TRIGGERED)',
    ])
  })

  test('is taken from deployments[] where that is ahead, and not told when that does not know it either', () => {
    const old = { status: 'MONITORING' as const, failureCount: 0, threshold: 3 }
    expect(breakerLines(old, FAILED)).toEqual(['circuit breaker: 3 of 3 failures'])
    expect(breakerLines(old, { ...FAILED, failedTasks: 0 })).toEqual([])
    expect(breakerLines({ status: 'DISABLED' }, FAILED)).toEqual([])
  })
})

test('events since the deployment began count, by the clock of ECS, not by that of the runner', () => {
  const at = (seconds: number): Date => new Date(Date.UTC(2026, 0, 1, 12, 0, seconds))
  const service = {
    deployments: [{ id: OURS, status: 'PRIMARY', createdAt: at(10) }],
    events: [
      { message: '(service api) is unhealthy', createdAt: at(20) },
      { message: '(service api) of long ago', createdAt: at(1) },
    ],
  }
  // The runner's clock is ten minutes ahead, or behind.
  for (const startedAt of [at(610).getTime(), at(-590).getTime()]) {
    expect(eventLines({ service, deploymentId: OURS, startedAt })).toEqual(['event: (service api) is unhealthy'])
  }
})

test('remembered targets that are left out are counted', async () => {
  const group = 'arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/api/1'
  const watch = new TargetWatch(async () =>
    Array.from({ length: 8 }, (_, index) => ({
      Target: { Id: `10.0.0.${index}`, Port: 80 },
      TargetHealth: { State: 'unhealthy' as const },
    })),
  )
  const revision = { arn: 'app:1', definition: { family: 'app', containerDefinitions: [] }, active: true }
  const rollout = newRollout('api', revision, revision, {
    deployments: [{ id: OURS, status: 'PRIMARY', runningCount: 8 }],
    loadBalancers: [{ targetGroupArn: group }],
  })
  rollout.deploymentId = OURS
  const calling = { clock: systemClock, log: createLog(() => {}), deadline: new Deadline(systemClock, 60_000) }
  await watch.look([rollout], calling)
  const lines = watch.remembered(group, new Set(['10.0.0.0:80']))
  expect(lines).toHaveLength(6)
  expect(lines[0]).toBe('target 10.0.0.1:80 was unhealthy')
  expect(lines.at(-1)).toBe('… 2 more targets were not healthy')
})
