import { asFailure, failureText } from './errors.ts'
import { type PostRuntime, processRuntime } from './runtime.ts'

/**
 * Runs an action's `post`: `cleanUp` gets what `main` remembered. Never fails the job: the verdict was main's. Cancels
 * do not disturb it; the runner ends it when its time is over.
 */
export async function runPost(
  cleanUp: (state: (name: string) => string, runtime: PostRuntime) => Promise<void>,
): Promise<never> {
  const runtime = processRuntime()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})
  try {
    await cleanUp(name => runtime.environment.variables[`STATE_${name}`] ?? '', runtime)
  } catch (error) {
    runtime.log.warning('Clean-up did not finish', failureText(asFailure(error).record))
  }
  process.exit(0)
}
