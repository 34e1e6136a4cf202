import { Deadline, durationText, type Runtime } from '@aws-deploy-actions/action-runtime'
import type { Calling } from '@aws-deploy-actions/aws-clients'
import type { EcrLogin, RegistryContext } from '@aws-deploy-actions/container-registry'
import type { Inputs } from './inputs.ts'
import type { ImageResult } from './result.ts'

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

export function stepWithin(
  inputs: Pick<Inputs, 'timeoutMs' | 'push'>,
  images: readonly ImageResult[],
  runtime: Runtime,
): Step {
  const { timeoutMs } = inputs
  const overdue = {
    // What is true at the end: the time may be over long after the push.
    get what(): string {
      return overdueText(inputs, images)
    },
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

/** What was not done when the time was over, one sentence. */
function overdueText(
  { timeoutMs, push }: Pick<Inputs, 'timeoutMs' | 'push'>,
  images: readonly Pick<ImageResult, 'name' | 'status'>[],
): string {
  const time = durationText(timeoutMs)
  const missing = images.flatMap(({ name, status }) => (status === undefined ? [name] : []))
  const single = images.length === 1
  if (missing.length === 0) {
    const subject = single ? 'The image is' : 'All images are'
    return `${subject} in the registry, but what comes after the push did not end within ${time}.`
  }
  const what = push ? 'in the registry' : 'built'
  return single ? `The image was not ${what} within ${time}.` : `Not ${what} within ${time}: ${missing.join(', ')}.`
}
