import type { Deployment, ServiceDeployment } from '@aws-sdk/client-ecs'
import { describe, expect, test } from '@jest/globals'
import { isSettled, type Sighting, type Verdict, verdictOf } from '../src/verdict.ts'

const OURS = 'ecs-svc/2'
const BEFORE = 'arn:aws:ecs:eu-west-1:123456789012:task-definition/app:1'
const AFTER = 'arn:aws:ecs:eu-west-1:123456789012:task-definition/app:2'

const PLACES = ['PRIMARY', 'ACTIVE', 'DRAINING', 'INACTIVE', 'gone'] as const
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

type Newer = Case['newer']

/** A group of combinations, what the contract makes of it, and words that the reason holds. */
interface Row {
  readonly place: readonly Case['place'][]
  readonly rollout: readonly Case['rollout'][]
  readonly status: readonly Case['status'][]
  readonly newer: readonly Newer[]
  readonly sawFailure: readonly boolean[]
  readonly kind: Verdict['kind']
  readonly words: RegExp
}

const ANYWHERE = PLACES
const BESIDE = ['ACTIVE', 'DRAINING'] as const
const AWAY = ['INACTIVE', 'gone'] as const
const NOT_FAILED = ['IN_PROGRESS', 'COMPLETED', undefined] as const
const NOBODYS = ['none', 'back IN_PROGRESS', 'back COMPLETED', 'back FAILED'] as const
const TAKEN = ['somebody', 'back IN_PROGRESS', 'back COMPLETED', 'back FAILED'] as const
/** the service deployment has no verdict yet, or is not to be had */
const OPEN = ['PENDING', 'IN_PROGRESS'] as const
const SILENT = [...OPEN, undefined] as const
const BOTH = [false, true] as const
const SAW = [true] as const
const SAW_NOT = [false] as const

const TOOK_OVER = /^Another deployment, ecs-svc\/3 of app:[19], took over\.$/
const NO_PRIMARY = /no PRIMARY deployment any more: what it runs is not known/
const WAY_BACK = /own (?:FAILED|IN_PROGRESS|COMPLETED)|rolling back to deploymentId ecs-svc\/3|took the deployment back/
const BACK_FAILED = /could not roll back: ECS deployment circuit breaker: tasks failed to start/

function row(
  place: Row['place'],
  rollout: Row['rollout'],
  status: Row['status'],
  newer: Row['newer'],
  sawFailure: Row['sawFailure'],
  kind: Verdict['kind'],
  words: RegExp,
): Row {
  return { place, rollout, status, newer, sawFailure, kind, words }
}

/** What ECS's way back, or somebody's deployment, means once ours has failed. */
function afterFailure(
  place: Row['place'],
  rollout: Row['rollout'],
  status: Row['status'],
  sawFailure: Row['sawFailure'],
): Row[] {
  return [
    row(place, rollout, status, ['somebody'], sawFailure, 'superseded', TOOK_OVER),
    row(place, rollout, status, ['back IN_PROGRESS'], sawFailure, 'rolling-back', WAY_BACK),
    row(place, rollout, status, ['back COMPLETED'], sawFailure, 'rolled-back', WAY_BACK),
    row(place, rollout, status, ['back FAILED'], sawFailure, 'failed', BACK_FAILED),
  ]
}

/** Ours is listed no more. */
function noLongerListed(place: Row['place'], rollout: Row['rollout'], status: Row['status']): Row[] {
  const [, ...back] = afterFailure(place, rollout, status, BOTH)
  return [
    row(place, rollout, status, ['none'], BOTH, 'failed', NO_PRIMARY),
    row(place, rollout, status, ['somebody'], BOTH, 'superseded', TOOK_OVER),
    ...back,
  ]
}

