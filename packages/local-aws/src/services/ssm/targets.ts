import type { Target } from '@aws-sdk/client-ssm'
import type { Fleet } from '../../hosts/fleet.ts'
import type { Host } from '../../hosts/host.ts'
import { AwsError } from '../../service.ts'

/**
 * Hosts by id.
 * @throws AwsError InvalidInstanceId with all that are unknown or terminated, as AWS words it (aws-sdk-js-v3 issue 3676)
 */
export function hostsById(fleet: Fleet, region: string, accountId: string, ids: readonly string[]): Host[] {
  const there = new Map(fleet.of(region).map(host => [host.instanceId, host]))
  const missing = ids.filter(id => !there.has(id))
  if (missing.length > 0)
    throw new AwsError(
      'InvalidInstanceId',
      `Instances [[${missing.join(', ')}]] not in a valid state for account ${accountId}`,
    )
  return ids.flatMap(id => there.get(id) ?? [])
}

/** Checks the kinds of targets; those that local-aws does not serve are an error that says so. */
export function checkTargets(targets: readonly Target[]): void {
  for (const { Key = '' } of targets) {
    if (Key.startsWith('resource-groups:'))
      throw new AwsError('ValidationException', `local-aws has no resource groups: ${Key}`)
    if (!/^(tag:.+|tag-key|InstanceIds)$/.test(Key))
      throw new AwsError('ValidationException', `The target key ${Key} is not valid.`)
  }
}

/** Hosts that meet every target; of one target's values any will do. */
export function hostsByTargets(fleet: Fleet, region: string, targets: readonly Target[]): Host[] {
  return fleet.of(region).filter(host =>
    targets.every(({ Key = '', Values = [] }) => {
      const { tags = {} } = host.options
      if (Key === 'InstanceIds') return Values.includes(host.instanceId)
      if (Key === 'tag-key') return Values.some(name => tags[name] !== undefined)
      const value = tags[Key.slice('tag:'.length)]
      return value !== undefined && Values.includes(value)
    }),
  )
}
