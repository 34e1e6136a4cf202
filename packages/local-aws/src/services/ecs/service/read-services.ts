import type {
  DeleteServiceCommandInput,
  DeleteServiceCommandOutput,
  DescribeServicesCommandInput,
  DescribeServicesCommandOutput,
  ListServicesCommandInput,
  ListServicesCommandOutput,
} from '@aws-sdk/client-ecs'
import { AwsError, type Operation, operation } from '../../../service.ts'
import { paged } from '../paging.ts'
import { activeCluster, clusterArn, type EcsRegions, serviceArn } from '../state.ts'
import { describedService } from './describe.ts'
import { serviceNamed, serviceNeed } from './lookup.ts'
import { enter, ongoing } from './record.ts'

/** DescribeServices, ListServices, DeleteService. */
export function serviceOperations(regions: EcsRegions): Record<string, Operation> {
  return {
    DescribeServices: operation<DescribeServicesCommandInput, DescribeServicesCommandOutput>({
      needs: ({ cluster, services }, context) =>
        (services ?? []).map(service => serviceNeed('DescribeServices', context, cluster, service)),
      run({ cluster, services = [], include }, { region, accountId }) {
        const state = regions.state(region)
        activeCluster(state, cluster)
        if (services.length === 0) throw new AwsError('InvalidParameterException', 'Services cannot be empty.')
        if (services.length > 10)
          throw new AwsError('InvalidParameterException', 'You can describe up to 10 services at once.')
        const withTags = include?.includes('TAGS') ?? false
        const arns = [...new Set(services.map(service => serviceArn(region, accountId, cluster, service)))]
        return {
          services: arns.flatMap(arn => {
            const service = state.services.get(arn)
            return service
              ? [{ ...describedService(service), ...(withTags ? { tags: state.tags.get(arn) ?? [] } : {}) }]
              : []
          }),
          failures: arns.filter(arn => !state.services.has(arn)).map(arn => ({ arn, reason: 'MISSING' })),
        }
      },
    }),
    ListServices: operation<ListServicesCommandInput, ListServicesCommandOutput>({
      needs: ({ cluster }, { region, accountId }) => [
        {
          action: 'ecs:ListServices',
          resource: '*',
          context: { 'ecs:cluster': clusterArn(region, accountId, cluster) },
        },
      ],
      run(input, { region }) {
        const state = regions.state(region)
        const cluster = activeCluster(state, input.cluster)
        const arns = [...state.services.values()]
          // DRAINING and INACTIVE services are "no longer visible" here (DeleteService)
          .filter(service => service.cluster === cluster && service.status === 'ACTIVE')
          .filter(service => input.launchType === undefined || service.workload.launchType === input.launchType)
          .filter(
            service =>
              input.schedulingStrategy === undefined || service.schedulingStrategy === input.schedulingStrategy,
          )
          .map(({ arn }) => arn)
        // "If this parameter isn't used, then ListServices returns up to 10 results" (API_ListServices)
        const { items, ...next } = paged(arns, input.maxResults ?? 10, input.nextToken)
        return { serviceArns: items, ...next }
      },
    }),
    DeleteService: operation<DeleteServiceCommandInput, DeleteServiceCommandOutput>({
      needs: ({ cluster, service }, context) => [serviceNeed('DeleteService', context, cluster, service)],
      run(input, context) {
        const service = serviceNamed(regions.state(context.region), context, input.cluster, input.service)
        if (service.status === 'INACTIVE') throw new AwsError('ServiceNotActiveException', 'Service was not ACTIVE.')
        if (service.desiredCount > 0 && !input.force) {
          // seen in public issues
          throw new AwsError('InvalidParameterException', 'The service cannot be stopped while it is scaled above 0.')
        }
        const deployment = ongoing(service)
        if (deployment) {
          enter(deployment, { status: 'STOPPED' })
          Object.assign(deployment, { stoppedAt: deployment.updatedAt, finishedAt: deployment.updatedAt })
        }
        service.status = 'DRAINING'
        service.desiredCount = 0
        service.wake.changed()
        return { service: describedService(service) }
      },
    }),
  }
}
