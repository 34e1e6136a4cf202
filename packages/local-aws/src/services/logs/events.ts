import type {
  FilterLogEventsCommandInput,
  FilterLogEventsCommandOutput,
  GetLogEventsCommandInput,
  GetLogEventsCommandOutput,
  PutLogEventsCommandInput,
  PutLogEventsCommandOutput,
} from '@aws-sdk/client-cloudwatch-logs'
import { AwsError, type Operation, operation } from '../../service.ts'
import { existingGroup, existingStream, groupNamed } from './lookup.ts'
import { pageOf } from './page.ts'
import { EVENT_OVERHEAD, type LogStore } from './store.ts'

// limits: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
const BATCH_EVENTS = 10_000
const BATCH_BYTES = 1_048_576

/** GetLogEvents, as AWS pages it. */
export function getLogEvents(store: LogStore): Operation {
  return operation<GetLogEventsCommandInput, GetLogEventsCommandOutput>({
    needs: (input, { region }) => [
      {
        action: 'logs:GetLogEvents',
        resource: `${store.groupArn(region, groupNamed(input) ?? '')}:log-stream:${input.logStreamName ?? ''}`,
      },
    ],
    run(input, { region }) {
      if (input.limit !== undefined && (input.limit < 1 || input.limit > 10_000)) {
        throw new AwsError(
          'InvalidParameterException',
          `1 validation error detected: Value '${input.limit}' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10000`,
        )
      }
      const page = pageOf(existingStream(store, region, groupNamed(input), input.logStreamName), input)
      return { ...page }
    },
  })
}

/** PutLogEvents for clients; the tasks' log driver writes to the store directly. */
export function putLogEvents(store: LogStore): Operation {
  return operation<PutLogEventsCommandInput, PutLogEventsCommandOutput>({
    needs: ({ logGroupName, logStreamName }, { region }) => [
      {
        action: 'logs:PutLogEvents',
        resource: `${store.groupArn(region, logGroupName ?? '')}:log-stream:${logStreamName ?? ''}`,
      },
    ],
    run({ logGroupName, logStreamName, logEvents }, { region }) {
      const stream = existingStream(store, region, logGroupName, logStreamName)
      const events = (logEvents ?? []).map(({ timestamp, message }) => ({
        timestamp: timestamp ?? 0,
        message: message ?? '',
      }))
      if (events.length < 1 || events.length > BATCH_EVENTS) {
        throw new AwsError(
          'InvalidParameterException',
          `1 validation error detected: Value at 'logEvents' failed to satisfy constraint: Member must have length between 1 and ${BATCH_EVENTS}`,
        )
      }
      const bytes = events.reduce((sum, { message }) => sum + Buffer.byteLength(message) + EVENT_OVERHEAD, 0)
      if (bytes > BATCH_BYTES)
        throw new AwsError(
          'InvalidParameterException',
          `Upload too large: ${bytes} bytes exceeds limit of ${BATCH_BYTES}`,
        )
      if (events.some(({ timestamp }, index) => timestamp < (events[index - 1]?.timestamp ?? 0))) {
        throw new AwsError(
          'InvalidParameterException',
          'Log events in a single PutLogEvents request must be in chronological order.',
        )
      }
      const now = Date.now()
      for (const { timestamp, message } of events) stream.add(timestamp, message, now)
      return { nextSequenceToken: '49039859605510190264960385340498417926158498253226342546' }
    },
  })
}

/** FilterLogEvents with plain words (all must occur) and quoted phrases; JSON patterns are refused. */
export function filterLogEvents(store: LogStore): Operation {
  return operation<FilterLogEventsCommandInput, FilterLogEventsCommandOutput>({
    needs: (input, { region }) => [
      { action: 'logs:FilterLogEvents', resource: `${store.groupArn(region, groupNamed(input) ?? '')}:*` },
    ],
    run(input, { region }) {
      const group = existingGroup(store, region, groupNamed(input))
      const words = filterWords(input.filterPattern ?? '')
      const matches = [...group.streams.values()]
        .filter(({ name }) => input.logStreamNames?.includes(name) ?? name.startsWith(input.logStreamNamePrefix ?? ''))
        .flatMap(stream => {
          const end = input.endTime === undefined ? stream.length : stream.firstAfter(input.endTime)
          const start = input.startTime === undefined ? 0 : stream.firstAfter(input.startTime - 1)
          return Array.from({ length: Math.max(0, end - start) }, (_, offset) => ({ stream, index: start + offset }))
        })
        .map(({ stream, index }) => ({ logStreamName: stream.name, index, ...stream.at(index) }))
        .filter(({ message }) => words.every(word => message?.includes(word)))
        .sort((a, b) => (a.timestamp ?? 0) - (b.timestamp ?? 0))
      const start = Number(input.nextToken ?? 0)
      const end = start + Math.min(input.limit ?? BATCH_EVENTS, BATCH_EVENTS)
      const events = matches
        .slice(start, end)
        .map(({ index, ...event }) => ({ ...event, eventId: `3${String(index).padStart(55, '0')}` }))
      return { events, searchedLogStreams: [], ...(end < matches.length ? { nextToken: String(end) } : {}) }
    },
  })
}

function filterWords(pattern: string): string[] {
  const trimmed = pattern.trim()
  if (/^[{[%]/.test(trimmed))
    throw new AwsError('InvalidParameterException', `local-aws serves words and quoted phrases only, not: ${trimmed}`)
  return [...trimmed.matchAll(/"([^"]*)"|(\S+)/g)].map(([, phrase, word]) => phrase ?? word ?? '')
}
