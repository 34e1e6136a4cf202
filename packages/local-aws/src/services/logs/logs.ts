import type {
  CreateLogGroupCommandInput,
  CreateLogGroupCommandOutput,
  CreateLogStreamCommandInput,
  CreateLogStreamCommandOutput,
  DeleteLogGroupCommandInput,
  DeleteLogGroupCommandOutput,
  DescribeLogGroupsCommandInput,
  DescribeLogGroupsCommandOutput,
  DescribeLogStreamsCommandInput,
  DescribeLogStreamsCommandOutput,
  PutRetentionPolicyCommandInput,
  PutRetentionPolicyCommandOutput,
} from '@aws-sdk/client-cloudwatch-logs'
import * as cloudwatchLogs from '@aws-sdk/client-cloudwatch-logs'
import { AwsError, type Need, operation, type RequestContext, type Service } from '../../service.ts'
import { filterLogEvents, getLogEvents, putLogEvents } from './events.ts'
import { existingGroup, groupNamed } from './lookup.ts'
import type { LogGroup, LogStore } from './store.ts'

/** CloudWatch Logs: groups, streams, events. */
export function logsService(store: LogStore): Service {
  const onGroup = (action: string, name: string | undefined, { region }: RequestContext): Need[] => [
    // group-level actions are checked against `log-group:NAME:*` (IAM reference of CloudWatch Logs)
    { action: `logs:${action}`, resource: `${store.groupArn(region, name ?? '*')}:*` },
  ]
  return {
    name: 'logs',
    model: cloudwatchLogs,
    protocol: { kind: 'awsJson1_1', target: 'Logs_20140328' },
    operations: {
      CreateLogGroup: operation<CreateLogGroupCommandInput, CreateLogGroupCommandOutput>({
        needs: ({ logGroupName }, context) => onGroup('CreateLogGroup', logGroupName, context),
        run({ logGroupName }, { region }) {
          const name = checkedGroupName(logGroupName)
          if (store.groups(region).has(name)) {
            throw new AwsError('ResourceAlreadyExistsException', 'The specified log group already exists')
          }
          store.createGroup(region, name)
          return {}
        },
      }),
      DeleteLogGroup: operation<DeleteLogGroupCommandInput, DeleteLogGroupCommandOutput>({
        needs: ({ logGroupName }, context) => onGroup('DeleteLogGroup', logGroupName, context),
        run({ logGroupName }, { region }) {
          store.groups(region).delete(existingGroup(store, region, logGroupName).name)
          return {}
        },
      }),
      PutRetentionPolicy: operation<PutRetentionPolicyCommandInput, PutRetentionPolicyCommandOutput>({
        needs: ({ logGroupName }, context) => onGroup('PutRetentionPolicy', logGroupName, context),
        run({ logGroupName, retentionInDays }, { region }) {
          existingGroup(store, region, logGroupName).retentionInDays = retentionInDays
          return {}
        },
      }),
      DescribeLogGroups: operation<DescribeLogGroupsCommandInput, DescribeLogGroupsCommandOutput>({
        needs: (_input, { region, accountId }) => [
          { action: 'logs:DescribeLogGroups', resource: `arn:aws:logs:${region}:${accountId}:log-group::log-stream:*` },
        ],
        run({ logGroupNamePrefix, logGroupNamePattern, limit, nextToken }, { region }) {
          const names = [...store.groups(region).values()]
            .filter(({ name }) => name.startsWith(logGroupNamePrefix ?? ''))
            .filter(({ name }) => name.toLowerCase().includes((logGroupNamePattern ?? '').toLowerCase()))
            .sort((a, b) => (a.name < b.name ? -1 : 1))
          const page = slice(names, limit ?? 50, nextToken)
          return { logGroups: page.items.map(describedGroup), ...page.next }
        },
      }),
      CreateLogStream: operation<CreateLogStreamCommandInput, CreateLogStreamCommandOutput>({
        needs: ({ logGroupName }, context) => onGroup('CreateLogStream', logGroupName, context),
        run({ logGroupName, logStreamName }, { region }) {
          const group = existingGroup(store, region, logGroupName)
          if (!/^[^:*]{1,512}$/.test(logStreamName ?? '')) {
            throw new AwsError(
              'InvalidParameterException',
              `1 validation error detected: Value '${logStreamName}' at 'logStreamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [^:*]*`,
            )
          }
          if (group.streams.has(logStreamName ?? '')) {
            throw new AwsError('ResourceAlreadyExistsException', 'The specified log stream already exists')
          }
          store.stream(group, logStreamName ?? '')
          return {}
        },
      }),
      DescribeLogStreams: operation<DescribeLogStreamsCommandInput, DescribeLogStreamsCommandOutput>({
        needs: (input, context) => onGroup('DescribeLogStreams', groupNamed(input), context),
        run(input, { region }) {
          if (input.orderBy === 'LastEventTime' && input.logStreamNamePrefix !== undefined) {
            // API reference, DescribeLogStreams: "you cannot specify the logStreamNamePrefix parameter"
            const message = 'Cannot order by LastEventTime with a logStreamNamePrefix.'
            throw new AwsError('InvalidParameterException', message)
          }
          const streams = [...existingGroup(store, region, groupNamed(input)).streams.values()]
            .filter(({ name }) => name.startsWith(input.logStreamNamePrefix ?? ''))
            .sort((a, b) =>
              input.orderBy === 'LastEventTime'
                ? (a.at(a.length - 1)?.timestamp ?? 0) - (b.at(b.length - 1)?.timestamp ?? 0)
                : a.name < b.name
                  ? -1
                  : 1,
            )
          if (input.descending) streams.reverse()
          const page = slice(streams, input.limit ?? 50, input.nextToken)
          const logStreams = page.items.map(stream => {
            const firstEvent = stream.at(0)
            const lastEvent = stream.at(stream.length - 1)
            return {
              logStreamName: stream.name,
              arn: stream.arn,
              creationTime: stream.creationTime,
              // "storedBytes … is deprecated and will return zero" (API reference, LogStream)
              storedBytes: 0,
              uploadSequenceToken: '49039859605510190264960385340498417926158498253226342546',
              ...(firstEvent && lastEvent
                ? {
                    firstEventTimestamp: firstEvent.timestamp,
                    lastEventTimestamp: lastEvent.timestamp,
                    lastIngestionTime: lastEvent.ingestionTime,
                  }
                : {}),
            }
          })
          return { logStreams, ...page.next }
        },
      }),
      PutLogEvents: putLogEvents(store),
      GetLogEvents: getLogEvents(store),
      FilterLogEvents: filterLogEvents(store),
    },
  }
}

function describedGroup(group: LogGroup) {
  let storedBytes = 0
  for (const stream of group.streams.values()) storedBytes += stream.storedBytes
  return {
    logGroupName: group.name,
    arn: `${group.arn}:*`,
    logGroupArn: group.arn,
    creationTime: group.creationTime,
    metricFilterCount: 0,
    storedBytes,
    logGroupClass: 'STANDARD' as const,
    ...(group.retentionInDays === undefined ? {} : { retentionInDays: group.retentionInDays }),
  }
}

function slice<T>(items: readonly T[], limit: number, token: string | undefined) {
  const start = token === undefined ? 0 : Number(token)
  if (!Number.isInteger(start)) throw new AwsError('InvalidParameterException', 'The specified nextToken is invalid.')
  const end = start + limit
  return { items: items.slice(start, end), next: end < items.length ? { nextToken: String(end) } : {} }
}

function checkedGroupName(name: string | undefined): string {
  if (name === undefined || !/^[.\-_/#A-Za-z0-9]{1,512}$/.test(name)) {
    throw new AwsError(
      'InvalidParameterException',
      `1 validation error detected: Value '${name}' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+`,
    )
  }
  return name
}
