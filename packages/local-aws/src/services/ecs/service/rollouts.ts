import { randomBytes } from 'node:crypto'
import { serviceDurations } from '../durations.ts'
import type { Alarms } from './alarms.ts'
import { breakerThreshold } from './breaker.ts'
import { eventTexts, tell } from './events.ts'
import {
  type DeploymentRecord,
  enter,
  isOver,
  newNumber,
  ongoing,
  type Revision,
  type Rollout,
  type ServiceRecord,
} from './record.ts'

/*
 * How deployments begin and end. Texts of `rolloutStateReason` are AWS's own, quoted in public reports; those of
 * `statusReason`: "Service deployment rolled back because the circuit breaker threshold was exceeded." and "No rollback
 * candidate was found to run the rollback." are quoted there too, the ones marked [K] are in AWS's manner, not verified.
 */
export const texts = {
  inProgress: (id: string) => `ECS deployment ${id} in progress.`,
  completed: (id: string) => `ECS deployment ${id} completed.`,
  breakerFailed: 'ECS deployment circuit breaker: tasks failed to start.',
  breakerRollback: (id: string) => `ECS deployment circuit breaker: rolling back to deploymentId ${id}.`,
  breakerReason: 'Service deployment rolled back because the circuit breaker threshold was exceeded.',
  /** [K] */
  breakerStopped: 'Service deployment stopped because the circuit breaker threshold was exceeded.',
  /** [K] */
  alarmFailed: 'ECS deployment alarm: alarm detected.',
  /** [K] */
  alarmRollback: (id: string) => `ECS deployment alarm: rolling back to deploymentId ${id}.`,
  /** [K] */
  alarmReason: 'Service deployment rolled back because an alarm was detected.',
  /** [K] */
  alarmStopped: 'Service deployment stopped because an alarm was detected.',
  /** [K] */
  requestFailed: (id: string) => `ECS deployment ${id} was stopped.`,
  /** [K] */
  requestRollback: (id: string) => `ECS deployment stop requested: rolling back to deploymentId ${id}.`,
  /** [K] */
  requestReason: 'Service deployment rolled back because of a StopServiceDeployment request.',
  /** [K] */
  requestStopped: 'Service deployment stopped because of a StopServiceDeployment request.',
  /** [K] */
  hookReason: (stage: string) => `Service deployment rolled back because ${stage} lifecycle hook(s) failed.`,
  /** [K] */
  superseded: 'Service deployment stopped because a new service deployment was created.',
  noCandidate: 'No rollback candidate was found to run the rollback.',
}

/** Why a deployment fails, and all that is said about it. */
export interface Failure {
  readonly rollback: boolean
  /** `rolloutStateReason` of the failed entry */
  readonly failed: string
  /** `rolloutStateReason` of the entry that takes over again */
  readonly rollingBack: (id: string) => string
  /** `statusReason` and `rollback.reason` */
  readonly reason: string
  /** `statusReason` without a rollback */
  readonly stopped: string
  /** end of the event's text */
  readonly event: string
}

