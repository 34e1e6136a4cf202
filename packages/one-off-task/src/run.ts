import { Cancelled, Deadline, durationText, Failure, type Runtime } from '@aws-deploy-actions/action-runtime'
import { type Calling, poll } from '@aws-deploy-actions/aws-clients'
import type { Task } from '@aws-sdk/client-ecs'
import { taskConsoleUrl } from './console.ts'
import { announceEnd, hasSucceeded, throwAsFailed } from './end.ts'
import { describedTasks, type Mark } from './find.ts'
import type { TaskInputs } from './inputs.ts'
import { earlierTask, freeLock, type LockPlace, ownMark, type TaskLock } from './lock.ts'
import { followTaskLogs, type TaskLogs } from './logs.ts'
import { GRACE_MS, type PreparedTask } from './prepare.ts'
import { NotStarted, orNotStarted, startedTask } from './start.ts'
import { containerState, othersGoOn, taskId } from './state.ts'
import { stopTask } from './stop.ts'
import { taskEnd } from './watch.ts'

/** What became of one task, filled in as it becomes known. */
export interface TaskRun {
  cluster: string
  region: string
  container?: string
  taskDefinitionArn?: string
  taskArn?: string
  /** of the counted container itself: a synthetic code of one that never ran is none */
  exitCode?: number
  stopCode?: string
  stoppedReason?: string
  /** from RunTask to the container's exit */
  seconds?: number
  logGroup?: string
  /** the container that `lastLines` are of */
  lastLinesOf?: string
  lastLines?: readonly string[]
}

export interface RunOptions {
  readonly logs: TaskInputs['logs']
  readonly timeoutMs: number
  readonly lock?: TaskLock
  /** tasks of this step that are over */
  readonly own?: readonly string[]
  /** settles when the lines of the task before have been printed */
  readonly linesAfter?: Promise<void>
}

/** A task whose counted container has exited with 0. */
export interface SucceededTask {
  /** Settles when its last lines have been printed, or cannot be had in time; never rejects. Nothing ends it when it hangs. */
  readonly linesRead: Promise<void>
  /** ms since the epoch: a step that still waits for them then hangs */
  readonly endBy: number
}

/** Waits for the last lines; the step ends where that hangs. */
export async function lastLinesRead({ linesRead, endBy }: SucceededTask, runtime: Runtime): Promise<void> {
  runtime.endBy(Math.max(endBy, runtime.now() + GRACE_MS))
  await linesRead
  runtime.endBy(undefined)
}

/** Makes a fact known at once, by the name of the output. */
export type Announce = Runtime['output']

/** What was told to stop may take so long to show that it does (ms). */
const SETTLING_MS = 10_000
/** While a task is that young, ECS may not have listed an earlier one yet (eventual consistency, ms). */
const YOUNG_MS = 10_000

/** Another task for the same thing was started before; ours has been told to stop. */
class GivesWay extends Error {
  readonly earlier: Task
  constructor(earlier: Task) {
    super(`Task ${taskId(earlier.taskArn ?? '')} for the same thing was started before.`)
    this.earlier = earlier
  }
}

/** As `runToSuccess`, and until its last lines have been printed. */
export async function runToItsEnd(
  prepared: PreparedTask,
  options: RunOptions,
  run: TaskRun,
  announce: Announce,
  runtime: Runtime,
): Promise<void> {
  await lastLinesRead(await runToSuccess(prepared, options, run, announce, runtime), runtime)
  runtime.signal.throwIfAborted()
}

/**
 * Runs a prepared task until its counted container has exited with 0; under a lock only while no other task holds it. Its last
 * lines are still being read then.
 * @throws NotStarted, DeadlineExceeded, Cancelled, Failure for every other end; what was started has been told to stop
 */
export async function runToSuccess(
  prepared: PreparedTask,
  options: RunOptions,
  run: TaskRun,
  announce: Announce,
  runtime: Runtime,
): Promise<SucceededTask> {
  const { log, signal } = runtime
  const { cluster, container, revision, region } = prepared
  const { lock, timeoutMs } = options
  run.container = container
  run.taskDefinitionArn = revision.arn
  await announce('task-definition-arn', revision.arn)

  const mark: Mark =
    lock === undefined ? { startedBy: ownMark(runtime.environment) } : { startedBy: lock.startedBy, group: lock.group }
  const lockedUntil = runtime.now() + (lock?.waitMs ?? 0)
  for (;;) {
    if (lock !== undefined) {
      const waitMs = Math.max(0, lockedUntil - runtime.now())
      const waiting = { clock: runtime, log, signal, deadline: new Deadline(runtime, waitMs + timeoutMs) }
      runtime.endBy(waiting.deadline.at + GRACE_MS)
      await orNotStarted(() => freeLock({ ...lock, waitMs }, lockPlace(prepared, options), waiting))
    }
    const deadline = new Deadline(runtime, timeoutMs, {
      what: `The container ${container} did not end within ${durationText(timeoutMs)}.`,
      next: ['Raise timeout, or look at the log: what was it busy with?'],
    })
    runtime.endBy(deadline.at + GRACE_MS)
    await runtime.remember('task', JSON.stringify({ region, cluster, ...mark }))
    try {
      return await runOnce(prepared, mark, options, run, announce, runtime, { clock: runtime, log, signal, deadline })
    } catch (error) {
      // What certainly never was started needs no clean-up.
      if (error instanceof NotStarted && run.taskArn === undefined) await runtime.remember('task', '')
      if (!(error instanceof GivesWay)) throw error
      const fate = await fateOf(run, prepared, runtime)
      if (fate === 'goes on') throw goesOnBeside(error.earlier, run, prepared, lock)
      if (fate === 'began') throw ranBeside(error.earlier, prepared, lock)
      if (runtime.now() >= lockedUntil) throw gaveWay(error.earlier, prepared, lock)
    } finally {
      runtime.endBy(undefined)
    }
  }
}

