import type { Balancer } from './balancer.ts'
import type { DeploymentRecord, Rollout, ServiceRecord } from './record.ts'

/** Gives the new tasks so many percent of the production or test traffic, through the listener rules of the service. */
export function shiftTraffic(
  service: ServiceRecord,
  green: Rollout,
  deployment: DeploymentRecord,
  kind: 'production' | 'test',
  percent: number,
  balancer: Balancer,
): void {
  if (deployment.weights) deployment.weights[kind] = percent
  for (const { targetGroupArn, advancedConfiguration } of green.revision.workload.loadBalancers) {
    const { alternateTargetGroupArn, productionListenerRule, testListenerRule } = advancedConfiguration ?? {}
    const rule = kind === 'production' ? productionListenerRule : testListenerRule
    if (!rule || !targetGroupArn || !alternateTargetGroupArn) continue
    const [mine, other] = green.alternate
      ? [alternateTargetGroupArn, targetGroupArn]
      : [targetGroupArn, alternateTargetGroupArn]
    // the first deployment has nobody to share with
    const share = deployment.source.length === 0 && percent > 0 ? 100 : percent
    balancer.shift(
      rule,
      new Map([
        [mine, share],
        [other, 100 - share],
      ]),
    )
  }
  service.wake.changed()
}
