import type { Deployment, ServiceDeployment } from '@aws-sdk/client-ecs'
import { describe, expect, test } from '@jest/globals'
import { isSettled, type Sighting, type Verdict, verdictOf } from '../src/verdict.ts'

const OURS = 'ecs-svc/2'
const BEFORE = 'arn:aws:ecs:eu-west-1:123456789012:task-definition/app:1'
const AFTER = 'arn:aws:ecs:eu-west-1:123456789012:task-definition/app:2'

const PLACES = ['PRIMARY', 'ACTIVE', 'INACTIVE', 'gone'] as const
const ROLLOUTS = ['IN_PROGRESS', 'COMPLETED', 'FAILED', undefined] as const
const STATUSES = [
  undefined,
  'PENDING',
  'IN_PROGRESS',
  'SUCCESSFUL',
  'STOP_REQUESTED',
  'STOPPED',
  'ROLLBACK_REQUESTED',
  'ROLLBACK_IN_PROGRESS',
  'ROLLBACK_SUCCESSFUL',
  'ROLLBACK_FAILED',
] as const
/** the newer deployment: none, somebody's, or ECS's way back in each of its states */
const NEWER = ['none', 'somebody', 'back IN_PROGRESS', 'back COMPLETED', 'back FAILED'] as const

interface Case {
  readonly place: (typeof PLACES)[number]
  readonly rollout: (typeof ROLLOUTS)[number]
  readonly status: (typeof STATUSES)[number]
  readonly newer: (typeof NEWER)[number]
  readonly sawFailure: boolean
}

function sightingOf({ place, rollout, status, newer, sawFailure }: Case): Sighting {
  const own: Deployment = {
    id: OURS,
    status: place,
    taskDefinition: AFTER,
    desiredCount: 2,
    runningCount: 1,
    ...(rollout === undefined ? {} : { rolloutState: rollout, rolloutStateReason: `own ${rollout}` }),
  }
  const other: Deployment = {
    id: 'ecs-svc/3',
    status: 'PRIMARY',
    taskDefinition: newer === 'somebody' ? `${AFTER.slice(0, -1)}9` : BEFORE,
    ...(newer === 'somebody'
      ? { rolloutState: 'IN_PROGRESS', rolloutStateReason: 'ECS deployment ecs-svc/3 in progress.' }
      : {}),
    ...(newer === 'back IN_PROGRESS'
      ? {
          rolloutState: 'IN_PROGRESS',
          rolloutStateReason: 'ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/3.',
        }
      : {}),
    ...(newer === 'back COMPLETED'
      ? {
          rolloutState: 'COMPLETED',
          rolloutStateReason: 'ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/3.',
        }
      : {}),
    ...(newer === 'back FAILED'
      ? {
          rolloutState: 'FAILED',
          rolloutStateReason: 'ECS deployment circuit breaker: tasks failed to start. rolling back',
        }
      : {}),
  }
  const serviceDeployment: ServiceDeployment | undefined =
    status === undefined ? undefined : { status, rollback: { reason: `rollback of ${status}` } }
  return {
    service: { deployments: [...(newer === 'none' ? [] : [other]), ...(place === 'gone' ? [] : [own])] },
    deploymentId: OURS,
    previousTaskDefinition: BEFORE,
    serviceDeployment,
    sawFailure,
  }
}

/** The same rules once more, as one reads them in the contract; the implementation must agree on every combination. */
function expected({ place, rollout, status, newer, sawFailure }: Case): Verdict['kind'] {
  const taken = newer !== 'none'
  const fromDeployments = (): Verdict['kind'] => {
    const primary = place === 'PRIMARY' && !taken
    if (primary) return rollout === 'COMPLETED' ? 'deployed' : rollout === 'FAILED' ? 'failed' : 'in-progress'
    if (place === 'PRIMARY')
      return rollout === 'COMPLETED' ? 'deployed' : rollout === 'FAILED' ? 'failed' : 'in-progress'
    if (!taken) {
      const failedBefore = place === 'ACTIVE' && (rollout === 'FAILED' || sawFailure)
      return failedBefore ? 'rolling-back' : 'failed'
    }
    const failed = sawFailure || (place === 'ACTIVE' ? rollout === 'FAILED' : newer.startsWith('back'))
    if (!failed) return 'superseded'
    if (newer === 'back COMPLETED') return 'rolled-back'
    return newer === 'back FAILED' ? 'failed' : 'rolling-back'
  }
  switch (status) {
    case 'SUCCESSFUL':
      return taken && place !== 'PRIMARY' ? 'superseded' : 'deployed'
    case 'ROLLBACK_REQUESTED':
    case 'ROLLBACK_IN_PROGRESS':
      return 'rolling-back'
    case 'ROLLBACK_SUCCESSFUL':
      return 'rolled-back'
    case 'ROLLBACK_FAILED':
      return 'failed'
    case 'STOP_REQUESTED':
      return taken && place !== 'PRIMARY' ? 'superseded' : 'in-progress'
    case 'STOPPED':
      return taken && place !== 'PRIMARY' && !(rollout === 'FAILED' && place !== 'gone') ? 'superseded' : 'failed'
    case 'PENDING':
    case 'IN_PROGRESS':
      return rollout === 'FAILED' && place !== 'gone' ? fromDeployments() : 'in-progress'
    default:
      return fromDeployments()
  }
}