// In the order: our place, its rolloutState, status of the service deployment, the newer deployment, failure seen before.
const ROWS: readonly Row[] = [
  // The service deployment has a verdict of its own.
  row(['PRIMARY'], ROLLOUTS, ['SUCCESSFUL'], ['none'], BOTH, 'deployed', /^The service deployment is SUCCESSFUL\.$/),
  row([...BESIDE, ...AWAY], ROLLOUTS, ['SUCCESSFUL'], ['none'], BOTH, 'in-progress', /lists no PRIMARY/),
  row(ANYWHERE, ROLLOUTS, ['SUCCESSFUL'], TAKEN, BOTH, 'superseded', TOOK_OVER),
  row(ANYWHERE, ROLLOUTS, ['ROLLBACK_REQUESTED'], NEWER, BOTH, 'rolling-back', /^rollback of ROLLBACK_REQUESTED$/),
  row(ANYWHERE, ROLLOUTS, ['ROLLBACK_IN_PROGRESS'], NEWER, BOTH, 'rolling-back', /^rollback of ROLLBACK_IN_PROGRESS$/),
  row(ANYWHERE, ROLLOUTS, ['ROLLBACK_SUCCESSFUL'], NOBODYS, BOTH, 'rolled-back', /^rollback of ROLLBACK_SUCCESSFUL$/),
  // Whoever deploys while ECS goes back, or right after it, is left alone.
  row(ANYWHERE, ROLLOUTS, ['ROLLBACK_SUCCESSFUL', 'ROLLBACK_FAILED'], ['somebody'], BOTH, 'superseded', TOOK_OVER),
  row(
    ANYWHERE,
    ROLLOUTS,
    ['ROLLBACK_FAILED'],
    NOBODYS,
    BOTH,
    'failed',
    /could not roll back: rollback of ROLLBACK_FAILED/,
  ),
  row(
    ANYWHERE,
    ROLLOUTS,
    ['STOP_REQUESTED'],
    ['none'],
    BOTH,
    'in-progress',
    /^The service deployment is being stopped/,
  ),
  row(ANYWHERE, ROLLOUTS, ['STOP_REQUESTED'], TAKEN, BOTH, 'superseded', TOOK_OVER),
  row(ANYWHERE, ['FAILED'], ['STOPPED'], NEWER, BOTH, 'failed', /^own FAILED$/),
  row(ANYWHERE, NOT_FAILED, ['STOPPED'], ['none'], BOTH, 'failed', /^own (?:IN_PROGRESS|COMPLETED)$|was stopped/),
  row(ANYWHERE, NOT_FAILED, ['STOPPED'], TAKEN, BOTH, 'superseded', TOOK_OVER),
  row(ANYWHERE, NOT_FAILED, OPEN, NEWER, BOTH, 'in-progress', /^The service deployment is (?:PENDING|IN_PROGRESS)/),
  // It has none: deployments[] serves. Ours is PRIMARY.
  row(['PRIMARY'], ['FAILED'], SILENT, NEWER, BOTH, 'failed', /^own FAILED$/),
  row(['PRIMARY'], ['COMPLETED'], [undefined], NEWER, BOTH, 'deployed', /^own COMPLETED$/),
  row(['PRIMARY'], ['IN_PROGRESS', undefined], [undefined], NEWER, BOTH, 'in-progress', /1 of 2 tasks running/),
  // Ours lingers beside another one.
  row(BESIDE, ['FAILED'], SILENT, ['none'], BOTH, 'rolling-back', /^own FAILED$/),
  ...afterFailure(BESIDE, ['FAILED'], SILENT, BOTH),
  row(BESIDE, NOT_FAILED, [undefined], ['none'], SAW_NOT, 'failed', NO_PRIMARY),
  row(BESIDE, NOT_FAILED, [undefined], TAKEN, SAW_NOT, 'superseded', TOOK_OVER),
  row(BESIDE, NOT_FAILED, [undefined], ['none'], SAW, 'rolling-back', WAY_BACK),
  ...afterFailure(BESIDE, NOT_FAILED, [undefined], SAW),
  // Ours is over.
  ...noLongerListed(AWAY, ROLLOUTS, [undefined]),
  ...noLongerListed(['INACTIVE'], ['FAILED'], OPEN),
]