/** Begins a deployment of the service's workload; what was going on is superseded. */
export function beginDeployment(service: ServiceRecord, alarms: Alarms): DeploymentRecord {
  const now = new Date()
  supersede(service, now)
  const number = newNumber()
  const path = service.arn.replace(/^.*:service\//, '')
  const prefix = service.arn.replace(/:service\/.*$/, '')
  const revision: Revision = {
    arn: `${prefix}:service-revision/${path}/${number}`,
    number,
    workload: service.workload,
    createdAt: now,
    images: [],
  }
  service.revisions.set(revision.arn, revision)
  const [previous] = service.rollouts
  const staged = isStaged(service)
  const rollout = newRollout(revision, staged ? !(previous?.alternate ?? true) : (previous?.alternate ?? false))
  if (staged) {
    rollout.scale = 0
    for (const old of service.rollouts) old.scale ??= service.desiredCount
  } else {
    for (const old of service.rollouts) old.scale = undefined
  }
  const source = service.rollouts.map(one => one.revision)
  service.rollouts = [rollout, ...service.rollouts]
  service.steady = false
  const { deploymentCircuitBreaker: breaker, alarms: wanted } = service.configuration
  // alarms that ring at the start are not looked at during the whole deployment, so that a fix can be deployed:
  // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
  const watched = wanted?.enable && alarms.ringing(wanted.alarmNames ?? []).length === 0
  const deployment: DeploymentRecord = {
    arn: `${prefix}:service-deployment/${path}/${randomBytes(16).toString('base64url').slice(0, 21)}`,
    createdAt: now,
    startedAt: undefined,
    finishedAt: undefined,
    stoppedAt: undefined,
    updatedAt: now,
    source,
    target: revision,
    status: 'PENDING',
    course: ['PENDING'],
    statusReason: undefined,
    stage: undefined,
    hooks: [],
    configuration: structuredClone(service.configuration),
    rollback: undefined,
    breaker: {
      status: breaker?.enable ? 'MONITORING' : 'DISABLED',
      failureCount: 0,
      threshold: breakerThreshold(breaker, service.desiredCount),
    },
    alarms: { status: watched ? 'MONITORING' : 'DISABLED', triggered: [] },
    weights: staged ? { production: 0, test: 0 } : undefined,
    bakingSince: undefined,
  }
  service.deployments.unshift(deployment)
  return deployment
}

/** Whether tasks are replaced in stages (blue/green, linear, canary) and not by the rolling rule. */
export function isStaged(service: ServiceRecord): boolean {
  return ['BLUE_GREEN', 'LINEAR', 'CANARY'].includes(service.configuration.strategy ?? 'ROLLING')
}

function newRollout(revision: Revision, alternate: boolean): Rollout {
  const id = `ecs-svc/${revision.number}`
  return {
    id,
    revision,
    alternate,
    createdAt: new Date(),
    updatedAt: new Date(),
    state: 'IN_PROGRESS',
    reason: texts.inProgress(id),
    failedTasks: 0,
    tasks: new Set(),
    scale: undefined,
    notBefore: 0,
    shownUntil: 0,
  }
}

function supersede(service: ServiceRecord, now: Date): void {
  const deployment = ongoing(service)
  if (!deployment) return
  enter(deployment, { status: 'STOPPED' })
  Object.assign(deployment, { statusReason: texts.superseded, stoppedAt: now })
  close(deployment, now)
}

function close(deployment: DeploymentRecord, now: Date): void {
  Object.assign(deployment, { finishedAt: now, updatedAt: now, hooks: [] })
  for (const monitor of [deployment.breaker, deployment.alarms]) {
    if (monitor.status === 'MONITORING') monitor.status = 'MONITORING_COMPLETE'
  }
}

/** The PRIMARY deployment has come to where it should: the end of a deployment, or of a rollback. */
export function completeDeployment(service: ServiceRecord, primary: Rollout, deployment: DeploymentRecord): void {
  const now = new Date()
  Object.assign(primary, { state: 'COMPLETED', reason: texts.completed(primary.id), updatedAt: now })
  service.lastCompleted = primary.revision
  primary.scale = undefined
  enter(deployment, { status: deployment.rollback ? 'ROLLBACK_SUCCESSFUL' : 'SUCCESSFUL' })
  close(deployment, now)
  tell(service, eventTexts.completed(primary.id))
}

/** Ends the deployment as a failure, and begins the rollback where there is one to go to. */
export function failDeployment(
  service: ServiceRecord,
  deployment: DeploymentRecord,
  failure: Failure,
  speed: number,
): void {
  const [primary] = service.rollouts
  if (!primary || isOver(deployment)) return
  const now = new Date()
  Object.assign(primary, { state: 'FAILED', reason: failure.failed, updatedAt: now })
  tell(service, eventTexts.failed(primary.id, failure.event))
  Object.assign(deployment, { updatedAt: now, statusReason: failure.reason, hooks: [] })
  if (deployment.rollback || (failure.rollback && !candidate(service, deployment))) {
    // the rollback itself failed, or there is nothing to go back to
    enter(deployment, { status: 'ROLLBACK_FAILED' })
    deployment.statusReason = deployment.rollback ? failure.reason : texts.noCandidate
    close(deployment, now)
    return
  }
  const revision = candidate(service, deployment)
  if (!failure.rollback || !revision) {
    enter(deployment, { status: 'STOPPED' })
    Object.assign(deployment, { statusReason: failure.stopped, stoppedAt: now })
    close(deployment, now)
    return
  }
  primary.shownUntil = now.getTime() + serviceDurations.failedShown / speed
  const target = service.rollouts.find(one => one.revision === revision) ?? newRollout(revision, primary.alternate)
  Object.assign(target, {
    state: 'IN_PROGRESS',
    reason: failure.rollingBack(target.id),
    updatedAt: now,
    failedTasks: 0,
    notBefore: 0,
  })
  service.rollouts = [target, ...service.rollouts.filter(one => one !== target)]
  service.workload = revision.workload
  enter(deployment, { status: 'ROLLBACK_IN_PROGRESS' })
  deployment.rollback = { reason: failure.reason, startedAt: now, serviceRevisionArn: revision.arn }
  tell(service, eventTexts.rollingBack(target.id))
}

/** "rolled back to the last deployment that completed successfully" (API_DeploymentCircuitBreaker) */
function candidate(service: ServiceRecord, deployment: DeploymentRecord): Revision | undefined {
  return service.lastCompleted === deployment.target ? undefined : service.lastCompleted
}
