import { AwsError, type Calling, call, PermissionError } from '@aws-deploy-actions/aws-clients'
import {
  DescribeServiceDeploymentsCommand,
  type ECSClient,
  ListServiceDeploymentsCommand,
  type Service,
  type ServiceDeployment,
} from '@aws-sdk/client-ecs'
import { DEPLOYMENTS_UNREAD } from './once.ts'
import { ownDeployment, primaryDeployment, type Rollout } from './rollout.ts'
import { describedServices, SERVICES_PAGE } from './services.ts'

/** DescribeServiceDeployments takes 20 (API reference). */
const PAGE = 20
/** The service deployment has the verdict; the service itself has counts and events, and is looked at less often (ms). */
const SERVICES_EVERY_MS = 6500
/** Without service deployments every look asks for the services; so many services cost so much time between looks (ms). */
const PER_SERVICES_PAGE_MS = 130
/** DescribeServices can be behind UpdateService for so long (eventual consistency, ECS API reference; ms). */
const BEHIND_MS = 10_000
/** The service names its current deployment, which can be stale; after so many looks the list is asked for, a few at a time. */
const LOOKS_BEFORE_LIST = 2
const LISTS_PER_LOOK = 5
/** DescribeServices can forget a service for a moment (eventual consistency); so often in a row, it is gone. */
const LOOKS_UNTIL_GONE = 3

/**
 * Looks at all services of a step at once: calls grow with services/10 and services/20, not with services. Where
 * service deployments are denied or absent, `deployments[]` has to do, and the other way round.
 */
export class ServicePoller {
  readonly #ecs: ECSClient
  readonly #cluster: string
  #servicesAt = Number.NEGATIVE_INFINITY
  #withoutServiceDeployments = false
  #withoutServices = false
  /** looks in which the service deployment of a deployment was not found */
  readonly #looks = new Map<string, number>()
  /** looks in which the service itself was not found */
  readonly #missing = new Map<string, number>()
  /** status of the service deployment when the service was last asked for */
  readonly #seen = new Map<string, string | undefined>()

  constructor(ecs: ECSClient, cluster: string) {
    this.#ecs = ecs
    this.#cluster = cluster
  }

  /** Brings the rollouts up to date. */
  async look(rollouts: readonly Rollout[], calling: Calling): Promise<void> {
    const all = calling.clock.now() - this.#servicesAt >= this.#servicesEveryMs(rollouts.length)
    const unfound = this.#withoutServiceDeployments ? [] : rollouts.filter(isUnfound)
    await this.#describeServices(all ? rollouts : unfound, calling)
    if (all) this.#servicesAt = calling.clock.now()
    await this.#describe(rollouts, calling)
    await this.#list(rollouts, calling)
    // The verdict needs the service as it is now.
    await this.#describeServices(
      rollouts.filter(rollout => this.#hasMoved(rollout) || (rollout.joined === true && !all)),
      calling,
    )
  }

  #servicesEveryMs(services: number): number {
    if (!this.#withoutServiceDeployments) return SERVICES_EVERY_MS
    return Math.ceil(services / SERVICES_PAGE) * PER_SERVICES_PAGE_MS
  }

