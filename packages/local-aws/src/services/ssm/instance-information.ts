import type {
  DescribeInstanceInformationCommandInput,
  DescribeInstanceInformationCommandOutput,
  InstanceInformation,
} from '@aws-sdk/client-ssm'
import type { Fleet } from '../../hosts/fleet.ts'
import type { Host } from '../../hosts/host.ts'
import { AwsError, operation } from '../../service.ts'
import { checkConstraints } from './constraints.ts'
import { onEverything } from './needs.ts'
import { page } from './pages.ts'

interface Filter {
  readonly key: string
  readonly values: readonly string[]
}

/** "The default value is 10 items" */
const PAGE = 10

/** The hosts as Systems Manager knows them, also those that are offline. */
export function describeInstanceInformation(fleet: Fleet) {
  return operation<DescribeInstanceInformationCommandInput, DescribeInstanceInformationCommandOutput>({
    needs: onEverything('DescribeInstanceInformation'),
    run(input, { region }) {
      checkConstraints({ ...input }, { MaxResults: { min: 5, max: 50 } })
      const { Filters = [], InstanceInformationFilterList: legacy = [], MaxResults = PAGE, NextToken } = input
      if (Filters.length > 0 && legacy.length > 0)
        throw new AwsError(
          'ValidationException',
          'Attempting to use InstanceInformationFilterList and Filters leads to an exception error.',
        )
      const filters: Filter[] = [
        ...Filters.map(({ Key = '', Values = [] }) => ({ key: Key, values: Values })),
        ...legacy.map(({ key, valueSet = [] }) => ({
          key: key === 'PlatformTypes' ? 'PlatformType' : (key ?? ''),
          values: valueSet,
        })),
      ]
      checkFilters(filters)
      const found = fleet.of(region).filter(host => filters.every(filter => passes(host, filter)))
      const { items, nextToken } = page(found, MaxResults, NextToken)
      return {
        InstanceInformationList: items.map(information),
        ...(nextToken === undefined ? {} : { NextToken: nextToken }),
      }
    },
  })
}

/** Valid keys and the rules for tags: InstanceInformationStringFilter in the API reference. */
function checkFilters(filters: readonly Filter[]): void {
  const isTag = (key: string) => key === 'tag-key' || key.startsWith('tag:')
  const other = ['InstanceIds', 'PingStatus', 'PlatformType', 'ResourceType', 'AgentVersion', 'IamRole']
  for (const { key, values } of filters) {
    if (!isTag(key) && !other.includes(key))
      throw new AwsError('InvalidFilterKey', `The filter key ${key} is not valid.`)
    if (values.length < 1 || values.length > 100)
      throw new AwsError('InvalidInstanceInformationFilterValue', 'A filter takes 1 to 100 values.')
    const wrong = values.find(value => isWrong(key, value))
    if (wrong !== undefined)
      throw new AwsError('InvalidInstanceInformationFilterValue', `The filter value ${wrong} is not valid for ${key}.`)
  }
  if (filters.some(({ key }) => isTag(key)) && filters.some(({ key }) => !isTag(key)))
    throw new AwsError('ValidationException', "Tag filters can't be combined with other filter types.")
}

const filterValues: Readonly<Record<string, readonly string[]>> = {
  PingStatus: ['Online', 'ConnectionLost', 'Inactive'],
  PlatformType: ['Windows', 'Linux', 'MacOS'],
  ResourceType: ['EC2Instance', 'ManagedInstance'],
}

function isWrong(key: string, value: string): boolean {
  if (key === 'InstanceIds') return !/(^i-(\w{8}|\w{17})$)|(^mi-\w{17}$)/.test(value)
  const known = filterValues[key]
  return value === '' || (known !== undefined && !known.includes(value))
}

function passes(host: Host, { key, values }: Filter): boolean {
  const { tags = {} } = host.options
  if (key === 'tag-key') return values.some(name => tags[name] !== undefined)
  const known = information(host)
  const value = key.startsWith('tag:')
    ? tags[key.slice('tag:'.length)]
    : {
        InstanceIds: known.InstanceId,
        PingStatus: known.PingStatus,
        PlatformType: known.PlatformType,
        ResourceType: known.ResourceType,
        AgentVersion: known.AgentVersion,
        IamRole: known.IamRole,
      }[key]
  return value !== undefined && values.includes(value)
}

function information(host: Host): InstanceInformation {
  const isOnline = host.state === 'online'
  const platform = host.options.platform ?? 'Linux'
  return {
    InstanceId: host.instanceId,
    PingStatus: isOnline || host.state === 'unresponsive' ? 'Online' : 'ConnectionLost',
    LastPingDateTime: isOnline ? new Date() : host.lastPingAt,
    AgentVersion: '3.3.1142.0',
    IsLatestVersion: true,
    PlatformType: platform,
    PlatformName: { Linux: 'Amazon Linux', Windows: 'Microsoft Windows Server 2022 Datacenter', MacOS: 'macOS' }[
      platform
    ],
    PlatformVersion: { Linux: '2023', Windows: '10.0.20348', MacOS: '14.5' }[platform],
    // "This call doesn't return the IAM role for unmanaged Amazon EC2 instances"
    ResourceType: host.instanceId.startsWith('mi-') ? 'ManagedInstance' : 'EC2Instance',
    IPAddress: '127.0.0.1',
    ComputerName: `${host.instanceId}.${host.region}.compute.internal`,
    ...(host.instanceId.startsWith('mi-') ? { RegistrationDate: host.registeredAt, Name: host.instanceId } : {}),
    SourceId: host.instanceId,
    SourceType: host.instanceId.startsWith('mi-') ? 'AWS::SSM::ManagedInstance' : 'AWS::EC2::Instance',
  }
}
