import type {
  CreateClusterCommandInput,
  CreateClusterCommandOutput,
  DeleteClusterCommandInput,
  DeleteClusterCommandOutput,
  DescribeClustersCommandInput,
  DescribeClustersCommandOutput,
  ListClustersCommandInput,
  ListClustersCommandOutput,
} from '@aws-sdk/client-ecs'
import { AwsError, type Operation, operation } from '../../service.ts'
import { paged } from './paging.ts'
import { activeCluster, type ClusterRecord, clusterArn, clusterName, type EcsRegions, type EcsState } from './state.ts'
import { checkedTags } from './tags.ts'

/** CreateCluster, DescribeClusters, ListClusters, DeleteCluster. */
export function clusterOperations(regions: EcsRegions): Record<string, Operation> {
  return {
    CreateCluster: operation<CreateClusterCommandInput, CreateClusterCommandOutput>({
      needs: ({ tags, clusterName: name }, { region, accountId }) => [
        { action: 'ecs:CreateCluster', resource: '*' },
        ...(tags?.length
          ? [
              {
                action: 'ecs:TagResource',
                resource: clusterArn(region, accountId, name),
                context: { 'ecs:CreateAction': 'CreateCluster' },
              },
            ]
          : []),
      ],
      run(input, { region, accountId }) {
        const state = regions.state(region)
        const name = input.clusterName ?? 'default'
        if (!/^[a-zA-Z0-9_-]{1,255}$/.test(name)) {
          throw new AwsError('InvalidParameterException', 'Cluster name must match ^[a-zA-Z0-9\\-_]{1,255}$')
        }
        const arn = clusterArn(region, accountId, name)
        const existing = state.clusters.get(name)
        const cluster: ClusterRecord =
          existing?.status === 'ACTIVE'
            ? existing
            : {
                clusterArn: arn,
                clusterName: name,
                status: 'ACTIVE',
                settings: input.settings ?? [{ name: 'containerInsights', value: 'disabled' }],
                capacityProviders: input.capacityProviders ?? [],
                defaultCapacityProviderStrategy: input.defaultCapacityProviderStrategy ?? [],
                statistics: [],
              }
        state.clusters.set(name, cluster)
        if (input.tags) state.tags.set(arn, checkedTags(input.tags))
        return { cluster: described(state, cluster, true) }
      },
    }),
    DescribeClusters: operation<DescribeClustersCommandInput, DescribeClustersCommandOutput>({
      needs: ({ clusters }, { region, accountId }) =>
        (clusters?.length ? clusters : ['default']).map(cluster => ({
          action: 'ecs:DescribeClusters',
          resource: clusterArn(region, accountId, cluster),
        })),
      run(input, { region, accountId }) {
        const state = regions.state(region)
        const asked = input.clusters?.length ? input.clusters : ['default']
        if (asked.length > 100)
          throw new AwsError('InvalidParameterException', 'You can describe up to 100 clusters at once.')
        const found = asked.map(cluster => ({ cluster, record: state.clusters.get(clusterName(cluster)) }))
        return {
          clusters: found.flatMap(({ record }) =>
            record ? [described(state, record, input.include?.includes('TAGS') ?? false)] : [],
          ),
          failures: found
            .filter(({ record }) => !record)
            .map(({ cluster }) => ({ arn: clusterArn(region, accountId, cluster), reason: 'MISSING' })),
        }
      },
    }),
    ListClusters: operation<ListClustersCommandInput, ListClustersCommandOutput>({
      needs: () => [{ action: 'ecs:ListClusters', resource: '*' }],
      run({ maxResults, nextToken }, { region }) {
        const active = [...regions.state(region).clusters.values()].filter(({ status }) => status === 'ACTIVE')
        const { items, ...next } = paged(
          active.map(cluster => cluster.clusterArn),
          maxResults,
          nextToken,
        )
        return { clusterArns: items, ...next }
      },
    }),
    DeleteCluster: operation<DeleteClusterCommandInput, DeleteClusterCommandOutput>({
      needs: ({ cluster }, { region, accountId }) => [
        { action: 'ecs:DeleteCluster', resource: clusterArn(region, accountId, cluster) },
      ],
      run(input, { region }) {
        const state = regions.state(region)
        const cluster = activeCluster(state, input.cluster)
        const {
          runningTasksCount = 0,
          pendingTasksCount = 0,
          activeServicesCount = 0,
        } = described(state, cluster, false)
        if (activeServicesCount > 0) {
          throw new AwsError(
            'ClusterContainsServicesException',
            'The Cluster cannot be deleted while Services are active.',
          )
        }
        if (runningTasksCount + pendingTasksCount > 0) {
          throw new AwsError('ClusterContainsTasksException', 'The Cluster cannot be deleted while Tasks are active.')
        }
        cluster.status = 'INACTIVE'
        return { cluster: described(state, cluster, false) }
      },
    }),
  }
}

function described(state: EcsState, cluster: ClusterRecord, withTags: boolean): ClusterRecord {
  const tasks = [...state.tasks.values()].filter(({ task }) => task.clusterArn === cluster.clusterArn)
  const services = [...state.services.values()].filter(service => service.cluster.clusterArn === cluster.clusterArn)
  return {
    ...cluster,
    registeredContainerInstancesCount: 0,
    runningTasksCount: tasks.filter(({ task }) => task.lastStatus === 'RUNNING').length,
    pendingTasksCount: tasks.filter(({ task }) =>
      ['PROVISIONING', 'PENDING', 'ACTIVATING'].includes(task.lastStatus ?? ''),
    ).length,
    activeServicesCount: services.filter(({ status }) => status === 'ACTIVE').length,
    tags: withTags ? (state.tags.get(cluster.clusterArn) ?? []) : [],
  }
}
