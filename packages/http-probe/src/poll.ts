import type { Clock, Deadline } from '@aws-deploy-actions/action-runtime'
import type { Check } from './check.ts'
import type { Lookup } from './lookup.ts'
import { type Attempt, probe } from './probe.ts'
import type { Reason } from './reason.ts'
import { shownUrl } from './shown.ts'
import { Slots } from './slots.ts'

/** How far a check has come; grows while it is polled. */
export interface Progress {
  readonly check: Check
  readonly shownUrl: string
  attempts: number
  /** how many of the last attempts passed, without one in between that did not */
  inARow: number
  passed: boolean
  /** the last attempt that came to an end */
  last: Attempt | undefined
  /** of the last attempt that did not pass */
  lastReason: Reason | undefined
}

export function newProgress(check: Check): Progress {
  return {
    check,
    shownUrl: shownUrl(check.url),
    attempts: 0,
    inARow: 0,
    passed: false,
    last: undefined,
    lastReason: undefined,
  }
}

export interface PollOptions {
  /** from the start of one attempt to the start of the next */
  readonly intervalMs: number
  readonly requestTimeoutMs: number
  /** so many attempts in a row must pass */
  readonly successes: number
  readonly followRedirects: boolean
  readonly tlsMinDays: number
  /** requests that are under way at the same time */
  readonly maxParallel: number
}

export interface Polling {
  readonly clock: Clock
  readonly deadline: Deadline
  readonly lookup: Lookup
  /** its reason is thrown as it is */
  readonly signal: AbortSignal
  /** after every attempt */
  readonly onAttempt: (progress: Progress) => void
}

/**
 * Polls every check until it has passed, or the deadline is over; what was found is in `progresses`. An attempt that is
 * under way at the deadline is given up, and the reason of the one before it stays.
 * @throws the signal's reason, when everything that was under way has ended
 */
export async function pollAll(progresses: readonly Progress[], options: PollOptions, polling: Polling): Promise<void> {
  const { deadline, signal } = polling
  const over = new AbortController()
  const abort = (): void => over.abort()
  signal.addEventListener('abort', abort)
  if (signal.aborted) abort()
  const timer = setTimeout(abort, deadline.left)
  const slots = new Slots(options.maxParallel)
  try {
    await Promise.all(
      progresses.map(progress => pollOne(progress, options, { ...polling, signal: over.signal }, slots)),
    )
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
  signal.throwIfAborted()
}

async function pollOne(progress: Progress, options: PollOptions, polling: Polling, slots: Slots): Promise<void> {
  const { clock, deadline, lookup, signal, onAttempt } = polling
  try {
    while (!progress.passed) {
      const asked = await slots.use(signal, async () => {
        // After a long wait for room there may be no time left to ask.
        if (deadline.left <= ENDING_MS) return undefined
        const began = clock.now()
        progress.attempts++
        // Ends by itself at the deadline, and so knows what it waited for.
        const requestTimeoutMs = Math.max(1, Math.min(options.requestTimeoutMs, deadline.left - ENDING_MS))
        const attempt = await probe(progress.check, { ...options, requestTimeoutMs, lookup, signal })
        const cut = attempt.reason?.timedOut === true && requestTimeoutMs < options.requestTimeoutMs
        // That the time was over says less than what was seen before.
        if (!cut || progress.last === undefined) note(progress, attempt, options.successes)
        return { began, cut }
      })
      if (asked === undefined) return
      onAttempt(progress)
      if (progress.passed || asked.cut) return
      const pause = pauseMs({ spent: clock.now() - asked.began, left: deadline.left, intervalMs: options.intervalMs })
      if (pause === undefined) return
      await clock.sleep(pause, signal)
    }
  } catch (error) {
    // The deadline, or the caller's signal, which pollAll throws.
    if (!signal.aborted) throw error
  }
}

function note(progress: Progress, attempt: Attempt, successes: number): void {
  progress.last = attempt
  progress.lastReason = attempt.reason ?? progress.lastReason
  progress.inARow = attempt.reason === undefined ? progress.inARow + 1 : 0
  progress.passed = progress.inARow >= successes
}

const ENDING_MS = 50

/** Long enough for an answer, so that the last look is as late as it can be. */
const LAST_LOOK_MS = 1000

/**
 * How long to wait before the next attempt; undefined when none fits before the deadline. A little less than the
 * interval, at random: many checks spread out, and no change is noticed later than the interval.
 */
export function pauseMs(
  { spent, left, intervalMs }: { spent: number; left: number; intervalMs: number },
  random: () => number = Math.random,
): number | undefined {
  const pause = Math.max(0, intervalMs * (1 - 0.1 * random()) - spent)
  if (pause < left) return pause
  return left > LAST_LOOK_MS ? left - LAST_LOOK_MS : undefined
}
