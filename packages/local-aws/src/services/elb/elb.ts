import * as elb from '@aws-sdk/client-elastic-load-balancing-v2'
import type { Service } from '../../service.ts'
import { listenerOperations } from './listeners.ts'
import { loadBalancerOperations } from './load-balancers.ts'
import type { LoadBalancing } from './load-balancing.ts'
import { ruleOperations } from './rules.ts'
import { targetGroupOperations } from './target-groups.ts'
import { targetOperations } from './targets.ts'

/** Elastic Load Balancing v2: application load balancers whose listeners are real ports of this machine. */
export function elbService(balancing: LoadBalancing): Service {
  return {
    name: 'elasticloadbalancing',
    model: elb,
    protocol: { kind: 'query', version: '2015-12-01' },
    validationError: 'ValidationError',
    operations: {
      ...loadBalancerOperations(balancing),
      ...listenerOperations(balancing),
      ...ruleOperations(balancing),
      ...targetGroupOperations(balancing),
      ...targetOperations(balancing),
    },
  }
}