function rowsOf({ place, rollout, status, newer, sawFailure }: Case): Row[] {
  return ROWS.filter(
    entry =>
      entry.place.includes(place) &&
      entry.rollout.includes(rollout) &&
      entry.status.includes(status) &&
      entry.newer.includes(newer) &&
      entry.sawFailure.includes(sawFailure),
  )
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
  test(`is that of the contract on all ${cases.length} combinations, each with its reason in words`, () => {
    for (const entry of cases) {
      const [wanted, ...others] = rowsOf(entry)
      // Each combination is in one row, and in one only.
      expect({ ...entry, others }).toEqual({ ...entry, others: [] })
      const { kind, reason } = verdictOf(sightingOf(entry))
      const isWanted = wanted?.kind === kind && wanted.words.test(reason)
      if (!isWanted)
        throw new Error(`${JSON.stringify({ ...entry, kind, reason })} is not ${wanted?.kind} ${wanted?.words}`)
    }
  })

  test('every row of the table stands for combinations that there are', () => {
    expect(ROWS.filter(entry => !cases.some(one => rowsOf(one).includes(entry)))).toEqual([])
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

test.each([
  ['ROLLBACK_SUCCESSFUL', 'rolled-back'],
  ['ROLLBACK_FAILED', 'failed'],
] as const)(
  '%s to an older revision than the one before ours: the PRIMARY is known by its service revision',
  (status, kind) => {
    const look = (number: number): Verdict =>
      verdictOf({
        service: {
          deployments: [
            {
              id: `ecs-svc/${number}`,
              status: 'PRIMARY',
              taskDefinition: 'arn:aws:ecs:eu-west-1:123456789012:task-definition/app:9',
              rolloutState: 'COMPLETED',
              rolloutStateReason: `ECS deployment ecs-svc/${number} completed.`,
            },
          ],
        },
        deploymentId: OURS,
        previousTaskDefinition: BEFORE,
        serviceDeployment: {
          status,
          rollback: { serviceRevisionArn: 'arn:aws:ecs:eu-west-1:123456789012:service-revision/apps/app/1' },
        },
        sawFailure: true,
      })
    expect(look(1).kind).toBe(kind)
    expect(look(4).kind).toBe('superseded')
  },
)

test.each([undefined, 'ROLLBACK_SUCCESSFUL'] as const)(
  'the way back that was seen as ECS’s stays that when it is complete and says so no more (service deployment: %s)',
  status => {
    const look = (wayBackId: string | undefined): Verdict =>
      verdictOf({
        service: {
          deployments: [
            {
              id: 'ecs-svc/1',
              status: 'PRIMARY',
              taskDefinition: 'arn:aws:ecs:eu-west-1:123456789012:task-definition/app:9',
              rolloutState: 'COMPLETED',
              rolloutStateReason: 'ECS deployment ecs-svc/1 completed.',
            },
          ],
        },
        deploymentId: OURS,
        // That one had failed, and ECS went back to an older one.
        previousTaskDefinition: BEFORE,
        serviceDeployment: status === undefined ? undefined : { status },
        sawFailure: true,
        wayBackId,
      })
    expect(look('ecs-svc/1').kind).toBe('rolled-back')
    expect(look(undefined).kind).toBe('superseded')
  },
)

test.each(['INACTIVE', 'DRAINING'])('a service that is %s was deleted, whatever else is said', status => {
  const { kind, reason } = verdictOf({
    service: { status, deployments: [] },
    deploymentId: OURS,
    previousTaskDefinition: BEFORE,
    serviceDeployment: { status: 'IN_PROGRESS' },
    sawFailure: false,
  })
  expect([kind, reason]).toEqual(['failed', `The service was deleted: it is ${status}.`])
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
