import { AwsError, type Calling, call, PermissionError } from '@aws-deploy-actions/aws-clients'
import {
  DescribeServiceDeploymentsCommand,
  type ECSClient,
  ListServiceDeploymentsCommand,
  type ServiceDeployment,
} from '@aws-sdk/client-ecs'
import type { Rollout } from './rollout.ts'
import { describedServices } from './services.ts'

/** DescribeServiceDeployments takes 20 (API reference). */
const PAGE = 20
/** The service deployment has the verdict; the service itself has counts and events, and is looked at less often (ms). */
const SERVICES_EVERY_MS = 6500

/**
 * Looks at all services of a step at once: calls grow with services/10 and services/20, not with services. The service
 * deployment of each is looked for once; where that API is denied or absent, `deployments[]` has to do.
 */
export class ServicePoller {
  readonly #ecs: ECSClient
  readonly #cluster: string
  #servicesAt = Number.NEGATIVE_INFINITY
  #withoutServiceDeployments = false

  constructor(ecs: ECSClient, cluster: string) {
    this.#ecs = ecs
    this.#cluster = cluster
  }

  /** Brings the rollouts up to date. */
  async look(rollouts: readonly Rollout[], calling: Calling): Promise<void> {
    const { clock } = calling
    const unfound = rollouts.filter(
      ({ serviceDeploymentArn, deploymentId }) => serviceDeploymentArn === undefined && deploymentId !== undefined,
    )
    for (const rollout of unfound) await this.#find(rollout, calling)
    await this.#describe(rollouts, calling)
    const known = rollouts.every(
      ({ service, serviceDeployment }) => service !== undefined && serviceDeployment !== undefined,
    )
    if (known && clock.now() - this.#servicesAt < SERVICES_EVERY_MS && !rollouts.some(ended)) return
    this.#servicesAt = clock.now()
    const services = await describedServices(
      this.#ecs,
      this.#cluster,
      rollouts.map(({ name }) => name),
      calling,
    )
    for (const rollout of rollouts) {
      const service = services.get(rollout.name)
      if (service !== undefined) rollout.service = service
    }
  }

  async #find(rollout: Rollout, calling: Calling): Promise<void> {
    if (this.#withoutServiceDeployments) return
    const arn = await this.serviceDeploymentOf(rollout.name, rollout.deploymentId ?? '', calling)
    if (arn !== undefined) rollout.serviceDeploymentArn = arn
  }

  /** Ours is the one whose target revision carries the number of our deployment: `ecs-svc/NUMBER`, `…/NUMBER`. */
  async serviceDeploymentOf(service: string, deploymentId: string, calling: Calling): Promise<string | undefined> {
    const number = deploymentId.slice('ecs-svc/'.length)
    try {
      const { serviceDeployments = [] } = await call('ecs:ListServiceDeployments', calling, options =>
        this.#ecs.send(new ListServiceDeploymentsCommand({ cluster: this.#cluster, service, maxResults: 10 }), options),
      )
      return serviceDeployments.find(({ targetServiceRevisionArn }) => targetServiceRevisionArn?.endsWith(`/${number}`))
        ?.serviceDeploymentArn
    } catch (error) {
      this.#giveUp(error, calling)
      return undefined
    }
  }

  async #describe(rollouts: readonly Rollout[], calling: Calling): Promise<void> {
    const arns = rollouts.flatMap(({ serviceDeploymentArn }) => serviceDeploymentArn ?? [])
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
      const entry = found.get(rollout.serviceDeploymentArn)
      if (entry !== undefined) rollout.serviceDeployment = entry
      else if (this.#withoutServiceDeployments) delete rollout.serviceDeployment
    }
  }

  #giveUp(error: unknown, { log }: Calling): void {
    const absent = error instanceof AwsError && /UnknownOperation|UnsupportedFeature/.test(error.code)
    if (!(error instanceof PermissionError || absent)) throw error
    this.#withoutServiceDeployments = true
    const action = error instanceof PermissionError ? error.action : 'that API'
    log.notice(
      'Service deployments cannot be read',
      `Without ${action} the verdict comes from deployments[] alone, and says less about the reason.`,
    )
  }
}

/** A service deployment that is over: the service's own view is needed for the verdict now. */
function ended({ serviceDeployment }: Rollout): boolean {
  return (
    serviceDeployment?.finishedAt !== undefined ||
    /SUCCESSFUL|STOPPED|FAILED|ROLLBACK/.test(serviceDeployment?.status ?? '')
  )
}
