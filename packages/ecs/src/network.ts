import { Failure } from '@aws-deploy-actions/action-runtime'
import { type Calling, call } from '@aws-deploy-actions/aws-clients'
import { DescribeServicesCommand, type ECSClient, type RunTaskCommandInput } from '@aws-sdk/client-ecs'

/** Where and on what a task runs, in RunTask's own terms. */
export type Placement = Pick<
  RunTaskCommandInput,
  'networkConfiguration' | 'launchType' | 'capacityProviderStrategy' | 'platformVersion'
>

/**
 * The placement of a live service, to be copied.
 * @throws Failure when the service does not exist or is not active
 */
export async function placementOfService(
  ecs: ECSClient,
  cluster: string,
  service: string,
  calling: Calling,
): Promise<Placement> {
  const { services = [] } = await call('ecs:DescribeServices', calling, options =>
    ecs.send(new DescribeServicesCommand({ cluster, services: [service] }), options),
  )
  const [found] = services
  if (found === undefined || found.status !== 'ACTIVE') {
    throw new Failure(
      `The service ${service} ${found === undefined ? 'does not exist' : `is ${found.status}`}: its network settings cannot be copied.`,
      {
        resource: `${cluster}/${service}`,
        next: ['Correct network-from-service or cluster, or give subnets and security-groups.'],
      },
    )
  }
  const strategy = found.capacityProviderStrategy ?? []
  return {
    ...(found.networkConfiguration === undefined ? {} : { networkConfiguration: found.networkConfiguration }),
    ...(strategy.length > 0 ? { capacityProviderStrategy: strategy } : {}),
    ...(strategy.length === 0 && found.launchType !== undefined ? { launchType: found.launchType } : {}),
    ...(found.platformVersion === undefined ? {} : { platformVersion: found.platformVersion }),
  }
}
