import { AwsError } from '../../service.ts'
import type { LogGroup, LogStore, LogStream } from './store.ts'

/** The group's name of a request that may name it by `logGroupIdentifier` (a name or an ARN). */
export function groupNamed(input: {
  readonly logGroupName?: string | undefined
  readonly logGroupIdentifier?: string | undefined
}): string | undefined {
  const { logGroupName, logGroupIdentifier } = input
  if ((logGroupName === undefined) === (logGroupIdentifier === undefined)) {
    throw new AwsError('InvalidParameterException', 'Exactly one of logGroupName and logGroupIdentifier must be given')
  }
  return logGroupName ?? logGroupIdentifier?.replace(/^arn:[^:]+:logs:[^:]*:\d+:log-group:/, '').replace(/:\*$/, '')
}

/** @throws AwsError ResourceNotFoundException */
export function existingGroup(store: LogStore, region: string, name: string | undefined): LogGroup {
  const group = store.groups(region).get(name ?? '')
  if (!group) throw new AwsError('ResourceNotFoundException', 'The specified log group does not exist.')
  return group
}

/** @throws AwsError ResourceNotFoundException */
export function existingStream(
  store: LogStore,
  region: string,
  group: string | undefined,
  name: string | undefined,
): LogStream {
  const stream = existingGroup(store, region, group).streams.get(name ?? '')
  if (!stream) throw new AwsError('ResourceNotFoundException', 'The specified log stream does not exist.')
  return stream
}
