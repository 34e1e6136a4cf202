import { PROCESS_TIMEOUT_FLOOR_MS, serviceDurations } from '../durations.ts'
import type { Balancer } from './balancer.ts'
import { stopReasons } from './events.ts'
import type { ServiceRecord, ServiceTask, TargetPlace } from './record.ts'

export type TaskHealth =
  | { readonly kind: 'healthy' }
  /** `until`: wall clock (ms) at which to look again */
  | { readonly kind: 'starting'; readonly until: number | undefined }
  | {
      readonly kind: 'unhealthy'
      readonly stoppedReason: string
      readonly target: { readonly place: TargetPlace; readonly reason: string } | undefined
    }

/**
 * A task as the service scheduler sees it: container health checks and target health count, both only after the
 * service's grace period.
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/load-balancer-healthcheck.html
 */
export function taskHealth(
  service: ServiceRecord,
  { record, runningSince, targets, registered }: ServiceTask,
  balancer: Balancer,
  now: number,
  speed: number,
): TaskHealth {
  const starting = (until?: number): TaskHealth => ({ kind: 'starting', until })
  if (record.task.lastStatus !== 'RUNNING' || runningSince === undefined || !registered) return starting()
  const graceEnds = runningSince + ((service.gracePeriodSeconds ?? 0) * 1000) / speed
  const { containerDefinitions } = record.definition
  const hasChecks = containerDefinitions?.some(({ essential, healthCheck }) => essential !== false && healthCheck)
  const states = targets.map(place => ({ place, ...balancer.health(place) }))
  const unhealthyTarget = states.find(({ State }) => State === 'unhealthy')
  const containersAreIll = hasChecks && record.task.healthStatus === 'UNHEALTHY'
  if (containersAreIll || unhealthyTarget) {
    if (now < graceEnds) return starting(graceEnds)
    if (containersAreIll) return { kind: 'unhealthy', stoppedReason: stopReasons.containerUnhealthy, target: undefined }
    if (unhealthyTarget) {
      const { place, Description = '' } = unhealthyTarget
      return {
        kind: 'unhealthy',
        stoppedReason: stopReasons.targetUnhealthy(place.groupArn),
        target: { place, reason: Description },
      }
    }
  }
  if (hasChecks && record.task.healthStatus !== 'HEALTHY') return starting()
  // a target group behind no listener yet (the idle one of a blue/green pair) checks nothing
  if (states.some(({ State }) => State !== 'healthy' && State !== 'unused')) return starting()
  if (hasChecks || states.length > 0) return { kind: 'healthy' }
  const settled = runningSince + Math.max(serviceDurations.settling / speed, PROCESS_TIMEOUT_FLOOR_MS)
  return now < settled ? starting(settled) : { kind: 'healthy' }
}
