import { Failure } from '@aws-deploy-actions/action-runtime'
import { type Calling, call } from '@aws-deploy-actions/aws-clients'
import { DescribeInstanceInformationCommand, type InstanceInformation, type SSMClient } from '@aws-sdk/client-ssm'

/** Hosts by id, or those that have all of some tags. */
export type Targets =
  | { readonly kind: 'ids'; readonly ids: readonly string[] }
  | { readonly kind: 'tags'; readonly tags: ReadonlyMap<string, string> }

/** No host has the tags. */
export class NoTargets extends Failure {
  override readonly name = 'NoTargets'
  override readonly status = 'no-targets'
}

/**
 * The ids of the hosts, all of which are online.
 * @throws Failure that names every host that is not online or that SSM does not know; NoTargets
 */
export async function onlineHosts(ssm: SSMClient, targets: Targets, calling: Calling): Promise<string[]> {
  const known = await managedHosts(ssm, targets, calling)
  if (targets.kind === 'tags' && known.length === 0) {
    throw new NoTargets(`No managed host has ${tagsText(targets.tags)}.`, {
      cause: 'The tag or its value is misspelt, the region is another one, or the hosts never registered with SSM.',
      next: [
        'Compare the tags with those of the instances; look at Systems Manager, Fleet Manager: only hosts that are listed there can be reached.',
      ],
    })
  }
  const ids = targets.kind === 'ids' ? targets.ids : known.map(({ InstanceId = '' }) => InstanceId)
  const byId = new Map(known.map(host => [host.InstanceId, host]))
  const away = ids.flatMap(id => {
    const host = byId.get(id)
    if (host === undefined) return [`${id}: Systems Manager does not know it in this region`]
    if (host.PingStatus === 'Online') return []
    return [
      `${id}: ${host.PingStatus}, last heard of ${host.LastPingDateTime?.toISOString() ?? 'never'}${host.ComputerName === undefined ? '' : ` (${host.ComputerName})`}`,
    ]
  })
  if (away.length > 0) {
    throw new Failure(
      `${away.length} of ${ids.length} hosts ${away.length === 1 ? 'is' : 'are'} not online; nothing was sent to any.`,
      {
        resource: away.map(line => line.slice(0, line.indexOf(':'))).join(', '),
        seen: away,
        cause:
          'The instance is stopped, its SSM agent does not run, it has no way to the SSM endpoints, or its role lacks AmazonSSMManagedInstanceCore.',
        next: [
          'Start the instance or its agent (systemctl status amazon-ssm-agent), and look at Fleet Manager until it is Online; or leave it out.',
        ],
      },
    )
  }
  return ids.toSorted()
}

async function managedHosts(ssm: SSMClient, targets: Targets, calling: Calling): Promise<InstanceInformation[]> {
  const Filters =
    targets.kind === 'ids'
      ? [{ Key: 'InstanceIds', Values: [...targets.ids] }]
      : [...targets.tags].map(([key, value]) => ({ Key: `tag:${key}`, Values: [value] }))
  const found: InstanceInformation[] = []
  let token: string | undefined
  do {
    const { InstanceInformationList = [], NextToken } = await call(
      'ssm:DescribeInstanceInformation',
      calling,
      options =>
        ssm.send(
          new DescribeInstanceInformationCommand({
            Filters,
            MaxResults: 50,
            ...(token === undefined ? {} : { NextToken: token }),
          }),
          options,
        ),
    )
    found.push(...InstanceInformationList)
    token = NextToken
  } while (token !== undefined && token !== '')
  return found
}

function tagsText(tags: ReadonlyMap<string, string>): string {
  return [...tags].map(([key, value]) => `the tag ${key}=${value}`).join(' and ')
}
