import { randomBytes } from 'node:crypto'
import {
  Cancelled,
  Deadline,
  DeadlineExceeded,
  durationText,
  Failure,
  type Runtime,
} from '@aws-deploy-actions/action-runtime'
import type { Calling } from '@aws-deploy-actions/aws-clients'
import { adviceFor } from '@aws-deploy-actions/ecs'
import type { Task } from '@aws-sdk/client-ecs'
import { taskConsoleUrl } from './console.ts'
import type { Mark } from './find.ts'
import type { TaskInputs } from './inputs.ts'
import { earlierTask, freeLock, type LockPlace, type TaskLock } from './lock.ts'
import { followTaskLogs, type TaskLogs } from './logs.ts'
import type { PreparedTask } from './prepare.ts'
import { NotStarted, orNotStarted, startedTask } from './start.ts'
import { containerState, othersGoOn, stopWords, taskId } from './state.ts'
import { stopTask } from './stop.ts'
import { type TaskEnd, taskEnd } from './watch.ts'

/** What became of one task, filled in as it becomes known. */
export interface TaskRun {
  cluster: string
  region: string
  container?: string
  taskDefinitionArn?: string
  taskArn?: string
  exitCode?: number
  stopCode?: string
  stoppedReason?: string
  /** from RunTask to the container's exit */
  seconds?: number
  logGroup?: string
  lastLines?: readonly string[]
}

export interface RunOptions {
  readonly logs: TaskInputs['logs']
  readonly timeoutMs: number
  readonly lock?: TaskLock
  /** tasks of this step that are over */
  readonly own?: readonly string[]
}

/** Makes a fact known at once, by the name of the output. */
export type Announce = Runtime['output']

/** After a time-out or cancel the process must be gone soon; so long after the deadline nothing may hang (ms). */
const GRACE_MS = 4800
/** While a task is that young, ECS may not have listed an earlier one yet (eventual consistency, ms). */
const YOUNG_MS = 10_000

/**
 * Runs a prepared task until its counted container has exited with 0.
 * @throws NotStarted, DeadlineExceeded, Cancelled, Failure for every other end; what was started has been told to stop
 */
export async function runToItsEnd(
  prepared: PreparedTask,
  options: RunOptions,
  run: TaskRun,
  announce: Announce,
  runtime: Runtime,
): Promise<void> {
  const { ecs, cluster, container, revision, region } = prepared
  const { log } = runtime
  run.container = container
  run.taskDefinitionArn = revision.arn
  await announce('task-definition-arn', revision.arn)

  const mark = markOf(runtime, options.lock)
  await runtime.remember('task', JSON.stringify({ region, cluster, ...mark }))
  const { task, calling } = await taskUnderLock(prepared, options, mark, runtime)
  const arn = task.taskArn ?? ''
  run.taskArn = arn
  const began = runtime.now()
  let logs: TaskLogs | undefined
  try {
    log.info(`Started task ${taskId(arn)} in cluster ${cluster}: ${taskConsoleUrl(region, cluster, arn)}`)
    await announce('task-arn', arn)
    logs = await followTaskLogs(prepared, arn, options.logs, run, announce, runtime)
    const end = await taskEnd(ecs, cluster, arn, container, calling, seen =>
      giveWay(seen, began, prepared, options, calling),
    )
    run.seconds = Math.round((runtime.now() - began) / 100) / 10
    await announceEnd(end, run, announce)
    if (run.exitCode !== undefined)
      log.info(`The container ${container} exited with ${run.exitCode} after ${durationText(run.seconds * 1000)}.`)
    if (othersGoOn(end.task, container))
      await stopTask(ecs, cluster, arn, `The container ${container} is over.`, { clock: runtime, log })
    await runtime.remember('task', '')
    if (end.state.ran) await logs.readTail(calling.deadline)
    run.lastLines = logs.lastLines(container)
    runtime.signal.throwIfAborted()
    throwUnlessSucceeded(end, container, arn, run.lastLines)
  } catch (error) {
    run.lastLines = logs?.lastLines(container) ?? []
    if (run.seconds === undefined && (await stopTask(ecs, cluster, arn, whyStopped(error), { clock: runtime, log }))) {
      await runtime.remember('task', '')
    }
    throw error
  } finally {
    await logs?.stop()
  }
}

