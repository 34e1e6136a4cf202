import type { TargetHealth, TargetHealthStateEnum } from '@aws-sdk/client-elastic-load-balancing-v2'
import type { Watch } from '../watch.ts'
import type { TargetPlace } from './record.ts'

/** A target's health in ELB's own words. */
export type TargetState = TargetHealth & { readonly State: TargetHealthStateEnum }

/** What the service scheduler asks of the load balancers. */
export interface Balancer {
  /** why a service may not use this target group, in ECS's words; undefined: it may */
  refusal(groupArn: string): string | undefined
  /** @param hostPort where the target really listens on this machine */
  register(place: TargetPlace, hostPort: number): void
  /** settles when the target has been drained: no request is under way and the deregistration delay is over */
  deregister(place: TargetPlace): Promise<void>
  health(place: TargetPlace): TargetState
  /** changes the weights of the target groups behind a listener rule */
  shift(ruleArn: string, weights: ReadonlyMap<string, number>): void
  /** wakes the watch at every change of a target's health; the returned function ends that */
  onChange(watch: Watch): () => void
}
