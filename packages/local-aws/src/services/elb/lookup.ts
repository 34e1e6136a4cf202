import type { Action } from '@aws-sdk/client-elastic-load-balancing-v2'
import { AwsError, type Need } from '../../service.ts'
import type { Listener } from './listener.ts'
import { forwardWeights } from './listener.ts'
import type { LoadBalancerRecord, LoadBalancing } from './load-balancing.ts'
import type { TargetGroup } from './target-group.ts'

/*
 * Lookups with ELB's own errors (seen in AWS's answers): "One or more load balancers not found", and so on.
 */

export function loadBalancerByArn(balancing: LoadBalancing, arn: string | undefined): LoadBalancerRecord {
  const found = balancing.loadBalancers.get(arn ?? '')
  if (!found) throw new AwsError('LoadBalancerNotFound', 'One or more load balancers not found')
  return found
}

export function groupByArn(balancing: LoadBalancing, arn: string | undefined): TargetGroup {
  const found = balancing.groups.get(arn ?? '')
  if (!found) throw new AwsError('TargetGroupNotFound', 'One or more target groups not found')
  return found
}

export function listenerByArn(balancing: LoadBalancing, arn: string | undefined): Listener {
  const found = balancing.listeners.get(arn ?? '')
  if (!found) throw new AwsError('ListenerNotFound', 'One or more listeners not found')
  return found
}

export function ruleByArn(balancing: LoadBalancing, arn: string | undefined) {
  const found = balancing.ruleByArn(arn ?? '')
  if (!found) throw new AwsError('RuleNotFound', 'One or more rules not found')
  return found
}

/** @throws AwsError when an action names a target group that does not exist, or is of a kind that is not served */
export function checkedActions(balancing: LoadBalancing, actions: readonly Action[] | undefined): Action[] {
  const list = [...(actions ?? [])]
  if (list.length === 0) throw new AwsError('ValidationError', 'At least one action must be specified')
  for (const action of list) {
    if (!['forward', 'fixed-response', 'redirect'].includes(action.Type ?? ''))
      throw new AwsError('ValidationError', `local-aws does not serve actions of type ${action.Type}`)
    for (const arn of forwardWeights(action).keys()) groupByArn(balancing, arn)
  }
  return list
}

/** Describe operations have no resource-level permissions (Service Authorization Reference, ELB V2). */
export function describing(action: string): () => Need[] {
  return () => [{ action: `elasticloadbalancing:${action}`, resource: '*' }]
}

export function changing(action: string, resource: string | undefined): Need[] {
  return [{ action: `elasticloadbalancing:${action}`, resource: resource ?? '*' }]
}
