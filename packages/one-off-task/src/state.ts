import type { Container, Task } from '@aws-sdk/client-ecs'

/** Where the counted container of a task stands. */
export type ContainerState =
  /** not begun, or running */
  | { readonly kind: 'unfinished'; readonly begun: boolean }
  | { readonly kind: 'exited'; readonly exitCode: number; readonly ran: boolean }
  /** over, and no exit code will come: it never ran, or ECS lost sight of it */
  | { readonly kind: 'without-exit-code'; readonly ran: boolean }

// From DEPROVISIONING on every container has stopped (ECS Developer Guide, "Task lifecycle").
const CONTAINERS_OVER = new Set(['DEPROVISIONING', 'STOPPED', 'DELETED'])

/**
 * The state of one container in what DescribeTasks returned. The exit code is there before the task is STOPPED; it is
 * absent for ever when the container never started, and a container whose dependency failed gets a synthetic 143
 * without ever having had a runtime id (amazon-ecs-agent, pull request 3218).
 */
export function containerState(task: Task, name: string): ContainerState {
  const container = task.containers?.find(entry => entry.name === name)
  const ran = hasRun(task, container)
  if (container?.exitCode !== undefined) return { kind: 'exited', exitCode: container.exitCode, ran }
  // A task that failed to start has no exit code to come; for another one it could still be on its way.
  const over =
    task.lastStatus === 'DEPROVISIONING'
      ? task.stopCode === 'TaskFailedToStart'
      : CONTAINERS_OVER.has(task.lastStatus ?? '')
  if (over) return { kind: 'without-exit-code', ran }
  return { kind: 'unfinished', begun: container?.lastStatus === 'RUNNING' || container?.runtimeId !== undefined }
}

function hasRun({ stopCode }: Task, container: Container | undefined): boolean {
  if (container === undefined || container.runtimeId !== undefined) return container !== undefined
  return container.exitCode !== undefined && container.exitCode !== 143 && stopCode !== 'TaskFailedToStart'
}

/** Is another container still going on, or about to? */
export function othersGoOn(task: Task, name: string): boolean {
  if (CONTAINERS_OVER.has(task.lastStatus ?? '') || task.desiredStatus === 'STOPPED') return false
  return (task.containers ?? []).some(
    container => container.name !== name && container.exitCode === undefined && container.lastStatus !== 'STOPPED',
  )
}

/** Is any container of the task still going on, or about to? Such a task holds a lock. */
export function goesOn(task: Task): boolean {
  if (CONTAINERS_OVER.has(task.lastStatus ?? '')) return false
  const containers = task.containers ?? []
  return containers.length === 0 || containers.some(({ lastStatus }) => lastStatus !== 'STOPPED')
}

/** Did the last container end so recently (ms), or does one go on? */
export function endedWithin({ executionStoppedAt }: Task, ms: number, now: number): boolean {
  return now - (executionStoppedAt?.getTime() ?? now) < ms
}

/** Of two tasks for the same thing, the one that was created later has to go; the ARN decides between equals. */
export function isLater(task: Task, other: Task): boolean {
  const created = (entry: Task): number => entry.createdAt?.getTime() ?? 0
  return created(task) === created(other)
    ? (task.taskArn ?? '') > (other.taskArn ?? '')
    : created(task) > created(other)
}

/** Everything that AWS says about the end of a task, in one line. */
export function stopWords({ stopCode, stoppedReason, containers = [] }: Task): string {
  const head = [stopCode, stoppedReason].filter(Boolean).join(': ')
  const words = containers.flatMap(({ name, exitCode, reason }) => {
    if (reason === undefined && exitCode === undefined) return []
    const code = exitCode === undefined ? 'no exit code' : `exit code ${exitCode}`
    // The task's reason often is the container's, word for word.
    return [`${name}: ${reason === undefined || head.includes(reason) ? code : `${code}, ${reason}`}`]
  })
  return [head === '' ? 'no stop reason yet' : head, ...words].join('; ')
}

/** The last part of a task's ARN. */
export function taskId(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1)
}