async function runOnce(
  prepared: PreparedTask,
  mark: Mark,
  options: RunOptions,
  run: TaskRun,
  announce: Announce,
  runtime: Runtime,
  calling: Calling,
): Promise<SucceededTask> {
  const { log } = runtime
  const { ecs, cluster, container, region } = prepared
  const began = runtime.now()
  const task = await startedTask(ecs, prepared.request, mark, calling)
  const arn = task.taskArn ?? ''
  run.taskArn = arn
  let over = false
  let logs: TaskLogs | undefined
  const stop = async (why: string): Promise<void> => {
    if (await stopTask(ecs, cluster, arn, why, { clock: runtime, log })) await runtime.remember('task', '')
  }
  try {
    log.info(`Started task ${taskId(arn)} in cluster ${cluster}: ${taskConsoleUrl(region, cluster, arn)}`)
    await announce('task-arn', arn)
    await giveWay(task, prepared, options, calling)
    const followed = await followTaskLogs(prepared, arn, options, run, announce, runtime)
    logs = followed
    const end = await taskEnd(ecs, cluster, arn, container, calling, async seen => {
      if (runtime.now() - began < YOUNG_MS) await giveWay(seen, prepared, options, calling)
    })
    over = true
    await announceEnd(end, container, (runtime.now() - began) / 1000, run, announce, log)
    if (othersGoOn(end.task, container)) await stop(`The container ${container} is over.`)
    else await runtime.remember('task', '')
    const linesRead = followed.readTail(end.task, calling.deadline)
    if (hasSucceeded(end)) return { linesRead: linesRead.then(followed.stop), endBy: calling.deadline.at + GRACE_MS }
    await linesRead
    runtime.signal.throwIfAborted()
    throwAsFailed(end, container, arn, followed, run)
  } catch (error) {
    if (!over) await stop(whyStopped(error))
    if (run.lastLines === undefined && logs !== undefined) {
      run.lastLinesOf = container
      run.lastLines = logs.lastLines(container)
    }
    await logs?.stop()
    throw error
  }
}

/** @throws GivesWay when another task for the same thing was created before */
async function giveWay(ours: Task, prepared: PreparedTask, options: RunOptions, calling: Calling): Promise<void> {
  const earlier =
    options.lock === undefined
      ? undefined
      : await earlierTask(ours, options.lock, lockPlace(prepared, options), calling)
  if (earlier !== undefined) throw new GivesWay(earlier)
}

/** Watches what was told to stop: has its container begun, and does it really stop? What cannot be seen counts as going on. */
async function fateOf(
  { taskArn = '' }: TaskRun,
  { ecs, cluster, container }: PreparedTask,
  runtime: Runtime,
): Promise<'never began' | 'began' | 'goes on'> {
  const settled = new Deadline(runtime, SETTLING_MS)
  const deadline = new Deadline(runtime, 2 * SETTLING_MS)
  const calling = { clock: runtime, log: runtime.log, signal: runtime.signal, deadline }
  return poll(calling, 1000, async () => {
    const [task] = await describedTasks(ecs, cluster, [taskArn], calling)
    const state = task === undefined ? undefined : containerState(task, container)
    if (state !== undefined && state.kind !== 'unfinished') return state.ran ? 'began' : 'never began'
    const stops = task?.desiredStatus === 'STOPPED'
    if (stops && state?.begun) return 'began'
    if (settled.left > 0) return undefined
    return stops ? 'never began' : 'goes on'
  })
}

function gaveWay(earlier: Task, { cluster }: PreparedTask, lock: TaskLock | undefined): NotStarted {
  return new NotStarted(
    `Task ${taskId(earlier.taskArn ?? '')} for the ${lock?.name} was started at the same moment and was first; this one stopped itself.`,
    {
      resource: `${cluster}, ${lock?.name}`,
      next: ['Run it again when the other one is over, or set lock-timeout to wait for it here.'],
    },
  )
}

function goesOnBeside(
  earlier: Task,
  { taskArn = '' }: TaskRun,
  { cluster }: PreparedTask,
  lock: TaskLock | undefined,
): Failure {
  return new Failure(
    `Task ${taskId(earlier.taskArn ?? '')} for the ${lock?.name} was started before, and this one could not be stopped: both may run.`,
    {
      resource: `${cluster}, ${lock?.name}`,
      next: [`Stop it at once: aws ecs stop-task --cluster ${cluster} --task ${taskArn}`, 'Look at the logs of both.'],
    },
  )
}

function ranBeside(earlier: Task, { cluster, container }: PreparedTask, lock: TaskLock | undefined): Failure {
  return new Failure(
    `Task ${taskId(earlier.taskArn ?? '')} for the ${lock?.name} was started before, and that showed late: the container ${container} had begun when it was stopped.`,
    {
      resource: `${cluster}, ${lock?.name}`,
      next: ['Look at the logs of both: for a moment two ran. Run it again when the other one is over.'],
    },
  )
}

function lockPlace({ ecs, cluster }: PreparedTask, { own = [] }: RunOptions): LockPlace {
  return { ecs, cluster, own }
}

function whyStopped(error: unknown): string {
  if (error instanceof Cancelled) return 'The workflow run that started it was cancelled.'
  return error instanceof Error ? error.message : 'The step that started it failed.'
}
