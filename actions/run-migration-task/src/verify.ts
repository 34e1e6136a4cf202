import { Cancelled, DeadlineExceeded, Failure, type Runtime } from '@aws-deploy-actions/action-runtime'
import { type PreparedTask, type RunOptions, runToItsEnd, type TaskRun } from '@aws-deploy-actions/one-off-task'

/** The migration succeeded, the command that was to prove it did not. */
class VerificationFailed extends Failure {
  override readonly name = 'VerificationFailed'
}

/**
 * Runs the verify command in the same task definition. Its own outputs stay inside, but for `verify-exit-code`.
 * @throws VerificationFailed, DeadlineExceeded, Cancelled, all of which say that the migration itself is in
 */
export async function verify(
  command: readonly string[],
  prepared: PreparedTask,
  options: RunOptions,
  run: TaskRun,
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
  try {
    await runToItsEnd({ ...prepared, request }, options, run, announceExitCode(runtime), runtime)
  } catch (error) {
    if (error instanceof Cancelled)
      throw new Cancelled(error.signal, 'The migration succeeded; the step was cancelled while it was verified.')
    if (!(error instanceof Failure)) throw error
    const what = `The migration succeeded, its verification did not: ${error.message}`
    if (error instanceof DeadlineExceeded) throw new DeadlineExceeded(what, error.details, { cause: error })
    throw new VerificationFailed(what, error.details, { cause: error })
  }
}

function announceExitCode(runtime: Runtime): Runtime['output'] {
  return async (name, value) => {
    if (name === 'exit-code') await runtime.output('verify-exit-code', value)
  }
}
