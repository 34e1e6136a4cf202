import { Deadline, type PostRuntime } from '@aws-deploy-actions/action-runtime'
import { call, sdkConfig } from '@aws-deploy-actions/aws-clients'
import { isObject } from '@aws-deploy-actions/ecs'
import { ECSClient, StopServiceDeploymentCommand } from '@aws-sdk/client-ecs'
import { ServicePoller } from './poller.ts'
import { primaryDeployment } from './rollout.ts'
import { describedServices } from './services.ts'

/** One deployment that main began, as `post` finds it again. */
export interface BegunDeployment {
  readonly name: string
  readonly deploymentId: string
}

/**
 * The `post` step: when main was killed before it could settle what it began, those of its deployments that still are
 * PRIMARY and in progress are told to go back. Without a service-deployment API nothing can be requested; it says so.
 */
export async function rollBackUnsettled(state: (name: string) => string, runtime: PostRuntime): Promise<void> {
  const remembered = state('deployments')
  if (remembered === '') return
  const parsed: unknown = JSON.parse(remembered)
  if (!isObject(parsed)) return
  const { region, cluster, begun } = parsed
  if (typeof region !== 'string' || typeof cluster !== 'string' || !Array.isArray(begun)) return
  const ecs = new ECSClient(sdkConfig(region))
  const { log } = runtime
  const calling = { clock: runtime, log, deadline: new Deadline(runtime, 30_000) }
  const deployments = begun.filter(isBegun)
  const services = await describedServices(
    ecs,
    cluster,
    deployments.map(({ name }) => name),
    calling,
  )
  for (const { name, deploymentId } of deployments) {
    const service = services.get(name)
    const primary = service === undefined ? undefined : primaryDeployment(service)
    if (primary?.id !== deploymentId || primary.rolloutState === 'COMPLETED') continue
    const found = await new ServicePoller(ecs, cluster).serviceDeploymentOf(name, deploymentId, calling)
    if (found === undefined)
      log.warning(
        'A deployment goes on',
        `${name}: ${deploymentId} is in progress, and no rollback could be requested.`,
      )
    else {
      await call('ecs:StopServiceDeployment', calling, options =>
        ecs.send(new StopServiceDeploymentCommand({ serviceDeploymentArn: found, stopType: 'ROLLBACK' }), options),
      )
      log.info(`${name}: rollback of ${deploymentId} requested, ECS accepted it.`)
    }
  }
}

function isBegun(value: unknown): value is BegunDeployment {
  return isObject(value) && typeof value['name'] === 'string' && typeof value['deploymentId'] === 'string'
}
