import { createHash, randomBytes } from 'node:crypto'
import { Deadline, durationText, type RunnerEnvironment } from '@aws-deploy-actions/action-runtime'
import { type Calling, poll } from '@aws-deploy-actions/aws-clients'
import type { ECSClient, Task } from '@aws-sdk/client-ecs'
import { type Mark, markedTasks } from './find.ts'
import { NotStarted } from './start.ts'
import { endedWithin, goesOn, isLater, taskId } from './state.ts'

/**
 * A lock without a lock server: every task for the same thing carries the same `startedBy`, which ListTasks can filter
 * by. Whoever finds another one going on waits or gives up; of two that start at once, the later one stops itself.
 * `group` tells the tasks of one lock apart, and says when another task is to follow under it.
 */
export interface TaskLock extends Required<Mark> {
  /** what is locked, for messages: `database shop` */
  readonly name: string
  /** how long to wait for the lock (ms) */
  readonly waitMs: number
}

/**
 * A first task with this and its counted container at the end of its group keeps the lock after that container's success,
 * until the second one is there.
 */
const FIRST_OF_TWO = '/1-of-2/'
const SECOND_OF_TWO = '/2-of-2'
/** `group` takes 255 characters (ECS does not say so; it is the length of most of its names). */
const CONTAINER_CHARACTERS = 100
/** So long the second task may be in coming: it may have to wait for room. Nor do AWS's clock and ours quite agree (ms). */
const GAP_MS = 120_000
const TELL_EVERY_MS = 60_000

/** Marks a task as one of this run's. */
export function ownMark({ runId = 'local', runAttempt = '1' }: RunnerEnvironment): string {
  return `github/${runId}-${runAttempt}-${randomBytes(6).toString('hex')}`
}

/** The lock of one database in one cluster. */
export function databaseLock(database: string, waitMs: number, group: string): TaskLock {
  // startedBy takes 128 characters of [A-Za-z0-9-_/] (API reference, RunTask); the hash keeps names apart that look alike then.
  const readable = database.replace(/[^A-Za-z0-9_-]/g, '-').slice(0, 60)
  const hash = createHash('sha256').update(database).digest('hex').slice(0, 12)
  return { name: `database ${database}`, startedBy: `migration/${readable}/${hash}`, group, waitMs }
}

/** The lock for two tasks, one after the other when `container` of the first has succeeded, with nobody between them. */
export function lockForTwo(lock: TaskLock, container: string): readonly [first: TaskLock, second: TaskLock] {
  return [
    { ...lock, group: lock.group + FIRST_OF_TWO + container.slice(0, CONTAINER_CHARACTERS) },
    { ...lock, group: lock.group + SECOND_OF_TWO },
  ]
}

/** Where a lock holds, and the tasks of this step, which never stand in its own way. */
export interface LockPlace {
  readonly ecs: ECSClient
  readonly cluster: string
  readonly own: readonly string[]
}

/**
 * Waits until no other task holds the lock.
 * @throws NotStarted naming the holder when the lock is not free in time
 */
export async function freeLock(lock: TaskLock, place: LockPlace, calling: Calling): Promise<void> {
  const { clock, log } = calling
  const began = clock.now()
  const until = new Deadline(clock, lock.waitMs)
  let told: { readonly id: string; readonly at: number } | undefined
  await poll(calling, 2000, async () => {
    const [holder] = await otherHolders(lock, place, calling)
    if (holder === undefined) return true
    const id = taskId(holder.taskArn ?? '')
    if (until.left === 0) {
      throw new NotStarted(`The ${lock.name} is being migrated by task ${id}; nothing was started.`, {
        resource: `${place.cluster}, ${lock.name}`,
        next: ['Wait until that task is over and run this again, or set lock-timeout to wait for it here.'],
      })
    }
    if (told?.id !== id) log.info(`The ${lock.name} is being migrated by task ${id}; waiting for it.`)
    else if (clock.now() - told.at >= TELL_EVERY_MS)
      log.info(`Still waiting for task ${id}, for ${durationText(clock.now() - began)} now.`)
    if (told?.id !== id || clock.now() - told.at >= TELL_EVERY_MS) told = { id, at: clock.now() }
    return undefined
  })
}

/** The task before which `ours` has to give way: one for the same thing that goes on and was created earlier. */
export async function earlierTask(
  ours: Task,
  lock: TaskLock,
  place: LockPlace,
  calling: Calling,
): Promise<Task | undefined> {
  return (await otherHolders(lock, place, calling)).find(task => task.taskArn !== ours.taskArn && isLater(ours, task))
}

// Tasks that are stopping count until their containers are over; the first of two until the second is there.
async function otherHolders(
  { startedBy }: TaskLock,
  { ecs, cluster, own }: LockPlace,
  calling: Calling,
): Promise<Task[]> {
  const tasks = await markedTasks(ecs, cluster, { startedBy }, calling, true)
  const groups = new Set(tasks.map(({ group }) => group))
  const secondIsDue = (task: Task): boolean => {
    const [both = '', start] = task.group?.split(FIRST_OF_TWO) ?? []
    const counted = task.containers?.find(({ name }) => name?.slice(0, CONTAINER_CHARACTERS) === start)
    return (
      counted?.exitCode === 0 && !groups.has(both + SECOND_OF_TWO) && endedWithin(task, GAP_MS, calling.clock.now())
    )
  }
  return tasks.filter(
    task => task.taskArn !== undefined && !own.includes(task.taskArn) && (goesOn(task) || secondIsDue(task)),
  )
}
