/** One event as it lies in a stream. */
export interface LogEvent {
  /** milliseconds since 1970 */
  readonly timestamp: number
  readonly ingestionTime: number
  readonly message: string
}

export interface LogGroup {
  readonly name: string
  readonly arn: string
  readonly creationTime: number
  retentionInDays: number | undefined
  readonly streams: Map<string, LogStream>
}

/**
 * The events of one stream, in order of their timestamps. Kept as parallel arrays: an object for each of
 * 100,000 lines would take several times the memory of its text.
 */
export class LogStream {
  readonly name: string
  readonly arn: string
  readonly creationTime = Date.now()
  readonly #timestamps: number[] = []
  readonly #ingestionTimes: number[] = []
  readonly #messages: string[] = []
  storedBytes = 0

  constructor(name: string, arn: string) {
    this.name = name
    this.arn = arn
  }

  get length(): number {
    return this.#messages.length
  }

  at(index: number): LogEvent | undefined {
    const message = this.#messages[index]
    const timestamp = this.#timestamps[index]
    const ingestionTime = this.#ingestionTimes[index]
    if (message === undefined || timestamp === undefined || ingestionTime === undefined) return undefined
    return { timestamp, ingestionTime, message }
  }

  /** Adds an event behind those of the same or an earlier time. */
  add(timestamp: number, message: string, ingestionTime: number): void {
    this.storedBytes += Buffer.byteLength(message) + EVENT_OVERHEAD
    const last = this.#timestamps.at(-1)
    if (last === undefined || last <= timestamp) {
      this.#timestamps.push(timestamp)
      this.#ingestionTimes.push(ingestionTime)
      this.#messages.push(message)
      return
    }
    const index = this.firstAfter(timestamp)
    this.#timestamps.splice(index, 0, timestamp)
    this.#ingestionTimes.splice(index, 0, ingestionTime)
    this.#messages.splice(index, 0, message)
  }

  /** Index of the first event later than `timestamp`. */
  firstAfter(timestamp: number): number {
    let low = 0
    let high = this.#timestamps.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#timestamps[middle] ?? 0) <= timestamp) low = middle + 1
      else high = middle
    }
    return low
  }
}

/**
 * Bytes that CloudWatch Logs adds to each event when it counts sizes.
 * https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
 */
export const EVENT_OVERHEAD = 26

/** The log groups of one account, per region. */
export class LogStore {
  readonly #accountId: string
  readonly #regions = new Map<string, Map<string, LogGroup>>()

  constructor(accountId: string) {
    this.#accountId = accountId
  }

  groups(region: string): Map<string, LogGroup> {
    const groups = this.#regions.get(region) ?? new Map<string, LogGroup>()
    this.#regions.set(region, groups)
    return groups
  }

  createGroup(region: string, name: string): LogGroup {
    const arn = this.groupArn(region, name)
    const group: LogGroup = { name, arn, creationTime: Date.now(), retentionInDays: undefined, streams: new Map() }
    this.groups(region).set(name, group)
    return group
  }

  /** Creates the stream, or returns the one that is there. */
  stream(group: LogGroup, name: string): LogStream {
    const stream = group.streams.get(name) ?? new LogStream(name, `${group.arn}:log-stream:${name}`)
    group.streams.set(name, stream)
    return stream
  }

  groupArn(region: string, name: string): string {
    return `arn:aws:logs:${region}:${this.#accountId}:log-group:${name}`
  }
}
