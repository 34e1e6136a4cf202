import { randomUUID } from 'node:crypto'
import { asFailure, Deadline, DeadlineExceeded, durationText, Failure } from '@aws-deploy-actions/action-runtime'
import { AwsError, type Calling, call } from '@aws-deploy-actions/aws-clients'
import { adviceFor } from '@aws-deploy-actions/ecs'
import {
  type ECSClient,
  RunTaskCommand,
  type RunTaskCommandInput,
  type RunTaskCommandOutput,
  type Task,
} from '@aws-sdk/client-ecs'
import { type Mark, markedTasks } from './find.ts'
import { CLEAN_UP_MS, stopTask } from './stop.ts'

/** The counted container never ran: nothing has happened, and it is safe to try again. */
export class NotStarted extends Failure {
  override readonly name = 'NotStarted'
  override readonly status = 'not-started'
}

/** What fails before a task is started has started nothing; a cancel or time-out stays what it is. */
export async function orNotStarted<Value>(body: () => Promise<Value>): Promise<Value> {
  try {
    return await body()
  } catch (error) {
    const failure = asFailure(error)
    if (failure.status !== 'failed') throw failure
    throw new NotStarted(failure.message, failure.details, { cause: failure.cause ?? failure })
  }
}

/** Between two tries for room in the cluster (ms). */
const CAPACITY_RETRY_MS = 5000
const TELL_EVERY_MS = 60_000

/**
 * Starts one task. Room that is lacking is waited for until the deadline. A request whose answer was lost is repeated
 * with its `clientToken`, so that ECS starts no second task; after an answer with `failures` the token is new.
 *
 * @throws NotStarted, DeadlineExceeded, the signal's reason (after having told a task that may have been started to stop)
 */
export async function startedTask(
  ecs: ECSClient,
  request: RunTaskCommandInput,
  mark: Mark,
  calling: Calling,
): Promise<Task> {
  const { clock, log, deadline, signal } = calling
  const began = clock.now()
  let toldAt = began
  for (let tries = 1; ; tries++) {
    const { tasks = [], failures = [] } = await answered(
      ecs,
      { ...request, ...mark, clientToken: randomUUID() },
      mark,
      calling,
    )
    const [task] = tasks
    if (task?.taskArn !== undefined) return task
    const words = failures.map(({ arn, reason, detail }) => [reason, detail, arn].filter(Boolean).join(', ')).join('; ')
    const said = words === '' ? 'RunTask returned neither a task nor a failure' : words
    const retryable = failures.length > 0 && failures.every(({ reason, arn }) => lacksRoom(reason, arn))
    if (!retryable) throw new NotStarted('ECS did not start the task.', { said, ...adviceFor(said) })
    if (deadline.left < 100) {
      throw new NotStarted(`ECS had no room for the task for ${durationText(clock.now() - began)}.`, {
        said,
        ...adviceFor(said),
      })
    }
    if (tries === 1) log.info(`No room for the task yet (${said}); trying again until it fits or the time is over.`)
    else if (clock.now() - toldAt > TELL_EVERY_MS)
      log.info(`No room for the task for ${durationText(clock.now() - began)} (${said}).`)
    if (tries === 1 || clock.now() - toldAt > TELL_EVERY_MS) toldAt = clock.now()
    const pause = Math.min(CAPACITY_RETRY_MS, tries * 1500) * (0.9 + Math.random() * 0.2)
    // The last try is made shortly before the time is over.
    await clock.sleep(Math.min(pause, Math.max(50, deadline.left - 1000)), signal)
  }
}

// RESOURCE:* (CPU, MEMORY, ENI, PORTS), AGENT, and Fargate's "Capacity is unavailable at this time" (ECS API reference,
// "API failure reasons"); ATTRIBUTE, INACTIVE, MISSING do not go away by waiting.
function lacksRoom(reason = '', arn: string | undefined): boolean {
  return /^(?:RESOURCE:|AGENT\b)/.test(reason) || (arn === undefined && /capacity is unavailable/i.test(reason))
}

async function answered(
  ecs: ECSClient,
  request: RunTaskCommandInput,
  mark: Mark,
  calling: Calling,
): Promise<RunTaskCommandOutput> {
  const { signal, deadline, clock, log } = calling
  // A request under way is not broken off by a cancel: it may have been carried out, and its answer names the task.
  const answer = call('ecs:RunTask', { clock, log, deadline }, options => {
    signal?.throwIfAborted()
    return ecs.send(new RunTaskCommand(request), options)
  })
  try {
    return await orAborted(answer, signal)
  } catch (error) {
    if (signal?.aborted || error instanceof DeadlineExceeded)
      await stopWhatStarted(ecs, request.cluster ?? 'default', answer, mark, calling)
    signal?.throwIfAborted()
    if (error instanceof AwsError) {
      const { said = '' } = error.details
      throw new NotStarted('ECS refused to start the task.', { ...error.details, ...adviceFor(said) }, { cause: error })
    }
    if (error instanceof DeadlineExceeded && /throttl|rate exceeded/i.test(error.details.said ?? '')) {
      throw new NotStarted('ECS throttled RunTask until the time was over.', error.details, { cause: error })
    }
    if (error instanceof Failure && error.status === 'failed')
      throw new NotStarted(error.message, error.details, { cause: error })
    throw error
  }
}

/** Settles as the promise does, or rejects with the signal's reason as soon as it aborts. */
async function orAborted<Value>(promise: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (signal === undefined) return promise
  return new Promise((settle, fail) => {
    const abort = (): void => fail(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    promise.then(settle, fail).finally(() => signal.removeEventListener('abort', abort))
  })
}

/** After a cancel or the deadline in the middle of RunTask: the answer or a look at the cluster tells whether there is a task to stop. */
async function stopWhatStarted(
  ecs: ECSClient,
  cluster: string,
  answer: Promise<RunTaskCommandOutput>,
  mark: Mark,
  { clock, log }: Calling,
): Promise<void> {
  const cleanUp = new Deadline(clock, CLEAN_UP_MS)
  const looking = { clock, log, attemptMs: 1000, deadline: new Deadline(clock, CLEAN_UP_MS - 1500) }
  let arn: string | undefined
  let over = false
  answer.then(
    ({ tasks = [] }) => {
      arn ??= tasks[0]?.taskArn
      over = true
    },
    () => {
      over = true
    },
  )
  let looked = false
  while (arn === undefined && looking.deadline.left > 0) {
    const last = over
    looked = await markedTasks(ecs, cluster, mark, looking).then(
      ([found]) => {
        arn ??= found?.taskArn
        return true
      },
      () => false,
    )
    if (last && looked) break
    if (arn === undefined) await clock.sleep(250)
  }
  if (arn !== undefined)
    await stopTask(ecs, cluster, arn, 'The run that started it was cancelled or out of time.', { clock, log }, cleanUp)
  else if (!over || !looked) {
    log.warning('RunTask was not answered', 'Whether a task was started is not known yet; the post step looks again.')
  }
}
