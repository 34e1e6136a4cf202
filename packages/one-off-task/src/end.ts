import { durationText, Failure, type Log } from '@aws-deploy-actions/action-runtime'
import { adviceFor } from '@aws-deploy-actions/ecs'
import type { TaskLogs } from './logs.ts'
import type { Announce, TaskRun } from './run.ts'
import { NotStarted } from './start.ts'
import { stopWords } from './state.ts'
import type { TaskEnd } from './watch.ts'

/** Makes known how the counted container ended, in the outputs and in one line. */
export async function announceEnd(
  { task, state }: TaskEnd,
  container: string,
  seconds: number,
  run: TaskRun,
  announce: Announce,
  log: Log,
): Promise<void> {
  // A container whose dependency failed has an exit code that is not its own.
  if (state.kind === 'exited' && state.ran) {
    run.exitCode = state.exitCode
    await announce('exit-code', state.exitCode)
    log.info(`The container ${container} exited with ${state.exitCode} after ${durationText(seconds * 1000)}.`)
  }
  run.seconds = Math.round(seconds * 10) / 10
  await announce('duration-seconds', run.seconds)
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

/** The counted container ran, and exited with 0. */
export function hasSucceeded({ state }: TaskEnd): boolean {
  return state.kind === 'exited' && state.ran && state.exitCode === 0
}

/**
 * Tells of an end that is none of those that `hasSucceeded`.
 * @throws NotStarted, Failure with AWS's words, the last lines, the likely cause and what to do
 */
export function throwAsFailed(
  { task, state }: TaskEnd,
  container: string,
  arn: string,
  logs: TaskLogs,
  run: TaskRun,
): never {
  const culprit = state.ran ? container : (failedBeside(task, container) ?? container)
  run.lastLinesOf = culprit
  run.lastLines = logs.lastLines(culprit)
  const said = stopWords(task)
  const exitCode = state.kind === 'exited' && state.ran ? state.exitCode : undefined
  const advice = adviceFor(said, exitCode, run.lastLines) ?? (state.ran ? OWN_FAULT : {})
  const details = { resource: arn, said, seen: run.lastLines.slice(-5), ...advice }
  if (!state.ran)
    throw new NotStarted(`The container ${container} never ran: there is no exit code of its own.`, details)
  if (state.kind === 'exited') throw new Failure(`The container ${container} exited with ${state.exitCode}.`, details)
  throw new Failure(
    `The container ${container} ended without an exit code: whether it succeeded is not known.`,
    details,
  )
}

/** Another container that ran and failed: the one to look at when the counted one never ran. */
function failedBeside({ containers = [] }: TaskEnd['task'], counted: string): string | undefined {
  return containers.find(
    ({ name, exitCode, runtimeId }) => name !== counted && runtimeId !== undefined && (exitCode ?? 0) !== 0,
  )?.name
}
