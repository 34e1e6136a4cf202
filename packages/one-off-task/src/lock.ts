import { createHash } from 'node:crypto'
import { Deadline } from '@aws-deploy-actions/action-runtime'
import { type Calling, poll } from '@aws-deploy-actions/aws-clients'
import type { ECSClient, Task } from '@aws-sdk/client-ecs'
import { markedTasks } from './find.ts'
import { NotStarted } from './start.ts'
import { goesOn, isLater, taskId } from './state.ts'

/**
 * A lock without a lock server: every task for the same thing carries the same `startedBy`, which ListTasks can filter
 * by. Whoever finds another one going on waits or gives up; of two that start at once, the later one stops itself.
 */
export interface TaskLock {
  /** what is locked, for messages: `database shop` */
  readonly name: string
  readonly startedBy: string
  /** how long to wait for the lock (ms) */
  readonly waitMs: number
}

/** The lock of one database in one cluster. */
export function databaseLock(database: string, waitMs: number): TaskLock {
  // startedBy takes 128 characters of [A-Za-z0-9-_/] (API reference, RunTask); the hash keeps names apart that look alike then.
  const readable = database.replace(/[^A-Za-z0-9_-]/g, '-').slice(0, 60)
  const hash = createHash('sha256').update(database).digest('hex').slice(0, 12)
  return { name: `database ${database}`, startedBy: `migration/${readable}/${hash}`, waitMs }
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
  const { clock, log, signal } = calling
  const until = new Deadline(clock, lock.waitMs + 1)
  let told = false
  let holder: Task | undefined
  const busy = (): NotStarted =>
    new NotStarted(
      `The ${lock.name} is being migrated by task ${taskId(holder?.taskArn ?? '')}; nothing was started.`,
      {
        resource: `${place.cluster}, ${lock.name}`,
        next: ['Wait until that task is over and run this again, or set lock-timeout to wait for it here.'],
      },
    )
  await poll({ clock, deadline: calling.deadline, ...(signal === undefined ? {} : { signal }) }, 2000, async () => {
    holder = (await othersGoingOn(lock, place, calling))[0]
    if (holder === undefined) return true
    if (until.left <= 1) throw busy()
    if (!told) log.info(`The ${lock.name} is being migrated by task ${taskId(holder.taskArn ?? '')}; waiting for it.`)
    told = true
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
  return (await othersGoingOn(lock, place, calling)).find(task => task.taskArn !== ours.taskArn && isLater(ours, task))
}

// Tasks that are stopping count until their containers are over.
async function othersGoingOn(
  { startedBy }: TaskLock,
  { ecs, cluster, own }: LockPlace,
  calling: Calling,
): Promise<Task[]> {
  const tasks = await markedTasks(ecs, cluster, { startedBy }, calling, ['RUNNING', 'STOPPED'])
  return tasks.filter(task => task.taskArn !== undefined && !own.includes(task.taskArn) && goesOn(task))
}