const cases: Case[] = PLACES.flatMap(place =>
  (place === 'gone' ? [undefined] : ROLLOUTS).flatMap(rollout =>
    STATUSES.flatMap(status =>
      // ECS has one PRIMARY at most.
      (place === 'PRIMARY' ? (['none'] as const) : NEWER).flatMap(newer =>
        [false, true].map(sawFailure => ({ place, rollout, status, newer, sawFailure })),
      ),
    ),
  ),
)

describe('the verdict about our deployment', () => {
  test(`agrees with the contract on all ${cases.length} combinations, each with a reason`, () => {
    for (const entry of cases) {
      const verdict = verdictOf(sightingOf(entry))
      expect({ ...entry, verdict: verdict.kind }).toEqual({ ...entry, verdict: expected(entry) })
      expect(verdict.reason).toMatch(/\S/)
    }
  })

  test('is green only when ours is PRIMARY and said to be complete, or SUCCESSFUL with nothing newer', () => {
    for (const entry of cases) {
      if (verdictOf(sightingOf(entry)).kind !== 'deployed') continue
      const complete = entry.place === 'PRIMARY' && entry.rollout === 'COMPLETED'
      expect(complete || (entry.status === 'SUCCESSFUL' && entry.newer === 'none')).toBe(true)
    }
  })

  test.each<[string, Partial<Case>, RegExp]>([
    [
      'the counts while it runs',
      { place: 'PRIMARY', rollout: 'IN_PROGRESS', status: 'IN_PROGRESS' },
      /1 of 2 tasks running/,
    ],
    ['who took over', { place: 'ACTIVE', rollout: 'IN_PROGRESS', newer: 'somebody' }, /ecs-svc\/3 of app:9, took over/],
    [
      'ECS’s reason for the way back',
      { place: 'ACTIVE', status: 'ROLLBACK_IN_PROGRESS', newer: 'back IN_PROGRESS' },
      /rollback of ROLLBACK_IN_PROGRESS/,
    ],
  ])('says %s', (_, part, reason) => {
    const whole: Case = {
      place: 'PRIMARY',
      rollout: 'IN_PROGRESS',
      status: undefined,
      newer: 'none',
      sawFailure: false,
      ...part,
    }
    expect(verdictOf(sightingOf(whole)).reason).toMatch(reason)
  })

  test('settled is what does not change by itself', () => {
    const kinds: Verdict['kind'][] = ['in-progress', 'deployed', 'rolling-back', 'rolled-back', 'failed', 'superseded']
    expect(kinds.filter(kind => isSettled({ kind, reason: '' }))).toEqual([
      'deployed',
      'rolled-back',
      'failed',
      'superseded',
    ])
  })

  test('a triggered alarm is named', () => {
    const sighting = sightingOf({
      place: 'ACTIVE',
      rollout: 'FAILED',
      status: 'ROLLBACK_IN_PROGRESS',
      newer: 'back IN_PROGRESS',
      sawFailure: true,
    })
    const serviceDeployment: ServiceDeployment = {
      status: 'ROLLBACK_IN_PROGRESS',
      alarms: { triggeredAlarmNames: ['errors-5xx'] },
    }
    expect(verdictOf({ ...sighting, serviceDeployment }).reason).toContain('Alarms: errors-5xx.')
  })
})

test('a rollback that was over between two looks: the events tell it from somebody else’s deployment', () => {
  const look = (taskDefinition: string, message: string): Verdict =>
    verdictOf({
      service: {
        deployments: [{ id: 'ecs-svc/1', status: 'PRIMARY', taskDefinition, rolloutState: 'COMPLETED' }],
        events: [{ message }],
      },
      deploymentId: OURS,
      previousTaskDefinition: BEFORE,
      serviceDeployment: undefined,
      sawFailure: false,
    })
  const failed = `(service app) (deployment ${OURS}) deployment failed: tasks failed to start.`
  expect(look(BEFORE, failed)).toEqual({ kind: 'rolled-back', reason: failed })
  expect(look(BEFORE, '(service app) has reached a steady state.').kind).toBe('superseded')
  expect(look(AFTER, failed).kind).toBe('superseded')
})
