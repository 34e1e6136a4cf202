import { AwsError } from '../../service.ts'
import { EVENT_OVERHEAD, type LogEvent, type LogStream } from './store.ts'

/*
 * GetLogEvents: "If you have reached the end of the stream, it returns the same token you passed in";
 * a page holds "as many log events as can fit in a response size of 1 MB (up to 10,000 log events)";
 * "this operation can return empty results while there are more log events available through the token": here once
 * after every full page, so that nobody takes an empty page for the end.
 * https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
 */
const PAGE_EVENTS = 10_000
const PAGE_BYTES = 1_048_576

export interface PageRequest {
  readonly startTime?: number | undefined
  readonly endTime?: number | undefined
  readonly limit?: number | undefined
  readonly nextToken?: string | undefined
  readonly startFromHead?: boolean | undefined
}

export interface Page {
  readonly events: LogEvent[]
  readonly nextForwardToken: string
  readonly nextBackwardToken: string
}

/**
 * One page of a stream. A forward token stands behind the last event that was read, a backward token before the first.
 * @throws AwsError InvalidParameterException for a token that is none
 */
export function pageOf(stream: LogStream, request: PageRequest): Page {
  // startTime is inclusive, endTime exclusive
  const first = request.startTime === undefined ? 0 : stream.firstAfter(request.startTime - 1)
  const end = request.endTime === undefined ? stream.length : stream.firstAfter(request.endTime - 1)
  const token = request.nextToken === undefined ? undefined : parsedToken(request.nextToken)
  const limit = Math.min(request.limit ?? PAGE_EVENTS, PAGE_EVENTS)
  const forward = token ? token.direction === 'f' : request.startFromHead === true
  const from = Math.min(Math.max(token?.position ?? (forward ? first : end), first), Math.max(end, first))
  if (token?.pause) {
    return { events: [], nextForwardToken: tokenAt('f', from), nextBackwardToken: tokenAt('b', from) }
  }
  const events = forward ? forwards(stream, from, end, limit) : backwards(stream, from, first, limit)
  const start = forward ? from : from - events.length
  const isFull = forward && request.limit === undefined && start + events.length < end
  return {
    events,
    nextForwardToken: tokenAt('f', start + events.length, isFull),
    nextBackwardToken: tokenAt('b', start),
  }
}

function forwards(stream: LogStream, from: number, end: number, limit: number): LogEvent[] {
  const events: LogEvent[] = []
  let bytes = 0
  for (let index = from; index < end && events.length < limit; index++) {
    const event = stream.at(index)
    if (!event) break
    bytes += Buffer.byteLength(event.message) + EVENT_OVERHEAD
    if (bytes > PAGE_BYTES && events.length > 0) break
    events.push(event)
  }
  return events
}

function backwards(stream: LogStream, from: number, first: number, limit: number): LogEvent[] {
  const events: LogEvent[] = []
  let bytes = 0
  for (let index = from - 1; index >= first && events.length < limit; index--) {
    const event = stream.at(index)
    if (!event) break
    bytes += Buffer.byteLength(event.message) + EVENT_OVERHEAD
    if (bytes > PAGE_BYTES && events.length > 0) break
    events.push(event)
  }
  return events.reverse()
}

interface Token {
  readonly direction: 'f' | 'b'
  readonly position: number
  /** an empty page comes first */
  readonly pause: boolean
}

// AWS's tokens look like `f/37…(56 digits)/s`; theirs are opaque, so ours hold the position
function tokenAt(direction: 'f' | 'b', position: number, pause = false): string {
  return `${direction}/3${pause ? 1 : 0}${String(position).padStart(54, '0')}/s`
}

function parsedToken(token: string): Token {
  const match = /^([fb])\/3([01])(\d{54})\/s$/.exec(token)
  if (!match) throw new AwsError('InvalidParameterException', 'The specified nextToken is invalid.')
  return { direction: match[1] === 'f' ? 'f' : 'b', position: Number(match[3]), pause: match[2] === '1' }
}
