import type {
  CreateServiceCommandInput,
  CreateServiceCommandOutput,
  DescribeServicesCommandInput,
  DescribeServicesCommandOutput,
} from '@aws-sdk/client-ecs'
import { AwsError, type Operation, operation } from '../../service.ts'
import { runnableDefinition } from './run-rules.ts'
import { activeCluster, clusterArn, clusterName, type EcsRegions } from './state.ts'
import { checkedTags } from './tags.ts'
import { passRoles } from './task-definitions.ts'

/** CreateService and DescribeServices for services without tasks: what others copy settings from. */
export function serviceOperations(regions: EcsRegions): Record<string, Operation> {
  return {
    CreateService: operation<CreateServiceCommandInput, CreateServiceCommandOutput>({
      needs: ({ cluster, serviceName, role }, { region, accountId }) => [
        {
          action: 'ecs:CreateService',
          resource: serviceArn(region, accountId, cluster, serviceName ?? ''),
          context: { 'ecs:cluster': clusterArn(region, accountId, cluster) },
        },
        ...passRoles([role], accountId),
      ],
      run(input, { region, accountId, caller }) {
        const state = regions.state(region)
        const cluster = activeCluster(state, input.cluster)
        const definition = runnableDefinition(state, input.taskDefinition ?? '')
        const name = input.serviceName ?? ''
        if (!/^[a-zA-Z0-9_-]{1,255}$/.test(name))
          throw new AwsError('InvalidParameterException', 'Service name contains invalid characters.')
        if ((input.desiredCount ?? 0) > 0) {
          throw new AwsError(
            'InvalidParameterException',
            'local-aws does not roll services yet: desiredCount must be 0',
          )
        }
        const arn = serviceArn(region, accountId, input.cluster, name)
        if (state.services.get(arn)?.status === 'ACTIVE') {
          // seen in public issues
          throw new AwsError('InvalidParameterException', 'Creation of service was not idempotent.')
        }
        const service = {
          serviceArn: arn,
          serviceName: name,
          clusterArn: cluster.clusterArn,
          status: 'ACTIVE',
          taskDefinition: definition.taskDefinitionArn,
          desiredCount: 0,
          runningCount: 0,
          pendingCount: 0,
          loadBalancers: input.loadBalancers ?? [],
          serviceRegistries: input.serviceRegistries ?? [],
          ...(input.launchType === undefined ? {} : { launchType: input.launchType }),
          ...(input.capacityProviderStrategy ? { capacityProviderStrategy: input.capacityProviderStrategy } : {}),
          ...(input.launchType === 'FARGATE' || input.platformVersion !== undefined
            ? { platformVersion: input.platformVersion ?? 'LATEST', platformFamily: 'Linux' }
            : {}),
          ...(input.networkConfiguration ? { networkConfiguration: input.networkConfiguration } : {}),
          deploymentConfiguration: {
            maximumPercent: 200,
            minimumHealthyPercent: 100,
            ...input.deploymentConfiguration,
          },
          deployments: [],
          events: [],
          createdAt: new Date(),
          createdBy: caller,
          placementConstraints: input.placementConstraints ?? [],
          placementStrategy: input.placementStrategy ?? [],
          schedulingStrategy: input.schedulingStrategy ?? 'REPLICA',
          deploymentController: input.deploymentController ?? { type: 'ECS' as const },
          enableECSManagedTags: input.enableECSManagedTags ?? false,
          propagateTags: input.propagateTags ?? 'NONE',
          enableExecuteCommand: input.enableExecuteCommand ?? false,
          tags: checkedTags(input.tags),
        }
        state.services.set(arn, service)
        return { service }
      },
    }),
    DescribeServices: operation<DescribeServicesCommandInput, DescribeServicesCommandOutput>({
      needs: ({ cluster, services }, { region, accountId }) =>
        (services ?? []).map(service => ({
          action: 'ecs:DescribeServices',
          resource: serviceArn(region, accountId, cluster, service),
          context: { 'ecs:cluster': clusterArn(region, accountId, cluster) },
        })),
      run({ cluster, services = [], include }, { region, accountId }) {
        const state = regions.state(region)
        activeCluster(state, cluster)
        if (services.length === 0) throw new AwsError('InvalidParameterException', 'Services cannot be empty.')
        if (services.length > 10)
          throw new AwsError('InvalidParameterException', 'You can describe up to 10 services at once.')
        const arns = services.map(service => serviceArn(region, accountId, cluster, service))
        return {
          services: arns.flatMap(arn => {
            const service = state.services.get(arn)
            return service ? [{ ...service, tags: include?.includes('TAGS') ? (service.tags ?? []) : [] }] : []
          }),
          failures: arns.filter(arn => !state.services.has(arn)).map(arn => ({ arn, reason: 'MISSING' })),
        }
      },
    }),
  }
}

function serviceArn(region: string, accountId: string, cluster: string | undefined, service: string): string {
  return service.startsWith('arn:')
    ? service
    : `arn:aws:ecs:${region}:${accountId}:service/${clusterName(cluster)}/${service}`
}
