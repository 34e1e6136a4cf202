import { type Clock, collectingGarbage, Deadline, DeadlineExceeded, type Log } from '@aws-deploy-actions/action-runtime'
import { AwsError, call, PermissionError, sdkConfig } from '@aws-deploy-actions/aws-clients'
import { CloudWatchLogsClient, GetLogEventsCommand, type OutputLogEvent } from '@aws-sdk/client-cloudwatch-logs'
import { CallBudget } from './budget.ts'
import { NewestBatch } from './newest-batch.ts'

/** The CloudWatch stream of one container (awslogs driver: `prefix/container/task-id`). */
export interface ContainerStream {
  readonly container: string
  readonly group: string
  readonly stream: string
  readonly region: string
}

/** How the reading of the logs ended. */
export interface LogsRead {
  /** lines printed, per container */
  readonly lines: ReadonlyMap<string, number>
  /** streams whose end was not seen */
  readonly unfinished: readonly ContainerStream[]
}

/** Follows the logs of one task while it runs. */
export interface LogFollower {
  /** the last 20 lines of a container so far */
  lastLines(container: string): readonly string[]
  /**
   * Reads on until the end of every stream has been quiet for a while, at most `mostMs`, and at most 6 s without any
   * answer; then the follower is done. Only containers that `ran` can have lines.
   * @param endedAt when they ended, by AWS's clock (ms since the epoch), where that is known: lines that came in later than that
   *   are the last ones, and need no long quiet after them
   */
  drain(mostMs: number, ran: ReadonlySet<string>, endedAt?: number): Promise<LogsRead>
  /** stops at once, without the rest */
  stop(): Promise<void>
}

/** Between two looks at a stream that has nothing new (ms). */
const IDLE_MS = 2000
const DRAINING_MS = 500
/**
 * After a container's end its last lines are still on their way: the awslogs driver flushes when it closes, and
 * CloudWatch shows events a moment after it took them. The end counts as reached after so much quiet (ms).
 */
const QUIET_MS = 3000
/**
 * The same after the driver's last batch has been seen, of which nothing can be missing (ms). It covers one that was sent just before
 * the end and taken in just after it: the last one follows at once.
 */
const QUIET_AFTER_LAST_BATCH_MS = 750
const LOOKS_AFTER_LAST_BATCH_MS = 250
/** GetLogEvents allows 10 calls a second per account and Region (CloudWatch Logs quotas; can be raised); others need some too. */
const CALLS_PER_SECOND = 6
/** GetLogEvents gives up to 10,000 events a page; half of that is as quick within the budget and needs less memory. */
const PAGE_EVENTS = 5000
const KEPT_LINES = 20
/** Of a page so much garbage is left for each event (bytes, about), beside its text. */
const EVENT_BYTES = 200
const GARBAGE_BYTES = 1024 * 1024
/** How long one look rides out a bad spell (ms). */
const PATIENCE_MS = 30_000
const DRAINING_PATIENCE_MS = 6000

/**
 * Starts following. Lines go to `log.outside` under the container's name: none lost, none twice, in order per stream.
 * Missing or denied logs never fail anything: they are one notice.
 */
