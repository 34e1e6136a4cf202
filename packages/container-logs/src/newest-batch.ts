import type { OutputLogEvent } from '@aws-sdk/client-cloudwatch-logs'

/*
 * The awslogs driver sends what it has in one batch, and cuts it only where the next event would not fit: 10,000 events,
 * 1,048,576 bytes with 26 for each event, of which none has more than 262,144 (github.com/moby/moby,
 * daemon/logger/awslogs/cloudwatchlogs.go: `maximumLogEventsPerPut`, `maximumBytesPerPut`, `maximumBytesPerEvent`,
 * `collectBatch`). A smaller batch was everything that there was.
 */
const FULL_EVENTS = 10_000
const EVENT_BYTES = 26
const FULL_BYTES = 1_048_576 - 262_144

/** The newest batch that CloudWatch took into a stream. */
export class NewestBatch {
  /** milliseconds since the epoch, by CloudWatch's clock */
  #takenAt = Number.NEGATIVE_INFINITY
  #events = 0
  #bytes = 0

  take(events: readonly OutputLogEvent[]): void {
    for (const { ingestionTime, message = '' } of events) {
      if (ingestionTime === undefined || ingestionTime < this.#takenAt) continue
      if (ingestionTime > this.#takenAt) {
        this.#takenAt = ingestionTime
        this.#events = 0
        this.#bytes = 0
      }
      this.#events += 1
      this.#bytes += Buffer.byteLength(message) + EVENT_BYTES
    }
  }

  /**
   * Is it what the driver sent of itself when its container had ended, with nothing left to send? Otherwise nobody knows: a
   * container that printed nothing in its last seconds makes no such batch.
   * @param end of the container (ms since the epoch)
   */
  isLastAfter(end: number): boolean {
    return this.#takenAt > end && this.#events < FULL_EVENTS && this.#bytes < FULL_BYTES
  }
}
