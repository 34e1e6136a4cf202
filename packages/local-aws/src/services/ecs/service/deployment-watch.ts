import { serviceDurations } from '../durations.ts'
import { breakerThreshold } from './breaker.ts'
import { eventTexts, tell } from './events.ts'
import type { Look } from './placement.ts'
import { living } from './placement.ts'
import { type DeploymentRecord, enter, type Rollout, type ServiceRecord } from './record.ts'
import { completeDeployment, type Failure, failDeployment, texts } from './rollouts.ts'
import type { SchedulerParts } from './scheduler.ts'

/** Moves the service deployment on: its states, the circuit breaker, the alarms, its completion. */
export function watchDeployment(
  service: ServiceRecord,
  deployment: DeploymentRecord,
  parts: SchedulerParts,
  look: Look,
): void {
  const { speed } = parts.surroundings.cloud
  const [primary] = service.rollouts
  if (!primary) return
  advanceStatus(service, deployment, look, speed)
  const failure =
    deployment.status === 'IN_PROGRESS' || deployment.rollback
      ? failureOf(service, deployment, primary, parts)
      : undefined
  if (failure) {
    failDeployment(service, deployment, failure, speed)
    return
  }
  if (primary.state !== 'IN_PROGRESS' || deployment.status === 'PENDING' || service.staging === deployment) return
  if (deployment.status !== 'IN_PROGRESS' && deployment.status !== 'ROLLBACK_IN_PROGRESS') return
  if (!hasArrived(service, deployment, primary, look)) {
    deployment.bakingSince = undefined
    return
  }
  deployment.bakingSince ??= look.now
  const bakedAt = deployment.bakingSince + bakeTime(service, deployment) / speed
  if (bakedAt > look.now) {
    look.due.push(bakedAt)
    return
  }
  completeDeployment(service, primary, deployment)
}

/** PENDING → IN_PROGRESS, and what was requested → what is done. */
function advanceStatus(service: ServiceRecord, deployment: DeploymentRecord, look: Look, speed: number): void {
  const { status, updatedAt } = deployment
  const wait = status === 'PENDING' ? serviceDurations.pending : serviceDurations.requested
  const moves = status === 'PENDING' || status === 'ROLLBACK_REQUESTED' || status === 'STOP_REQUESTED'
  if (!moves) return
  const at = updatedAt.getTime() + wait / speed
  if (at > look.now) {
    look.due.push(at)
    return
  }
  if (status === 'PENDING') {
    enter(deployment, { status: 'IN_PROGRESS' })
    deployment.startedAt = deployment.updatedAt
    return
  }
  failDeployment(service, deployment, requestedStop(service, status === 'ROLLBACK_REQUESTED'), speed)
}

/** What StopServiceDeployment leads to. */
function requestedStop(service: ServiceRecord, rollback: boolean): Failure {
  return {
    rollback,
    failed: texts.requestFailed(service.rollouts[0]?.id ?? ''),
    rollingBack: texts.requestRollback,
    reason: texts.requestReason,
    stopped: texts.requestStopped,
    event: 'stop requested.',
  }
}

function failureOf(
  service: ServiceRecord,
  deployment: DeploymentRecord,
  primary: Rollout,
  { alarms }: SchedulerParts,
): Failure | undefined {
  const { deploymentCircuitBreaker: breaker, alarms: wanted } = service.configuration
  deployment.breaker.threshold = breakerThreshold(breaker, service.desiredCount)
  // the rollback's own tasks are not counted among the failures of the deployment
  if (!deployment.rollback) deployment.breaker.failureCount = primary.failedTasks
  if (breaker?.enable && primary.failedTasks >= deployment.breaker.threshold) {
    deployment.breaker.status = 'TRIGGERED'
    return {
      rollback: breaker.rollback ?? false,
      failed: texts.breakerFailed,
      rollingBack: texts.breakerRollback,
      reason: texts.breakerReason,
      stopped: texts.breakerStopped,
      event: 'tasks failed to start.',
    }
  }
  if (deployment.alarms.status !== 'MONITORING' || deployment.rollback) return undefined
  const triggered = alarms.ringing(wanted?.alarmNames ?? [])
  if (triggered.length === 0) return undefined
  deployment.alarms = { status: 'TRIGGERED', triggered }
  return {
    rollback: wanted?.rollback ?? false,
    failed: texts.alarmFailed,
    rollingBack: texts.alarmRollback,
    reason: texts.alarmReason,
    stopped: texts.alarmStopped,
    event: 'alarm detected.',
  }
}

/** All new tasks healthy, all old ones gone; or what the early success criteria ask for. */
function hasArrived(service: ServiceRecord, deployment: DeploymentRecord, primary: Rollout, look: Look): boolean {
  const mine = living(primary)
  const healthy = mine.filter(task => look.healthy.has(task)).length
  const oldGone = service.rollouts.slice(1).every(({ tasks }) => tasks.size === 0)
  const early = service.configuration.earlySuccessCriteria
  if (early?.enable && !deployment.rollback) {
    const enough = Math.ceil((service.desiredCount * (early.healthyPercent ?? 100)) / 100)
    return healthy >= enough && (early.sourceServiceRevisionCleanup === 'DEFERRED' || oldGone)
  }
  return healthy === service.desiredCount && primary.tasks.size === mine.length && oldGone
}

/** Milliseconds of AWS's time between arrival and completion. */
function bakeTime(service: ServiceRecord, deployment: DeploymentRecord): number {
  if (deployment.rollback) return serviceDurations.rollback
  const { bakeTimeInMinutes } = service.configuration
  if (bakeTimeInMinutes !== undefined) return bakeTimeInMinutes * 60_000
  return deployment.alarms.status === 'MONITORING' ? serviceDurations.alarmBake : 0
}

/** Says once that the service is as it should be. */
export function noteSteadyState(service: ServiceRecord, { healthy }: Look): void {
  const [primary, ...others] = service.rollouts
  const steady =
    service.status === 'ACTIVE' &&
    primary?.state === 'COMPLETED' &&
    others.every(({ tasks }) => tasks.size === 0) &&
    living(primary).length === service.desiredCount &&
    living(primary).every(task => healthy.has(task))
  if (steady && !service.steady) tell(service, eventTexts.steady)
  service.steady = steady
}
