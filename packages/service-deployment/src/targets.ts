import { type Calling, call, sdkConfig } from '@aws-deploy-actions/aws-clients'
import type { Rollout } from './rollout.ts'

/** Targets of one group that are shown. */
const TARGETS = 5

/**
 * The unhealthy targets of a service's target groups, beside what the health check asks. A target whose task was stopped is
 * gone by then: what its group asks is told all the same.
 */
export async function unhealthyTargets({ service }: Rollout, region: string, calling: Calling): Promise<string[]> {
  const arns = (service?.loadBalancers ?? []).flatMap(({ targetGroupArn }) => targetGroupArn ?? [])
  if (arns.length === 0) return []
  const elb = await import('@aws-sdk/client-elastic-load-balancing-v2')
  const client = new elb.ElasticLoadBalancingV2Client(sdkConfig(region))
  const { TargetGroups = [] } = await call('elasticloadbalancing:DescribeTargetGroups', calling, options =>
    client.send(new elb.DescribeTargetGroupsCommand({ TargetGroupArns: arns }), options),
  )
  const lines: string[] = []
  for (const group of TargetGroups) {
    const { TargetHealthDescriptions = [] } = await call(
      'elasticloadbalancing:DescribeTargetHealth',
      calling,
      options => client.send(new elb.DescribeTargetHealthCommand({ TargetGroupArn: group.TargetGroupArn }), options),
    )
    const codes = group.Matcher?.HttpCode ?? group.Matcher?.GrpcCode ?? 'a connection'
    const asked = `health check ${group.HealthCheckProtocol} ${group.HealthCheckPath ?? ''} on port ${group.HealthCheckPort}, expects ${codes}; grace period ${service?.healthCheckGracePeriodSeconds ?? 0} s`
    const unhealthy = TargetHealthDescriptions.filter(
      ({ TargetHealth }) => TargetHealth?.State !== 'healthy' && TargetHealth?.State !== 'draining',
    )
    if (unhealthy.length === 0) lines.push(`target group ${group.TargetGroupName}: ${asked}`)
    for (const { Target, TargetHealth } of unhealthy.slice(0, TARGETS)) {
      const why = [TargetHealth?.Reason, TargetHealth?.Description].filter(Boolean).join(', ')
      lines.push(
        `target ${Target?.Id}:${Target?.Port} of ${group.TargetGroupName} is ${TargetHealth?.State}: ${why} (${asked})`,
      )
    }
  }
  return lines
}
