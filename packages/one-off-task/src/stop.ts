import { asFailure, type Clock, Deadline, type Log } from '@aws-deploy-actions/action-runtime'
import { AwsError, call } from '@aws-deploy-actions/aws-clients'
import { type ECSClient, StopTaskCommand } from '@aws-sdk/client-ecs'
import { taskId } from './state.ts'

/** How long clean-up is tried in all: the runner kills 7.5 s after a cancel, and a deadline has 5 s of grace. */
export const CLEAN_UP_MS = 4500

/**
 * Tells a task to stop, whatever has been cancelled. Returns whether ECS accepted it (or knows no such running task).
 * Never throws: it is called on the way out of a failure, and says itself when it did not succeed.
 */
export async function stopTask(
  ecs: ECSClient,
  cluster: string,
  arn: string,
  why: string,
  { clock, log }: { clock: Clock; log: Log },
  deadline: Deadline = new Deadline(clock, CLEAN_UP_MS),
): Promise<boolean> {
  try {
    await call('ecs:StopTask', { clock, log, deadline, attemptMs: 1500 }, options =>
      ecs.send(new StopTaskCommand({ cluster, task: arn, reason: why.slice(0, 255) }), options),
    )
    log.info(`Task ${taskId(arn)} was told to stop; ECS accepted it.`)
    return true
  } catch (error) {
    // "The referenced task was not found." (InvalidParameterException): it is gone already.
    if (error instanceof AwsError && /not found/i.test(error.details.said ?? '')) return true
    const { message, details } = asFailure(error)
    log.warning(
      'The task may still be running',
      [`StopTask for ${arn} was not accepted: ${message}`, details.said, ...(details.next ?? [])]
        .filter(Boolean)
        .join('\n'),
    )
    return false
  }
}
