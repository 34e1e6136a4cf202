import { type Calling, call, sdkConfig } from '@aws-deploy-actions/aws-clients'
import type { Rollout } from './rollout.ts'

/** The unhealthy targets of a service's target groups, beside what the health check asks. */
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
    for (const { Target, TargetHealth } of TargetHealthDescriptions) {
      if (TargetHealth?.State === 'healthy' || TargetHealth?.State === 'draining') continue
      const codes = group.Matcher?.HttpCode ?? group.Matcher?.GrpcCode
      lines.push(
        `target ${Target?.Id}:${Target?.Port} of ${group.TargetGroupName} is ${TargetHealth?.State}: ${[TargetHealth?.Reason, TargetHealth?.Description].filter(Boolean).join(', ')}` +
          ` (health check ${group.HealthCheckProtocol} ${group.HealthCheckPath ?? ''} on port ${group.HealthCheckPort}, expects ${codes ?? 'a connection'}; grace period ${service?.healthCheckGracePeriodSeconds ?? 0} s)`,
      )
    }
  }
  return lines
}
