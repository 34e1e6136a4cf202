import { Failure } from '@aws-deploy-actions/action-runtime'
import { AwsError, type Calling, call } from '@aws-deploy-actions/aws-clients'
import { DescribeServicesCommand, type ECSClient, type Service } from '@aws-sdk/client-ecs'

/** DescribeServices takes 10 (API reference). */
export const SERVICES_PAGE = 10

/** The services, by name; those that ECS does not know are left out. Calls grow with services/10. */
export async function describedServices(
  ecs: ECSClient,
  cluster: string,
  names: readonly string[],
  calling: Calling,
): Promise<Map<string, Service>> {
  const found = new Map<string, Service>()
  for (let start = 0; start < names.length; start += SERVICES_PAGE) {
    const { services = [] } = await call('ecs:DescribeServices', calling, options =>
      ecs.send(new DescribeServicesCommand({ cluster, services: names.slice(start, start + SERVICES_PAGE) }), options),
    )
    for (const service of services) if (service.serviceName !== undefined) found.set(service.serviceName, service)
  }
  return found
}

/**
 * Services that can be deployed to.
 * @throws Failure that lists every one that cannot, with the reason; nothing has been registered then
 */
export async function deployableServices(
  ecs: ECSClient,
  cluster: string,
  names: readonly string[],
  calling: Calling,
): Promise<Map<string, Service>> {
  const found = await inCluster(cluster, () => describedServices(ecs, cluster, names, calling))
  const refusals = names.flatMap(name => {
    const why = refusal(found.get(name))
    return why === undefined ? [] : [`${name}: ${why}`]
  })
  if (refusals.length === 0) return found
  throw new Failure(`${refusals.length} of ${names.length} services cannot be deployed to; nothing was changed.`, {
    resource: cluster,
    next: refusals,
  })
}

async function inCluster<Found>(cluster: string, look: () => Promise<Found>): Promise<Found> {
  try {
    return await look()
  } catch (error) {
    if (!(error instanceof AwsError && error.code === 'ClusterNotFoundException')) throw error
    throw new Failure(`The cluster ${cluster} does not exist; nothing was changed.`, {
      ...error.details,
      resource: cluster,
      next: ['Correct cluster, aws-region or the role: each account and region has clusters of its own.'],
    })
  }
}

function refusal(service: Service | undefined): string | undefined {
  if (service === undefined)
    return 'does not exist in this cluster. Correct the name or the cluster, or create the service first.'
  if (service.status !== 'ACTIVE') return `is ${service.status}. Create it again, or leave it out.`
  const controller = service.deploymentController?.type ?? 'ECS'
  if (controller === 'CODE_DEPLOY') {
    return 'is deployed by CodeDeploy (deployment controller CODE_DEPLOY), which alone may change its task definition. Use CodeDeploy, or move it to an ECS-native blue/green deployment.'
  }
  if (controller === 'EXTERNAL')
    return 'is deployed by an external controller (EXTERNAL, task sets). Use that controller.'
  return undefined
}
