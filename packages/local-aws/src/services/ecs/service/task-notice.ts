import { PROCESS_TIMEOUT_FLOOR_MS, serviceDurations } from '../durations.ts'
import { eventTexts, tell } from './events.ts'
import type { Rollout, ServiceRecord, ServiceTask } from './record.ts'
import type { SchedulerParts } from './scheduler.ts'
import { joinTargets, resolvedImages } from './targets.ts'
import { taskHealth } from './task-health.ts'

/** so many failures in a row, and AWS says that it is not going well */
const STRUGGLING_AFTER = 3

/**
 * Looks at every task of the service: those that are RUNNING join their target groups, those that failed are counted,
 * those that are ill are stopped, those that are gone are dropped.
 * @returns the tasks that are healthy and not asked to stop
 */
export function takeNotice(
  service: ServiceRecord,
  parts: SchedulerParts,
  now: number,
  due: number[],
): Set<ServiceTask> {
  const healthy = new Set<ServiceTask>()
  for (const rollout of service.rollouts) {
    for (const task of rollout.tasks) {
      const { lastStatus } = task.record.task
      if (task.run.stopping && !task.ended) noticeEnd(service, rollout, task, parts, now)
      // what is DEPROVISIONING runs no more; it only gives its network interface back
      if (lastStatus === 'DEPROVISIONING' || lastStatus === 'STOPPED') rollout.tasks.delete(task)
      if (task.run.stopping) continue
      if (rollout.revision.images.length === 0) rollout.revision.images = resolvedImages(task.run) ?? []
      if (lastStatus === 'RUNNING' && task.runningSince === undefined) {
        task.runningSince = now
        task.targets = joinTargets(service, rollout, task, parts.balancer)
        task.registered = true
      }
      if (isHealthy(service, rollout, task, parts, now, due)) healthy.add(task)
    }
  }
  return healthy
}

function isHealthy(
  service: ServiceRecord,
  rollout: Rollout,
  task: ServiceTask,
  parts: SchedulerParts,
  now: number,
  due: number[],
): boolean {
  const { speed } = parts.surroundings.cloud
  const health = taskHealth(service, task, parts.balancer, now, speed)
  if (health.kind === 'starting') {
    if (health.until !== undefined) due.push(health.until)
    return false
  }
  if (health.kind === 'unhealthy') {
    const { target } = health
    const { taskArn } = task.record.task
    if (target)
      tell(service, eventTexts.unhealthyTarget(taskArn, target.place.port, target.place.groupArn, target.reason))
    else tell(service, eventTexts.unhealthyContainer(taskArn))
    task.ended = true
    countFailure(service, rollout, parts, now)
    service.replacing += 1
    task.record.stop('ServiceSchedulerInitiated', health.stoppedReason)
    tell(service, eventTexts.stopped([taskArn]))
    return false
  }
  const provenAt = provenSince(task, speed)
  if (provenAt > now) due.push(provenAt)
  else if (!task.wasHealthy) {
    task.wasHealthy = true
    // "a task that reaches a healthy state resets the failure count to 0" (API_DeploymentCircuitBreaker)
    if (service.configuration.deploymentCircuitBreaker?.resetOnHealthyTask !== false) rollout.failedTasks = 0
  }
  return true
}

/** Wall clock (ms) from which on a task that seems healthy is believed to be. */
function provenSince({ record, targets, runningSince = 0 }: ServiceTask, speed: number): number {
  const hasChecks = targets.length > 0 || record.definition.containerDefinitions?.some(({ healthCheck }) => healthCheck)
  // a real process crashes on start no faster because AWS is
  return hasChecks ? 0 : runningSince + Math.max(serviceDurations.proven / speed, 3 * PROCESS_TIMEOUT_FLOOR_MS)
}

function noticeEnd(
  service: ServiceRecord,
  rollout: Rollout,
  { run, record }: ServiceTask,
  parts: SchedulerParts,
  now: number,
): void {
  for (const task of rollout.tasks) if (task.record === record) task.ended = true
  const { stopCode, reason } = run.stopping ?? {}
  if (stopCode === 'TaskFailedToStart') tell(service, eventTexts.unplaced(reason ?? ''))
  if (stopCode === 'TaskFailedToStart' || stopCode === 'EssentialContainerExited') {
    countFailure(service, rollout, parts, now)
  }
}

function countFailure(service: ServiceRecord, rollout: Rollout, { surroundings }: SchedulerParts, now: number): void {
  rollout.failedTasks += 1
  rollout.updatedAt = new Date()
  service.steady = false
  const { failureDelay, longestDelay } = serviceDurations
  const delay = Math.min(longestDelay, failureDelay * (rollout.failedTasks - 1))
  rollout.notBefore = now + delay / surroundings.cloud.speed
  if (rollout.failedTasks % STRUGGLING_AFTER === 0) tell(service, eventTexts.struggling)
}
