import {
  type DeploymentConfiguration,
  type DeploymentLifecycleHookStage,
  DescribeServiceDeploymentsCommand,
  ListServiceDeploymentsCommand,
  type ServiceDeployment,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs'
import type { ServiceCloud } from './service-cloud.ts'

/** Creates the service `api`, whose next deployments pause at some stages until they are answered. */
export async function createPausing(
  cloud: ServiceCloud,
  deploymentConfiguration: DeploymentConfiguration,
  lifecycleStages: readonly DeploymentLifecycleHookStage[],
): Promise<void> {
  await cloud.create('api', { deploymentConfiguration })
  const lifecycleHooks = [{ targetType: 'PAUSE' as const, lifecycleStages: [...lifecycleStages] }]
  await cloud.ecs.send(
    new UpdateServiceCommand({
      cluster: 'apps',
      service: 'api',
      deploymentConfiguration: { ...deploymentConfiguration, lifecycleHooks },
    }),
  )
}

/** The newest service deployment of `api`. */
export async function newestDeployment({ ecs }: ServiceCloud): Promise<ServiceDeployment> {
  const { serviceDeployments = [] } = await ecs.send(
    new ListServiceDeploymentsCommand({ cluster: 'apps', service: 'api' }),
  )
  const found = await ecs.send(
    new DescribeServiceDeploymentsCommand({
      serviceDeploymentArns: [serviceDeployments[0]?.serviceDeploymentArn ?? ''],
    }),
  )
  const [deployment] = found.serviceDeployments ?? []
  if (deployment === undefined) throw new Error('no service deployment')
  return deployment
}
