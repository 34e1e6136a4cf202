import type {
  DescribeTasksCommandInput,
  DescribeTasksCommandOutput,
  ListTasksCommandInput,
  ListTasksCommandOutput,
  StopTaskCommandInput,
  StopTaskCommandOutput,
} from '@aws-sdk/client-ecs'
import { AwsError, type Operation, operation } from '../../service.ts'
import { paged } from './paging.ts'
import { STOPPED_BY_USER } from './reasons.ts'
import { activeCluster, clusterArn, type EcsRegions, taskArn } from './state.ts'

/** DescribeTasks, ListTasks, StopTask. */
export function taskOperations(regions: EcsRegions): Record<string, Operation> {
  return {
    DescribeTasks: operation<DescribeTasksCommandInput, DescribeTasksCommandOutput>({
      needs: ({ cluster, tasks }, { region, accountId }) =>
        (tasks ?? []).map(task => ({
          action: 'ecs:DescribeTasks',
          resource: taskArn(region, accountId, cluster, task),
          context: { 'ecs:cluster': clusterArn(region, accountId, cluster) },
        })),
      run({ cluster, tasks = [], include }, { region, accountId }) {
        const state = regions.state(region)
        activeCluster(state, cluster)
        // seen in public issues
        if (tasks.length === 0) throw new AwsError('InvalidParameterException', 'Tasks cannot be empty.')
        if (tasks.length > 100)
          throw new AwsError('InvalidParameterException', 'You can describe up to 100 tasks at once.')
        const arns = [...new Set(tasks.map(task => taskArn(region, accountId, cluster, task)))]
        const withTags = include?.includes('TAGS') ?? false
        const found = arns.map(arn => ({ arn, record: inCluster(arn, cluster) ? state.tasks.get(arn) : undefined }))
        return {
          tasks: found.flatMap(({ record }) =>
            record ? [{ ...record.task, tags: withTags ? (record.task.tags ?? []) : [] }] : [],
          ),
          failures: found.filter(({ record }) => !record).map(({ arn }) => ({ arn, reason: 'MISSING' })),
        }
      },
    }),
    ListTasks: operation<ListTasksCommandInput, ListTasksCommandOutput>({
      needs: ({ cluster }, { region, accountId }) => [
        { action: 'ecs:ListTasks', resource: '*', context: { 'ecs:cluster': clusterArn(region, accountId, cluster) } },
      ],
      run(input, { region }) {
        const state = regions.state(region)
        const cluster = activeCluster(state, input.cluster)
        // "you can't combine startedBy with another filter" (API reference, ListTasks)
        const filters = [input.family, input.serviceName, input.startedBy, input.containerInstance].filter(
          filter => filter !== undefined,
        )
        if (input.startedBy !== undefined && filters.length > 1) {
          throw new AwsError(
            'InvalidParameterException',
            'cannot specify more than one of: startedBy, family, serviceName, containerInstance',
          )
        }
        if (input.desiredStatus !== undefined && !['RUNNING', 'PENDING', 'STOPPED'].includes(input.desiredStatus)) {
          throw new AwsError('InvalidParameterException', `Invalid desiredStatus: ${input.desiredStatus}`)
        }
        const arns = [...state.tasks.values()]
          .filter(
            ({ task }) =>
              task.clusterArn === cluster.clusterArn && task.desiredStatus === (input.desiredStatus ?? 'RUNNING'),
          )
          .filter(({ definition }) => input.family === undefined || definition.family === input.family)
          .filter(({ task }) => input.startedBy === undefined || task.startedBy === input.startedBy)
          .filter(
            ({ task }) =>
              input.serviceName === undefined || task.group === `service:${input.serviceName.split('/').at(-1)}`,
          )
          .filter(({ task }) => input.launchType === undefined || task.launchType === input.launchType)
          .filter(
            ({ task }) =>
              input.containerInstance === undefined || task.containerInstanceArn?.endsWith(input.containerInstance),
          )
          .map(({ task }) => task.taskArn)
        const { items, ...next } = paged(arns, input.maxResults, input.nextToken)
        return { taskArns: items, ...next }
      },
    }),
    StopTask: operation<StopTaskCommandInput, StopTaskCommandOutput>({
      needs: ({ cluster, task }, { region, accountId }) => [
        {
          action: 'ecs:StopTask',
          resource: taskArn(region, accountId, cluster, task ?? ''),
          context: { 'ecs:cluster': clusterArn(region, accountId, cluster) },
        },
      ],
      run({ cluster, task = '', reason }, { region, accountId }) {
        const state = regions.state(region)
        activeCluster(state, cluster)
        const arn = taskArn(region, accountId, cluster, task)
        const record = inCluster(arn, cluster) ? state.tasks.get(arn) : undefined
        // seen in public issues
        if (!record) throw new AwsError('InvalidParameterException', 'The referenced task was not found.')
        record.stop('UserInitiated', reason || STOPPED_BY_USER)
        return { task: record.task }
      },
    }),
  }
}

function inCluster(task: string, cluster: string | undefined): boolean {
  const name = (cluster ?? 'default').split('/').at(-1)
  return task.split('/').at(-2) === name
}
