import { CloudStopped } from '../../../cloud.ts'
import { serviceDurations } from '../durations.ts'
import type { EcsState } from '../state.ts'
import type { Surroundings } from '../task-run.ts'
import type { Alarms } from './alarms.ts'
import type { Balancer } from './balancer.ts'
import { noteSteadyState, watchDeployment } from './deployment-watch.ts'
import { placeTasks } from './placement.ts'
import { isOver, ongoing, type ServiceRecord } from './record.ts'
import { beginDeployment, isStaged } from './rollouts.ts'
import { runStages } from './stages.ts'
import { takeNotice } from './task-notice.ts'

/** What a service's scheduling needs of everything else. */
export interface SchedulerParts {
  readonly state: EcsState
  readonly surroundings: Surroundings
  readonly balancer: Balancer
  readonly alarms: Alarms
}

/** Begins a deployment, and its stages where the strategy has some. */
export function deploy(service: ServiceRecord, parts: SchedulerParts): void {
  const deployment = beginDeployment(service, parts.alarms)
  if (isStaged(service)) {
    runStages(service, deployment, parts).catch((error: unknown) => reportBug(service, parts, error))
  }
  service.wake.changed()
}

/** Keeps a service as it should be until it is INACTIVE: one look whenever something changed or is due. */
export function keepService(service: ServiceRecord, parts: SchedulerParts): void {
  const forget = [parts.balancer.onChange(service.wake), parts.alarms.onChange(service.wake)]
  keep(service, parts)
    .catch((error: unknown) => reportBug(service, parts, error))
    .finally(() => {
      for (const one of forget) one()
    })
}

async function keep(service: ServiceRecord, parts: SchedulerParts): Promise<void> {
  const { cloud } = parts.surroundings
  let changed = false
  const forget = service.wake.each(() => {
    changed = true
  })
  try {
    while (service.status !== 'INACTIVE') {
      changed = false
      const dueAt = look(service, parts)
      const idle = new AbortController()
      const waits = [service.wake.until(() => changed)]
      if (dueAt !== undefined) waits.push(cloud.pause(Math.max(1, dueAt - Date.now()) * cloud.speed, idle.signal))
      await Promise.race(waits).finally(() => idle.abort())
      await cloud.pause(serviceDurations.scheduling)
    }
  } finally {
    forget()
  }
}

/** @returns wall clock (ms) at which something is due by itself; undefined: nothing but a change matters */
function look(service: ServiceRecord, parts: SchedulerParts): number | undefined {
  const { speed } = parts.surroundings.cloud
  const now = Date.now()
  const due: number[] = []
  const healthy = takeNotice(service, parts, now, due)
  const deployment = ongoing(service)
  if (deployment) watchDeployment(service, deployment, parts, { healthy, now, due })
  placeTasks(service, parts, { healthy, now, due })
  noteSteadyState(service, { healthy, now, due })
  for (const rollout of service.rollouts.slice(1)) if (rollout.shownUntil > now) due.push(rollout.shownUntil)
  service.rollouts = service.rollouts.filter(
    (rollout, index) => index === 0 || rollout.tasks.size > 0 || rollout.shownUntil > now,
  )
  const latest = service.deployments[0]
  // the failed entry disappears when the rollback is through
  if (latest && isOver(latest) && latest.rollback) {
    service.rollouts = service.rollouts.filter((rollout, index) => index === 0 || rollout.tasks.size > 0)
  }
  if (service.status === 'DRAINING' && service.rollouts.every(({ tasks }) => tasks.size === 0)) {
    service.status = 'INACTIVE'
    service.rollouts = []
  }
  service.healthy = healthy
  service.looked.changed()
  const [first] = due.sort((a, b) => a - b)
  return first === undefined ? undefined : Math.max(first, now + 1 / speed)
}

function reportBug(service: ServiceRecord, { surroundings }: SchedulerParts, error: unknown): void {
  if (error instanceof CloudStopped) return
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  surroundings.cloud.journal.open('ecs', 'the service scheduler', { serviceArn: service.arn })({
    status: 500,
    modelError: text,
  })
}
