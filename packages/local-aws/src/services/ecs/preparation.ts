import { PullError } from '../../engine.ts'
import type { LogGroup } from '../logs/store.ts'
import { durations } from './durations.ts'
import { cannotCreateLogStream, cannotPull, cannotRetrieveSecrets } from './reasons.ts'
import { type ContainerRun, requestStop, type TaskRun, update } from './task-run.ts'

/** What the containers get when they start. */
export interface Preparation {
  readonly secrets: ReadonlyMap<ContainerRun, Readonly<Record<string, string>>>
  readonly logs: ReadonlyMap<ContainerRun, LogPlace>
}

/** Where a container logs to. The stream is made when the container starts, not before. */
export interface LogPlace {
  readonly group: LogGroup
  readonly stream: string
}

/**
 * Fetches secrets, finds log groups and pulls images; undefined when that failed and the task was asked to stop
 * (TaskFailedToStart).
 */
export async function prepare(run: TaskRun): Promise<Preparation | undefined> {
  const { failsToStart } = run.surroundings.scripts.of(run.definition.family)
  if (failsToStart !== undefined) return failToStart(run, failsToStart)
  const secrets = resolvedSecrets(run)
  const logs = secrets && logPlaces(run)
  if (!secrets || !logs) return undefined
  return (await pulled(run)) ? { secrets, logs } : undefined
}

function resolvedSecrets(run: TaskRun): Map<ContainerRun, Record<string, string>> | undefined {
  const resolved = new Map<ContainerRun, Record<string, string>>()
  for (const container of run.containers) {
    const values: Record<string, string> = {}
    for (const { name = '', valueFrom = '' } of container.definition.secrets ?? []) {
      try {
        values[name] = run.surroundings.secretValue(valueFrom, run.region)
      } catch (error) {
        return failToStart(run, cannotRetrieveSecrets(messageOf(error)))
      }
    }
    resolved.set(container, values)
  }
  return resolved
}

function logPlaces(run: TaskRun): Map<ContainerRun, LogPlace> | undefined {
  const places = new Map<ContainerRun, LogPlace>()
  const { logs } = run.surroundings
  const taskId = run.task.taskArn.split('/').at(-1) ?? ''
  for (const container of run.containers) {
    const { logConfiguration } = container.definition
    if (logConfiguration?.logDriver !== 'awslogs') continue
    const options = logConfiguration.options ?? {}
    const region = options['awslogs-region'] ?? run.region
    const name = options['awslogs-group'] ?? ''
    const create = options['awslogs-create-group'] === 'true'
    const group = logs.groups(region).get(name) ?? (create ? logs.createGroup(region, name) : undefined)
    if (!group) {
      return failToStart(
        run,
        cannotCreateLogStream('ResourceNotFoundException: The specified log group does not exist.'),
      )
    }
    // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specify-log-config.html: prefix/container/task-id
    const prefix = options['awslogs-stream-prefix']
    const stream =
      prefix === undefined
        ? (container.record.runtimeId ?? `${taskId}-${container.definition.name}`)
        : `${prefix}/${container.definition.name}/${taskId}`
    places.set(container, { group, stream })
  }
  return places
}

async function pulled(run: TaskRun): Promise<boolean> {
  const { cloud, engine } = run.surroundings
  update(run, { pullStartedAt: new Date() })
  const failures = await Promise.all(
    run.containers.map(async container => {
      try {
        container.image = await engine.pull(
          pinned(container.definition.image ?? '', run.digestOf(container.definition.name)),
        )
        if (container.image.digest !== undefined) container.record.imageDigest = container.image.digest
        return undefined
      } catch (error) {
        if (!(error instanceof PullError)) throw error
        return { container, reason: cannotPull(error.message) }
      }
    }),
  )
  const [failure] = failures.filter(candidate => candidate !== undefined)
  if (!failure) {
    update(run, { pullStoppedAt: new Date() })
    return true
  }
  await cloud.pause(durations.pullRetry)
  failure.container.record.reason = failure.reason
  // Fargate gives up when any image cannot be pulled, essential or not (agent, task_manager.go: "The task should be
  // stopped regardless of whether this container is essential or non-essential")
  failToStart(run, failure.reason)
  return false
}

/** Within one service revision a tag keeps the meaning that it had for the first task ("software version consistency"). */
function pinned(image: string, digest: string | undefined): string {
  return digest === undefined ? image : `${image.replace(/@sha256:.*$/, '').replace(/:[^:/]+$/, '')}@${digest}`
}

function failToStart(run: TaskRun, reason: string): undefined {
  requestStop(run, { stopCode: 'TaskFailedToStart', reason })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
