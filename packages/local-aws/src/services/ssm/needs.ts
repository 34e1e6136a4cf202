import type { Host } from '../../hosts/host.ts'
import type { Need } from '../../service.ts'

/*
 * What SendCommand needs: the document AND each host. EC2 instances have EC2's ARN, others SSM's own; the tags of both
 * are condition keys. GetCommandInvocation, the List operations, CancelCommand and DescribeInstanceInformation have no
 * resources. Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
 */
export function sendToHost(
  region: string,
  accountId: string,
  instanceId: string,
  tags: Readonly<Record<string, string>> = {},
): Need {
  const resource = instanceId.startsWith('mi-')
    ? `arn:aws:ssm:${region}:${accountId}:managed-instance/${instanceId}`
    : `arn:aws:ec2:${region}:${accountId}:instance/${instanceId}`
  const context = Object.fromEntries(
    Object.entries(tags).flatMap(([key, value]) => [
      [`ssm:resourceTag/${key}`, value],
      [`aws:ResourceTag/${key}`, value],
    ]),
  )
  return { action: 'ssm:SendCommand', resource, context }
}

export function sendToThis(host: Host, accountId: string): Need {
  return sendToHost(host.region, accountId, host.instanceId, host.options.tags)
}

/** an operation without resource-level permissions */
export function onEverything(action: string): () => Need[] {
  return () => [{ action: `ssm:${action}`, resource: '*' }]
}