  #hasMoved({ name, serviceDeployment }: Rollout): boolean {
    return this.#seen.has(name) && this.#seen.get(name) !== serviceDeployment?.status
  }

  async #describeServices(rollouts: readonly Rollout[], calling: Calling): Promise<void> {
    if (this.#withoutServices || rollouts.length === 0) return
    try {
      const names = rollouts.map(({ name }) => name)
      const services = await describedServices(this.#ecs, this.#cluster, names, calling)
      for (const rollout of rollouts) {
        const service = services.get(rollout.name)
        this.#seen.set(rollout.name, rollout.serviceDeployment?.status)
        if (service !== undefined && !isBehind({ ...rollout, service }, calling.clock.now())) rollout.service = service
        this.#noteMissing(rollout, service)
      }
    } catch (error) {
      const otherWay = rollouts.every(({ serviceDeployment }) => serviceDeployment !== undefined)
      if (!(error instanceof PermissionError && otherWay)) throw error
      this.#withoutServices = true
      calling.log.notice(
        'Services cannot be read any more',
        `Without ${error.action} the verdict comes from the service deployments alone.`,
      )
    }
  }

  /** A service that was deleted is listed as INACTIVE for a while, and then no more (API reference, DeleteService). */
  #noteMissing(rollout: Rollout, service: Service | undefined): void {
    const missing = service === undefined ? (this.#missing.get(rollout.name) ?? 0) + 1 : 0
    this.#missing.set(rollout.name, missing)
    if (missing >= LOOKS_UNTIL_GONE) rollout.service = { ...rollout.service, status: 'INACTIVE', deployments: [] }
  }

  /** Ours is the one whose target revision carries the number of our deployment: `ecs-svc/NUMBER`, `…/NUMBER`. */
  async serviceDeploymentOf(service: string, deploymentId: string, calling: Calling): Promise<string | undefined> {
    try {
      const { serviceDeployments = [] } = await call('ecs:ListServiceDeployments', calling, options =>
        this.#ecs.send(new ListServiceDeploymentsCommand({ cluster: this.#cluster, service, maxResults: 10 }), options),
      )
      return serviceDeployments.find(({ targetServiceRevisionArn }) => isOf(targetServiceRevisionArn, deploymentId))
        ?.serviceDeploymentArn
    } catch (error) {
      this.#giveUp(error, calling)
      return undefined
    }
  }

  async #list(rollouts: readonly Rollout[], calling: Calling): Promise<void> {
    const missing: Rollout[] = []
    for (const rollout of rollouts.filter(isUnfound)) {
      const key = rollout.deploymentId ?? ''
      const looks = (this.#looks.get(key) ?? 0) + 1
      this.#looks.set(key, looks)
      if (looks >= LOOKS_BEFORE_LIST && missing.length < LISTS_PER_LOOK) missing.push(rollout)
    }
    for (const rollout of missing) {
      if (this.#withoutServiceDeployments) return
      const arn = await this.serviceDeploymentOf(rollout.name, rollout.deploymentId ?? '', calling)
      if (arn !== undefined) rollout.serviceDeploymentArn = arn
    }
  }

  async #describe(rollouts: readonly Rollout[], calling: Calling): Promise<void> {
    const arns = [...new Set(rollouts.flatMap(rollout => candidate(rollout) ?? []))]
    const found = new Map<string | undefined, ServiceDeployment>()
    try {
      for (let start = 0; start < arns.length && !this.#withoutServiceDeployments; start += PAGE) {
        const { serviceDeployments = [] } = await call('ecs:DescribeServiceDeployments', calling, options =>
          this.#ecs.send(
            new DescribeServiceDeploymentsCommand({ serviceDeploymentArns: arns.slice(start, start + PAGE) }),
            options,
          ),
        )
        for (const entry of serviceDeployments) found.set(entry.serviceDeploymentArn, entry)
      }
    } catch (error) {
      this.#giveUp(error, calling)
    }
    for (const rollout of rollouts) {
      const entry = found.get(candidate(rollout))
      if (this.#withoutServiceDeployments) delete rollout.serviceDeployment
      else if (
        entry?.serviceDeploymentArn !== undefined &&
        isOf(entry.targetServiceRevision?.arn, rollout.deploymentId)
      ) {
        rollout.serviceDeploymentArn = entry.serviceDeploymentArn
        rollout.serviceDeployment = entry
      }
    }
  }

  #giveUp(error: unknown, { log }: Calling): void {
    const absent = error instanceof AwsError && /UnknownOperation|UnsupportedFeature/.test(error.code)
    if (!(error instanceof PermissionError || absent) || this.#withoutServices) throw error
    this.#withoutServiceDeployments = true
    this.#servicesAt = Number.NEGATIVE_INFINITY
    const action = error instanceof PermissionError ? error.action : 'that API'
    log.notice(
      DEPLOYMENTS_UNREAD,
      `Without ${action} the verdict comes from deployments[] alone, and says less about the reason.`,
    )
  }
}

function isUnfound({ serviceDeploymentArn, deploymentId }: Rollout): boolean {
  return serviceDeploymentArn === undefined && deploymentId !== undefined
}

function candidate({ serviceDeploymentArn, service }: Rollout): string | undefined {
  return serviceDeploymentArn ?? service?.currentServiceDeployment
}

function isOf(serviceRevisionArn: string | undefined, deploymentId: string | undefined): boolean {
  return deploymentId !== undefined && serviceRevisionArn?.endsWith(`/${deploymentId.replace(/^.*\//, '')}`) === true
}

/** An answer from before our last UpdateService. */
function isBehind(rollout: Rollout & { readonly service: NonNullable<Rollout['service']> }, now: number): boolean {
  const { before, service, sawFailure, serviceDeployment, putInAt = 0 } = rollout
  if (now - putInAt > BEHIND_MS || sawFailure || /ROLLBACK/.test(serviceDeployment?.status ?? '')) return false
  return before !== undefined && primaryDeployment(service)?.id === before && ownDeployment(rollout) === undefined
}