export function followLogs(
  streams: readonly ContainerStream[],
  { clock, log }: { clock: Clock; log: Log },
): LogFollower {
  const stopped = new AbortController()
  const budget = new CallBudget(CALLS_PER_SECOND, clock)
  const lines = new Map<string, number>()
  const kept = new Map<string, readonly string[]>()
  let drainingSince: number | undefined
  let drainUntil = Number.POSITIVE_INFINITY
  let ended = Number.POSITIVE_INFINITY
  let ran: ReadonlySet<string> = new Set()
  let noticed = false
  const wakeUps = new Set<() => void>()
  const passedThrough = collectingGarbage('major', GARBAGE_BYTES)

  const notice = (text: string): void => {
    if (!noticed) log.notice('Logs are incomplete', text)
    noticed = true
  }

  async function follow(source: ContainerStream): Promise<ContainerStream | undefined> {
    const client = new CloudWatchLogsClient(sdkConfig(source.region))
    let token: string | undefined
    let quietSince = clock.now()
    const newest = new NewestBatch()
    const isQuiet = (since: number): boolean =>
      newest.isLastAfter(ended)
        ? clock.now() - quietSince >= QUIET_AFTER_LAST_BATCH_MS
        : clock.now() - Math.max(since, quietSince) >= QUIET_MS
    let missing = false
    let atEnd = false
    const unlessAtEnd = (): ContainerStream | undefined => (atEnd ? undefined : source)
    try {
      for (;;) {
        await budget.take(stopped.signal)
        if (clock.now() > drainUntil) return unlessAtEnd()
        const page = await nextPage(client, source, token)
        if (page !== 'unanswered') missing = page === 'missing'
        const { events, next } = typeof page === 'object' ? page : { events: [], next: token }
        const moved = next !== token
        atEnd = !moved && typeof page === 'object'
        token = next
        if (events.length > 0) {
          print(
            source.container,
            events.map(({ message }) => message ?? ''),
          )
          newest.take(events)
          quietSince = clock.now()
        }
        // Empty pages are normal; the end is where the token repeats (API reference, GetLogEvents).
        if (moved) continue
        if (drainingSince !== undefined && !ran.has(source.container)) return undefined
        if (page === 'unanswered' && drainingSince !== undefined) return source
        if (drainingSince !== undefined && isQuiet(drainingSince)) {
          if (missing) notice(`The log stream ${source.stream} of ${source.group} never appeared.`)
          return undefined
        }
        if (drainingSince === undefined) await idle(IDLE_MS)
        else await idle(newest.isLastAfter(ended) ? LOOKS_AFTER_LAST_BATCH_MS : DRAINING_MS)
      }
    } catch (error) {
      if (stopped.signal.aborted) return unlessAtEnd()
      if (error instanceof PermissionError)
        notice(`The logs of ${source.container} cannot be read: the role lacks ${error.action} on ${source.group}.`)
      else notice(`The logs of ${source.container} cannot be read: ${error instanceof Error ? error.message : error}`)
      return undefined
    }
  }

  function print(container: string, messages: readonly string[]): void {
    log.outside(container, messages)
    lines.set(container, (lines.get(container) ?? 0) + messages.length)
    kept.set(container, [...(kept.get(container) ?? []), ...messages.slice(-KEPT_LINES)].slice(-KEPT_LINES))
    passedThrough(messages.reduce((bytes, message) => bytes + message.length + EVENT_BYTES, 0))
  }

  /** One page; `missing` while the stream does not exist (normal until the container starts). */
  async function nextPage(
    client: CloudWatchLogsClient,
    { group, stream }: ContainerStream,
    token: string | undefined,
  ): Promise<{ events: OutputLogEvent[]; next: string | undefined } | 'missing' | 'unanswered'> {
    const patience =
      drainingSince === undefined ? PATIENCE_MS : Math.min(DRAINING_PATIENCE_MS, drainUntil - clock.now())
    const deadline = new Deadline(clock, Math.max(1, patience))
    try {
      const { events = [], nextForwardToken } = await call(
        'logs:GetLogEvents',
        { clock, log, deadline, signal: stopped.signal },
        options =>
          client.send(
            new GetLogEventsCommand({
              logGroupName: group,
              logStreamName: stream,
              startFromHead: true,
              limit: PAGE_EVENTS,
              ...(token === undefined ? {} : { nextToken: token }),
            }),
            options,
          ),
      )
      return { events, next: nextForwardToken }
    } catch (error) {
      if (error instanceof AwsError && error.code === 'ResourceNotFoundException') return 'missing'
      // A bad spell longer than one call's patience: the next look goes on where this one stood.
      if (error instanceof DeadlineExceeded) return 'unanswered'
      throw error
    }
  }

  async function idle(ms: number): Promise<void> {
    const woken = new AbortController()
    const wake = (): void => woken.abort()
    wakeUps.add(wake)
    await clock.sleep(ms, AbortSignal.any([woken.signal, stopped.signal])).catch(() => undefined)
    wakeUps.delete(wake)
    stopped.signal.throwIfAborted()
  }

  const reading = Promise.all(streams.map(follow))
  return {
    lastLines: container => kept.get(container) ?? [],
    drain: async (mostMs, those, endedAt = Number.POSITIVE_INFINITY) => {
      ran = those
      ended = endedAt
      drainingSince = clock.now()
      drainUntil = drainingSince + mostMs
      for (const wake of wakeUps) wake()
      const timer = new AbortController()
      const overtime = clock.sleep(mostMs, timer.signal).then(
        () => stopped.abort(),
        () => undefined,
      )
      const left = await reading
      timer.abort()
      await overtime
      return { lines, unfinished: left.filter(source => source !== undefined) }
    },
    stop: async () => {
      stopped.abort()
      await reading
    },
  }
}
