import { type Clock, type Deadline, durationText, Failure, type Log } from '@aws-deploy-actions/action-runtime'
import { AwsError, awsAnswer, CredentialsError, faultKind, PermissionError } from './errors.ts'

/** What a call to AWS is made in. */
export interface Calling {
  readonly clock: Clock
  readonly log: Log
  /** no call is made, and none goes on, after this moment */
  readonly deadline: Deadline
  /** absent for clean-up, which must go on after a cancel */
  readonly signal?: AbortSignal
  /** how long one attempt may take (ms); default: what the SDK client allows */
  readonly attemptMs?: number
}

/**
 * Makes one API call and rides out throttling, 5xx, broken connections and unreadable answers with jittered back-off
 * until the deadline. The same input is sent again, so it must be safe to repeat (a `clientToken`, a read), or
 * `alreadyDone` must find out whether a request without a usable answer has been carried out.
 *
 * @param action the IAM action that the call needs, e.g. `ecs:DescribeTasks`
 * @param alreadyDone asked before an unanswered request is repeated; what it returns is taken as the answer
 * @throws PermissionError, CredentialsError, AwsError at once; DeadlineExceeded; the signal's reason
 */
export async function call<Output>(
  action: string,
  { clock, log, deadline, signal, attemptMs = Number.POSITIVE_INFINITY }: Calling,
  attempt: (options: { abortSignal: AbortSignal }) => Promise<Output>,
  alreadyDone?: () => Promise<Output | undefined>,
): Promise<Output> {
  const began = clock.now()
  let toldAt = 0
  for (let tries = 0; ; tries++) {
    signal?.throwIfAborted()
    deadline.check()
    const timer = new AbortController()
    const timeout = setTimeout(() => timer.abort(), Math.min(deadline.left, attemptMs))
    try {
      return await attempt({
        abortSignal: signal === undefined ? timer.signal : AbortSignal.any([signal, timer.signal]),
      })
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof Failure) throw error
      const answer = awsAnswer(error)
      const kind = timer.signal.aborted ? 'transient' : faultKind(answer)
      if (kind === 'permission') throw new PermissionError(answer, action, { cause: error })
      if (kind === 'credentials') throw new CredentialsError(answer, action, { cause: error })
      if (kind === 'final') throw new AwsError(answer, action, { cause: error })
      const wait = backoffMs(tries, kind === 'throttled', answer.retryAfterMs)
      if (deadline.left <= LAST_TRY_MS) {
        throw deadline.exceeded(
          {
            what: `${action} did not succeed in time.`,
            next: ['AWS was not to be reached or kept throttling; look at its health page and run the step again.'],
          },
          timer.signal.aborted ? `no answer to ${action}` : `${answer.code}: ${answer.message}`,
        )
      }
      // One line at the start of a bad spell, then one every half minute.
      if (clock.now() - toldAt > 30_000) {
        toldAt = clock.now()
        const since = tries === 0 ? '' : ` for ${durationText(clock.now() - began)}`
        log.info(
          `${action}: ${kind === 'throttled' ? 'throttled' : 'no usable answer'} (${answer.code})${since}; trying again.`,
        )
      }
      // A wait that would outlast the deadline leaves room for one last try.
      await clock.sleep(Math.min(wait, deadline.left - LAST_TRY_MS), signal)
      const done = kind === 'transient' ? await alreadyDone?.() : undefined
      if (done !== undefined) return done
    } finally {
      clearTimeout(timeout)
    }
  }
}

/** What is left of the deadline when the last try begins (ms). */
const LAST_TRY_MS = 400

/** Equal jitter ("Exponential Backoff And Jitter", AWS Architecture Blog), from 0.1–0.2 s up to 1.5–3 s; throttled: 0.25–0.5 s up to 2.5–5 s. */
function backoffMs(tries: number, throttled: boolean, askedMs: number | undefined): number {
  const most = Math.min(throttled ? 5000 : 3000, (throttled ? 500 : 200) * 2 ** Math.min(tries, 6))
  return Math.max(most / 2 + (Math.random() * most) / 2, Math.min(askedMs ?? 0, 20_000))
}

/**
 * Looks about every `everyMs` (jittered by a tenth) until `look` returns something.
 * @throws DeadlineExceeded, the signal's reason, whatever `look` throws
 */
export async function poll<Found>(
  { clock, deadline, signal }: Pick<Calling, 'clock' | 'deadline' | 'signal'>,
  everyMs: number | (() => number),
  look: () => Promise<Found | undefined>,
): Promise<Found> {
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    const pause = typeof everyMs === 'number' ? everyMs : everyMs()
    await clock.sleep(Math.min(pause * (0.9 + Math.random() * 0.2), deadline.left), signal)
    deadline.check()
  }
}
