import { Failure, type Runtime } from '@aws-deploy-actions/action-runtime'
import {
  NotStarted,
  type PreparedTask,
  type RunOptions,
  runToItsEnd,
  type TaskRun,
} from '@aws-deploy-actions/one-off-task'

/** The migration succeeded, the command that was to prove it did not. */
class VerificationFailed extends Failure {
  override readonly name = 'VerificationFailed'
}

/**
 * Runs the verify command in the same task definition, under the same lock. Its own outputs stay inside, but for
 * `verify-exit-code`.
 */
export async function verify(
  command: readonly string[],
  prepared: PreparedTask,
  options: RunOptions,
  migration: TaskRun,
  runtime: Runtime,
): Promise<void> {
  runtime.log.info(`Verifying: ${command.join(' ')}`)
  const [override] = prepared.request.overrides?.containerOverrides ?? []
  const request = {
    ...prepared.request,
    overrides: {
      ...prepared.request.overrides,
      containerOverrides: [{ ...override, name: prepared.container, command: [...command] }],
    },
  }
  const run: TaskRun = { cluster: migration.cluster, region: migration.region }
  const own = migration.taskArn === undefined ? [] : [migration.taskArn]
  // Another migration may have slipped in while the first task ended; it is waited for.
  const lock =
    options.lock === undefined
      ? {}
      : { lock: { ...options.lock, waitMs: Math.max(options.lock.waitMs, options.timeoutMs) } }
  try {
    await runToItsEnd({ ...prepared, request }, { ...options, ...lock, own }, run, announceExitCode(runtime), runtime)
  } catch (error) {
    if (!(error instanceof NotStarted) && (!(error instanceof Failure) || error.status !== 'failed')) throw error
    migration.lastLines = run.lastLines ?? []
    throw new VerificationFailed(`The migration succeeded, its verification did not: ${error.message}`, error.details, {
      cause: error,
    })
  }
}

function announceExitCode(runtime: Runtime): Runtime['output'] {
  return async (name, value) => {
    if (name === 'exit-code') await runtime.output('verify-exit-code', value)
  }
}
