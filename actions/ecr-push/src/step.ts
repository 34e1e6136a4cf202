import { Deadline, durationText, type Runtime } from '@aws-deploy-actions/action-runtime'
import type { Calling } from '@aws-deploy-actions/aws-clients'
import type { EcrLogin, RegistryContext } from '@aws-deploy-actions/container-registry'

/** What the phases of the step are done with: AWS calls, registry requests and docker all end with one signal. */
export interface Step extends Calling, RegistryContext {
  /** aborted on cancel and when the time is over */
  readonly signal: AbortSignal
  readonly runtime: Runtime
  /** by registry and region: images of one registry share a login */
  readonly logins: Map<string, Promise<EcrLogin>>
}

/** After the deadline docker gets 2 s to end; the process must be gone within 5. */
const GRACE_MS = 4500

export function stepWithin(timeoutMs: number, runtime: Runtime): Step {
  const overdue = {
    what: `The image was not in the registry within ${durationText(timeoutMs)}.`,
    next: ['Give the step a longer "timeout", or look above for what took so long. What was sent is not sent again.'],
  }
  const deadline = new Deadline(runtime, timeoutMs, overdue)
  runtime.endBy(deadline.at + GRACE_MS)
  const timer = new AbortController()
  setTimeout(() => timer.abort(deadline.exceeded(overdue)), timeoutMs).unref()
  return {
    clock: runtime,
    log: runtime.log,
    hide: runtime.hide,
    deadline,
    signal: AbortSignal.any([runtime.signal, timer.signal]),
    runtime,
    logins: new Map(),
  }
}