/** Starts the task; under a lock only when no other task holds it, and stops it again when another was first. */
async function taskUnderLock(
  prepared: PreparedTask,
  options: RunOptions,
  mark: Mark,
  runtime: Runtime,
): Promise<{ task: Task; calling: Calling }> {
  const { log, signal } = runtime
  const { ecs, cluster, container } = prepared
  const { lock, timeoutMs } = options
  const place = lockPlace(prepared, options)
  const lockedUntil = runtime.now() + (lock?.waitMs ?? 0)
  for (;;) {
    if (lock !== undefined) {
      const waitMs = Math.max(0, lockedUntil - runtime.now())
      const waiting = { clock: runtime, log, signal, deadline: new Deadline(runtime, waitMs + timeoutMs) }
      await orNotStarted(() => freeLock({ ...lock, waitMs }, place, waiting))
    }
    const deadline = new Deadline(
      runtime,
      timeoutMs,
      () =>
        new DeadlineExceeded(`The container ${container} did not end within ${durationText(timeoutMs)}.`, {
          next: ['Raise timeout, or look at the log: what was it busy with?'],
        }),
    )
    runtime.endBy(deadline.at + GRACE_MS)
    const calling: Calling = { clock: runtime, log, signal, deadline }
    const task = await startedTask(ecs, prepared.request, mark, calling)
    try {
      const earlier = lock === undefined ? undefined : await earlierTask(task, lock, place, calling)
      if (earlier === undefined) return { task, calling }
      await stopTask(
        ecs,
        cluster,
        task.taskArn ?? '',
        `Task ${taskId(earlier.taskArn ?? '')} for the same database was first.`,
        { clock: runtime, log },
      )
      if (runtime.now() >= lockedUntil) throw givenWay(earlier, prepared, lock)
    } catch (error) {
      if (!(error instanceof NotStarted))
        await stopTask(ecs, cluster, task.taskArn ?? '', whyStopped(error), { clock: runtime, log })
      throw error
    }
  }
}

async function giveWay(
  seen: Task,
  began: number,
  prepared: PreparedTask,
  options: RunOptions,
  calling: Calling,
): Promise<void> {
  if (options.lock === undefined || calling.clock.now() - began > YOUNG_MS) return
  const earlier = await earlierTask(seen, options.lock, lockPlace(prepared, options), calling)
  if (earlier === undefined) return
  const state = containerState(seen, prepared.container)
  if (state.kind === 'unfinished' && !state.begun) throw givenWay(earlier, prepared, options.lock)
  throw new Failure(
    `Task ${taskId(earlier.taskArn ?? '')} for the ${options.lock.name} was started before; this one had begun already when that showed, and stopped itself.`,
    {
      resource: `${prepared.cluster}, ${options.lock.name}`,
      next: ['Look at the logs of both: for a moment two migrations ran. Run it again when the other one is over.'],
    },
  )
}

function givenWay(earlier: Task, { cluster }: PreparedTask, lock: TaskLock | undefined): NotStarted {
  return new NotStarted(
    `Task ${taskId(earlier.taskArn ?? '')} for the ${lock?.name} was started at the same moment and was first; this one stopped itself.`,
    {
      resource: `${cluster}, ${lock?.name}`,
      next: ['Run it again when the other one is over, or set lock-timeout to wait for it here.'],
    },
  )
}

function lockPlace({ ecs, cluster }: PreparedTask, { own = [] }: RunOptions): LockPlace {
  return { ecs, cluster, own }
}

/** Under a lock `startedBy` is the lock's; the group then tells our task from another one for the same thing. */
function markOf({ environment }: Runtime, lock: TaskLock | undefined): Mark {
  const own = `github/${environment.runId ?? 'local'}-${environment.runAttempt ?? '1'}-${randomBytes(6).toString('hex')}`
  return lock === undefined ? { startedBy: own } : { startedBy: lock.startedBy, group: own }
}

async function announceEnd({ task, state }: TaskEnd, run: TaskRun, announce: Announce): Promise<void> {
  if (state.kind === 'exited') {
    run.exitCode = state.exitCode
    await announce('exit-code', state.exitCode)
  }
  if (run.seconds !== undefined) await announce('duration-seconds', run.seconds)
  if (task.stopCode !== undefined) {
    run.stopCode = task.stopCode
    await announce('stop-code', task.stopCode)
  }
  if (task.stoppedReason !== undefined) {
    run.stoppedReason = task.stoppedReason
    await announce('stopped-reason', task.stoppedReason)
  }
}

const OWN_FAULT = {
  cause: 'The program in the container failed by itself.',
  next: ['Its last lines say why; the whole log is in the log group of the container.'],
}

function throwUnlessSucceeded(
  { task, state }: TaskEnd,
  container: string,
  arn: string,
  lastLines: readonly string[],
): void {
  if (state.kind === 'exited' && state.exitCode === 0) return
  const said = stopWords(task)
  const details = {
    resource: arn,
    said,
    seen: lastLines.slice(-5),
    ...(adviceFor(said, state.kind === 'exited' ? state.exitCode : undefined, lastLines) ?? OWN_FAULT),
  }
  if (!state.ran)
    throw new NotStarted(`The container ${container} never ran: there is no exit code of its own.`, details)
  if (state.kind === 'exited') throw new Failure(`The container ${container} exited with ${state.exitCode}.`, details)
  throw new Failure(
    `The container ${container} ended without an exit code: whether it succeeded is not known.`,
    details,
  )
}

function whyStopped(error: unknown): string {
  if (error instanceof Cancelled) return 'The workflow run that started it was cancelled.'
  return error instanceof Error ? error.message : 'The step that started it failed.'
}
