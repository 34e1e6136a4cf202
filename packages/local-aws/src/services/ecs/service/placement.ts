import type { RunTaskCommandInput } from '@aws-sdk/client-ecs'
import { AwsError } from '../../../service.ts'
import type { TaskPlan } from '../new-task.ts'
import { placementOf } from '../run-rules.ts'
import { startTask } from '../start-task.ts'
import { eventTexts, stopReasons, tell } from './events.ts'
import type { Rollout, ServiceRecord, ServiceTask } from './record.ts'
import { rollingStep } from './rolling.ts'
import type { SchedulerParts } from './scheduler.ts'
import { leaveTargets } from './targets.ts'

/** What one look of the scheduler has found. */
export interface Look {
  readonly healthy: ReadonlySet<ServiceTask>
  /** wall clock (ms) */
  readonly now: number
  /** takes the times at which to look again */
  readonly due: number[]
}

/** Starts and stops tasks towards what the service's deployments want. */
export function placeTasks(service: ServiceRecord, parts: SchedulerParts, look: Look): void {
  const [primary, ...others] = service.rollouts
  if (!primary) return
  if (service.status !== 'ACTIVE') {
    for (const rollout of service.rollouts) stopTasks(service, rollout, living(rollout))
    return
  }
  if (service.rollouts.some(({ scale }) => scale !== undefined)) {
    for (const rollout of service.rollouts) {
      const scale = rollout.scale ?? (rollout === primary ? service.desiredCount : 0)
      scaleTo(service, rollout, scale, parts, look)
    }
    return
  }
  const old = others.flatMap(rollout => living(rollout).map(task => ({ rollout, task })))
  const mine = living(primary)
  const step = rollingStep({
    desired: service.desiredCount,
    minimumHealthyPercent: service.configuration.minimumHealthyPercent ?? 100,
    maximumPercent: service.configuration.maximumPercent ?? 200,
    primary: mine.length,
    primaryHealthy: mine.filter(task => look.healthy.has(task)).length,
    old: old.length,
    oldHealthy: old.filter(({ task }) => look.healthy.has(task)).length,
  })
  startTasks(service, primary, step.start, parts, look)
  // those that are not healthy go first
  const leaving = old
    .sort((a, b) => Number(look.healthy.has(a.task)) - Number(look.healthy.has(b.task)))
    .slice(0, step.stopOld)
  for (const rollout of others) {
    stopTasks(
      service,
      rollout,
      leaving.filter(one => one.rollout === rollout).map(({ task }) => task),
    )
  }
  stopTasks(service, primary, mine.slice(mine.length - step.stopPrimary))
}

function scaleTo(service: ServiceRecord, rollout: Rollout, scale: number, parts: SchedulerParts, look: Look): void {
  const tasks = living(rollout)
  if (tasks.length < scale) startTasks(service, rollout, scale - tasks.length, parts, look)
  else stopTasks(service, rollout, tasks.slice(scale))
}

/** The tasks that nobody has asked to stop. */
export function living({ tasks }: Rollout): ServiceTask[] {
  return [...tasks].filter(({ run }) => run.stopping === undefined)
}

function stopTasks(service: ServiceRecord, rollout: Rollout, tasks: readonly ServiceTask[]): void {
  if (tasks.length === 0) return
  for (const task of tasks) {
    task.ended = true
    task.record.stop('ServiceSchedulerInitiated', stopReasons.scaling(rollout.id))
  }
  rollout.updatedAt = new Date()
  tell(service, eventTexts.stopped(tasks.map(({ record }) => record.task.taskArn)))
}

function startTasks(service: ServiceRecord, rollout: Rollout, count: number, parts: SchedulerParts, look: Look): void {
  const { definition } = rollout.revision.workload
  // "A deployment in FAILED state doesn't launch any new tasks" (API_Deployment)
  if (count <= 0 || rollout.state === 'FAILED' || !definition) return
  if (rollout.notBefore > look.now) {
    look.due.push(rollout.notBefore)
    return
  }
  const started: string[] = []
  try {
    for (let n = 0; n < count; n += 1) {
      const task = newServiceTask(service, rollout, parts)
      if (!task) break
      rollout.tasks.add(task)
      started.push(task.record.task.taskArn)
    }
  } catch (error) {
    if (!(error instanceof AwsError)) throw error
    tell(service, eventTexts.unplaced(error.message))
  }
  if (started.length === 0) return
  rollout.updatedAt = new Date()
  tell(service, eventTexts.started(started, Math.min(service.replacing, started.length)))
  service.replacing = 0
}

function newServiceTask(service: ServiceRecord, rollout: Rollout, parts: SchedulerParts): ServiceTask | undefined {
  const { workload } = rollout.revision
  const { definition } = workload
  if (!definition) return undefined
  const input: RunTaskCommandInput = {
    cluster: service.cluster.clusterArn,
    taskDefinition: definition.taskDefinitionArn,
    group: `service:${service.name}`,
    startedBy: rollout.id,
    enableECSManagedTags: service.enableECSManagedTags,
    enableExecuteCommand: service.enableExecuteCommand,
    ...(workload.launchType === undefined ? {} : { launchType: workload.launchType }),
    ...(workload.capacityProviderStrategy ? { capacityProviderStrategy: workload.capacityProviderStrategy } : {}),
    ...(workload.platformVersion === undefined ? {} : { platformVersion: workload.platformVersion }),
    ...(workload.networkConfiguration ? { networkConfiguration: workload.networkConfiguration } : {}),
    ...(service.propagateTags === 'TASK_DEFINITION' ? { propagateTags: 'TASK_DEFINITION' as const } : {}),
    ...(service.propagateTags === 'SERVICE' ? { tags: parts.state.tags.get(service.arn) ?? [] } : {}),
  }
  const plan: TaskPlan = {
    input,
    cluster: service.cluster,
    definition,
    placement: placementOf(input, service.cluster, definition),
    region: service.region,
    accountId: service.accountId,
  }
  let made: ServiceTask | undefined
  const { record, run } = startTask(plan, parts.state, parts.surroundings, {
    digestOf: name => pinnedDigest(rollout, name),
    deactivate: () => leaveTargets(service, rollout, made?.targets ?? [], parts.balancer),
  })
  made = { record, run, runningSince: undefined, targets: [], registered: false, wasHealthy: false, ended: false }
  run.watch.each(() => service.wake.changed())
  return made
}

/**
 * All tasks of a revision run the image that the first one resolved, unless the container switches that off.
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html#deployment-container-image-stability
 */
function pinnedDigest({ revision }: Rollout, name: string): string | undefined {
  const container = revision.workload.definition?.containerDefinitions?.find(one => one.name === name)
  if (container?.versionConsistency === 'disabled') return undefined
  return revision.images.find(({ containerName }) => containerName === name)?.imageDigest
}
