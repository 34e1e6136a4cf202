import { isUtf8 } from 'node:buffer'
import type { Cloud } from '../../cloud.ts'
import type { LogStream } from './store.ts'

/*
 * What Docker's awslogs driver (also in Fargate's shim loggers) makes of a container's output; sources:
 * github.com/moby/moby daemon/logger/copier.go and daemon/logger/awslogs/cloudwatchlogs.go
 * - lines end at \n, which is dropped; what comes last without \n is sent when the output ends
 * - an event holds at most 262,144 − 26 bytes (`maximumBytesPerEvent`); longer lines become several events,
 *   split where a character ends (`findValidSplit`)
 * - invalid UTF-8 counts as, and becomes, U+FFFD for each byte (`effectiveLen`, Go's JSON encoder)
 * - an empty line makes no event: `for len(bytes) > 0` in `processEvent`
 */
const EVENT_BYTES = 262_144 - 26

/**
 * AWS's time from a written line to its being readable. The real driver sends every 5 s
 * (`awslogs-force-flush-interval-seconds`) and when the container ends; a follower must not rely on either.
 */
const INGESTION_MS = 500

export interface LogPipe {
  readonly write: (bytes: Buffer) => void
  /** sends the rest; settles when every line can be read */
  end(): Promise<void>
}

/** Turns a container's raw output into the events of a stream. */
export function awslogsPipe(cloud: Pick<Cloud, 'pause'>, stream: LogStream): LogPipe {
  let rest: Buffer[] = []
  let restBytes = 0
  let waiting: { readonly timestamp: number; readonly message: string }[] = []
  let sending: Promise<void> | undefined

  function take(line: Buffer): void {
    const timestamp = Date.now()
    for (const message of messagesOf(line)) waiting.push({ timestamp, message })
    if (waiting.length === 0 || sending) return
    sending = send()
    // rejects only when the cloud stops; `end` may never be called then
    sending.catch(() => undefined)
  }

  async function send(): Promise<void> {
    await cloud.pause(INGESTION_MS)
    sending = undefined
    const batch = waiting
    waiting = []
    const now = Date.now()
    for (const { timestamp, message } of batch) stream.add(timestamp, message, now)
  }

  return {
    write(bytes) {
      let from = 0
      for (let newline = bytes.indexOf(10); newline >= 0; newline = bytes.indexOf(10, from)) {
        const tail = bytes.subarray(from, newline)
        take(rest.length > 0 ? Buffer.concat([...rest, tail]) : tail)
        rest = []
        restBytes = 0
        from = newline + 1
      }
      if (from < bytes.length) {
        rest.push(Buffer.from(bytes.subarray(from)))
        restBytes += bytes.length - from
      }
      // a line without end must not fill the memory: whole events of it go out at once
      if (restBytes >= EVENT_BYTES * 2) {
        const line = Buffer.concat(rest)
        const cut = splitPoint(line)
        take(line.subarray(0, cut))
        rest = [Buffer.from(line.subarray(cut))]
        restBytes = line.length - cut
      }
    },
    async end() {
      if (restBytes > 0) take(Buffer.concat(rest))
      rest = []
      restBytes = 0
      await sending
    },
  }
}

/** The messages that one line becomes: none for an empty one, several for a very long one. */
export function messagesOf(line: Buffer): string[] {
  const messages: string[] = []
  let left = line
  while (left.length > 0) {
    const cut = splitPoint(left)
    messages.push(text(left.subarray(0, cut)))
    left = left.subarray(cut)
  }
  return messages
}

/** How many of the bytes fit into one event without cutting a character, invalid bytes counting three. */
function splitPoint(bytes: Buffer): number {
  if (bytes.length <= EVENT_BYTES && isUtf8(bytes)) return bytes.length
  if (bytes.length * 3 <= EVENT_BYTES) return bytes.length
  let size = 0
  let index = 0
  while (index < bytes.length) {
    const width = runeWidth(bytes, index)
    size += width === 0 ? 3 : width
    if (size > EVENT_BYTES) return index
    index += width || 1
  }
  return bytes.length
}

function text(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8')
  let result = ''
  let valid = 0
  let index = 0
  while (index < bytes.length) {
    const width = runeWidth(bytes, index)
    if (width > 0) {
      index += width
      continue
    }
    result += `${bytes.toString('utf8', valid, index)}\uFFFD`
    index += 1
    valid = index
  }
  return result + bytes.toString('utf8', valid)
}

/** Bytes of the character that starts here; 0 when none does. */
function runeWidth(bytes: Buffer, index: number): number {
  const lead = bytes[index] ?? 0
  if (lead < 0x80) return 1
  const width = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0
  return width > 0 && index + width <= bytes.length && isUtf8(bytes.subarray(index, index + width)) ? width : 0
}
