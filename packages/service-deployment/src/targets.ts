import { type Calling, call, sdkConfig } from '@aws-deploy-actions/aws-clients'
import type { TargetHealthDescription } from '@aws-sdk/client-elastic-load-balancing-v2'
import { ownDeployment, type Rollout } from './rollout.ts'

/** Targets of one group that are shown. */
const TARGETS = 5
/** Target groups are looked at so often while a deployment goes on (ms), … */
const EVERY_MS = 15_000
/** … one for so many of them, in turn: calls stay few. */
const GROUPS_PER_LOOK = 20

/** Reads the health of one target group. */
export type ReadTargets = (groupArn: string, calling: Calling) => Promise<readonly TargetHealthDescription[]>

/** DescribeTargetHealth in a region. */
export function targetHealthIn(region: string): ReadTargets {
  return async (groupArn, calling) => {
    const { client, elb } = await balancerIn(region)
    const { TargetHealthDescriptions = [] } = await call(
      'elasticloadbalancing:DescribeTargetHealth',
      calling,
      options => client.send(new elb.DescribeTargetHealthCommand({ TargetGroupArn: groupArn }), options),
    )
    return TargetHealthDescriptions
  }
}

/**
 * Remembers what was wrong with targets while a deployment goes on: ECS stops the task of an unhealthy one, and by the time
 * the deployment has failed it is registered no more.
 */
export class TargetWatch {
  readonly #read: ReadTargets
  /** by target group, then by target: its state in words */
  readonly #seen = new Map<string, Map<string, string>>()
  #lookedAt = Number.NEGATIVE_INFINITY
  #turn = 0
  #ended = false

  constructor(read: ReadTargets) {
    this.#read = read
  }

  /** Looks at some of the target groups when it is time. Never throws: it is evidence, not the verdict. */
  async look(rollouts: readonly Rollout[], calling: Calling): Promise<void> {
    const groups = rollouts.filter(hasNewTasks).flatMap(targetGroups)
    if (this.#ended || groups.length === 0 || calling.clock.now() - this.#lookedAt < EVERY_MS) return
    this.#lookedAt = calling.clock.now()
    for (let left = Math.ceil(groups.length / GROUPS_PER_LOOK); left > 0; left--) {
      this.#turn += 1
      const group = groups[this.#turn % groups.length] ?? ''
      try {
        this.#note(group, await this.#read(group, calling))
      } catch (error) {
        calling.signal?.throwIfAborted()
        calling.log.debug(`Target health is not looked at any more: ${error instanceof Error ? error.message : error}`)
        this.#ended = true
        return
      }
    }
  }

  /** What was wrong with the targets of a group when they were last seen, but for those that are `shown` already. */
  remembered(groupArn: string, shown: ReadonlySet<string>): string[] {
    const seen = [...(this.#seen.get(groupArn) ?? [])].flatMap(([target, words]) => (shown.has(target) ? [] : [words]))
    const more = seen.length - TARGETS
    return [...seen.slice(0, TARGETS), ...(more > 0 ? [`… ${more} more targets were not healthy`] : [])]
  }

  #note(group: string, targets: readonly TargetHealthDescription[]): void {
    const seen = this.#seen.get(group) ?? new Map<string, string>()
    this.#seen.set(group, seen)
    for (const target of targets) {
      const state = target.TargetHealth?.State
      if (state === 'healthy') seen.delete(targetName(target))
      else if (state === 'unhealthy' || (state === 'initial' && !seen.has(targetName(target))))
        seen.set(targetName(target), `target ${targetName(target)} was ${stateWords(target)}`)
    }
  }
}

/**
 * The targets of a service that are not healthy or were not when they were last seen, beside what the health check of
 * their group asks.
 */
export async function unhealthyTargets(
  { service }: Rollout,
  watch: TargetWatch,
  region: string,
  calling: Calling,
): Promise<string[]> {
  const arns = (service?.loadBalancers ?? []).flatMap(({ targetGroupArn }) => targetGroupArn ?? [])
  if (arns.length === 0) return []
  const { client, elb } = await balancerIn(region)
  const { TargetGroups = [] } = await call('elasticloadbalancing:DescribeTargetGroups', calling, options =>
    client.send(new elb.DescribeTargetGroupsCommand({ TargetGroupArns: arns }), options),
  )
  const read = targetHealthIn(region)
  const lines: string[] = []
  for (const group of TargetGroups) {
    const arn = group.TargetGroupArn ?? ''
    const bad = (await read(arn, calling)).filter(
      ({ TargetHealth }) => TargetHealth?.State !== 'healthy' && TargetHealth?.State !== 'draining',
    )
    const unhealthy = bad.slice(0, TARGETS)
    const codes = group.Matcher?.HttpCode ?? group.Matcher?.GrpcCode ?? 'a connection'
    const path = group.HealthCheckPath === undefined ? '' : ` ${group.HealthCheckPath}`
    lines.push(
      ...unhealthy.map(target => `target ${targetName(target)} is ${stateWords(target)}`),
      ...(bad.length > TARGETS ? [`… ${bad.length - TARGETS} more targets are not healthy`] : []),
      ...watch.remembered(arn, new Set(bad.map(targetName))),
      `target group ${group.TargetGroupName}: health check ${group.HealthCheckProtocol}${path} on port ${group.HealthCheckPort}, expects ${codes}; grace period ${service?.healthCheckGracePeriodSeconds ?? 0} s`,
    )
  }
  return lines
}

async function balancerIn(region: string) {
  const elb = await import('@aws-sdk/client-elastic-load-balancing-v2')
  return { elb, client: new elb.ElasticLoadBalancingV2Client(sdkConfig(region)) }
}

function targetGroups({ service }: Rollout): string[] {
  return (service?.loadBalancers ?? []).flatMap(({ targetGroupArn }) => targetGroupArn ?? [])
}

/** Before tasks of ours run there is nothing to look at. */
function hasNewTasks(rollout: Rollout): boolean {
  return (ownDeployment(rollout)?.runningCount ?? 0) > 0
}

function targetName({ Target }: TargetHealthDescription): string {
  return `${Target?.Id}:${Target?.Port}`
}

function stateWords({ TargetHealth }: TargetHealthDescription): string {
  const why = [TargetHealth?.Reason, TargetHealth?.Description].filter(Boolean).join(', ')
  return why === '' ? `${TargetHealth?.State}` : `${TargetHealth?.State}: ${why}`
}
