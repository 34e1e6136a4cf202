import { durationText, Failure } from '@aws-deploy-actions/action-runtime'
import { type Calling, poll } from '@aws-deploy-actions/aws-clients'
import type { ECSClient, Task } from '@aws-sdk/client-ecs'
import { describedTasks } from './find.ts'
import { type ContainerState, containerState, taskId } from './state.ts'

const LOOK_EVERY_MS = 2000
/**
 * A task that only looks at a database, or has nothing to migrate, is over soon after it began: at first half the time between
 * two looks. ListTasks and DescribeTasks share 20 calls a second of an account (ECS API reference, "Request throttling").
 */
const FIRST_LOOKS_EVERY_MS = 1000
const FIRST_LOOKS_MS = 30_000
/** DescribeTasks can say MISSING for a moment after RunTask; longer than this it is a failure (ms). */
const MISSING_MS = 60_000
const STILL_EVERY_MS = 60_000

/** How the counted container ended, and the task as it was then. */
export interface TaskEnd {
  readonly task: Task
  readonly state: Exclude<ContainerState, { kind: 'unfinished' }>
}

/**
 * Watches a task until its counted container is over; prints changes only.
 * @param onLook sees the task at every look, e.g. to give way to another one
 * @throws Failure when ECS does not know the task any more, DeadlineExceeded, the signal's reason
 */
export async function taskEnd(
  ecs: ECSClient,
  cluster: string,
  arn: string,
  container: string,
  calling: Calling,
  onLook: (task: Task) => Promise<void> = async () => {},
): Promise<TaskEnd> {
  const { clock, log } = calling
  const began = clock.now()
  let lastSeen = began
  let shown = ''
  let shownAt = began
  const everyMs = (): number => (clock.now() - began < FIRST_LOOKS_MS ? FIRST_LOOKS_EVERY_MS : LOOK_EVERY_MS)
  return poll(calling, everyMs, async () => {
    const [task] = await describedTasks(ecs, cluster, [arn], calling)
    if (task === undefined) {
      if (clock.now() - lastSeen > MISSING_MS) {
        throw new Failure(
          `ECS has not known the task ${taskId(arn)} for ${durationText(clock.now() - lastSeen)}: how it ended cannot be seen.`,
          {
            resource: arn,
            next: ['Look for it in the cluster, and at its logs, before you run it again.'],
          },
        )
      }
      return undefined
    }
    lastSeen = clock.now()
    const words = statusWords(task)
    if (words !== shown) log.info(`Task ${taskId(arn)}: ${words}`)
    else if (clock.now() - shownAt >= STILL_EVERY_MS)
      log.info(`Task ${taskId(arn)}: still ${words} after ${durationText(clock.now() - began)}`)
    if (words !== shown || clock.now() - shownAt >= STILL_EVERY_MS) shownAt = clock.now()
    shown = words
    const state = containerState(task, container)
    if (state.kind !== 'unfinished') return { task, state }
    await onLook(task)
    return undefined
  })
}

function statusWords({ lastStatus = 'UNKNOWN', containers = [] }: Task): string {
  if (containers.length < 2) return lastStatus
  return `${lastStatus} (${containers.map(({ name, lastStatus: status, exitCode }) => `${name} ${exitCode === undefined ? status : `exited ${exitCode}`}`).join(', ')})`
}
