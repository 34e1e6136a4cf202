import { randomBytes } from 'node:crypto'
import type { LoadBalancer, Tag, TargetGroup as TargetGroupShape } from '@aws-sdk/client-elastic-load-balancing-v2'
import type { Cloud } from '../../cloud.ts'
import { AwsError } from '../../service.ts'
import type { Balancer, TargetState } from '../ecs/service/balancer.ts'
import type { TargetPlace } from '../ecs/service/record.ts'
import { Watch } from '../ecs/watch.ts'
import { forwardWeights, Listener, type ListenerRule } from './listener.ts'
import { TargetGroup } from './target-group.ts'

export type LoadBalancerRecord = LoadBalancer & { readonly LoadBalancerArn: string; readonly LoadBalancerName: string }

/** All load balancers, listeners and target groups of a cloud, and what the ECS scheduler does with them. */
export class LoadBalancing implements Balancer {
  readonly loadBalancers = new Map<string, LoadBalancerRecord>()
  readonly listeners = new Map<string, Listener>()
  readonly groups = new Map<string, TargetGroup>()
  /** ARN → tags */
  readonly tags = new Map<string, Tag[]>()
  readonly #cloud: Cloud
  readonly #changes = new Watch()

  constructor(cloud: Cloud) {
    this.#cloud = cloud
  }

  /** `arn:aws:elasticloadbalancing:R:A:KIND/…/0123456789abcdef` */
  newArn(region: string, path: string): string {
    return `arn:aws:elasticloadbalancing:${region}:${this.#cloud.accountId}:${path}/${randomBytes(8).toString('hex')}`
  }

  addGroup(settings: TargetGroupShape & { readonly TargetGroupArn: string }): TargetGroup {
    const { TargetGroupArn: arn } = settings
    const group = new TargetGroup(settings, this.#cloud, this.#changes, () => this.attachedTo(arn).length > 0)
    this.groups.set(arn, group)
    return group
  }

  async addListener(region: string, loadBalancer: LoadBalancerRecord, port: number): Promise<Listener> {
    const path = loadBalancer.LoadBalancerArn.replace(/^.*:loadbalancer\//, 'listener/')
    const arn = this.newArn(region, path)
    const listener = new Listener(arn, loadBalancer.LoadBalancerArn, group => this.groups.get(group))
    await listener.listen(port)
    this.listeners.set(arn, listener)
    return listener
  }

  /** the load balancers that send traffic to a target group */
  attachedTo(groupArn: string): string[] {
    const listeners = [...this.listeners.values()].filter(({ rules }) =>
      rules.some(({ Actions }) => Actions.some(action => forwardWeights(action).has(groupArn))),
    )
    return [...new Set(listeners.map(({ loadBalancerArn }) => loadBalancerArn))]
  }

  ruleByArn(arn: string): { readonly listener: Listener; readonly rule: ListenerRule } | undefined {
    for (const listener of this.listeners.values()) {
      const rule = listener.rules.find(({ RuleArn }) => RuleArn === arn)
      if (rule) return { listener, rule }
    }
    return undefined
  }

  /** whoever watches target health looks again */
  changed(): void {
    this.#changes.changed()
  }

  refusal(groupArn: string): string | undefined {
    // both texts seen in public issues
    if (!this.groups.has(groupArn)) return `The target group with targetGroupArn ${groupArn} does not exist.`
    if (this.attachedTo(groupArn).length > 0) return undefined
    return `The target group with targetGroupArn ${groupArn} does not have an associated load balancer.`
  }

  register({ groupArn, id, port }: TargetPlace, hostPort: number): void {
    this.groups.get(groupArn)?.register(id, port, hostPort)
  }

  async deregister({ groupArn, id, port }: TargetPlace): Promise<void> {
    await this.groups.get(groupArn)?.deregister(id, port)
  }

  health({ groupArn, id, port }: TargetPlace): TargetState {
    return this.groups.get(groupArn)?.health(id, port) ?? { State: 'unused', Reason: 'Target.NotRegistered' }
  }

  shift(ruleArn: string, weights: ReadonlyMap<string, number>): void {
    const action = this.ruleByArn(ruleArn)?.rule.Actions.at(-1)
    if (!action) throw new AwsError('InvalidParameterException', `One or more rules not found: ${ruleArn}`)
    Object.assign(action, {
      TargetGroupArn: undefined,
      ForwardConfig: {
        TargetGroups: [...weights].map(([TargetGroupArn, Weight]) => ({ TargetGroupArn, Weight })),
      },
    })
    this.changed()
  }

  onChange(watch: Watch): () => void {
    return this.#changes.each(() => watch.changed())
  }

  async close(): Promise<void> {
    for (const group of this.groups.values()) group.close()
    await Promise.all([...this.listeners.values()].map(listener => listener.close()))
  }
}
