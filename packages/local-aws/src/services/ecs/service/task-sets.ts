import type {
  CreateTaskSetCommandInput,
  CreateTaskSetCommandOutput,
  DeleteTaskSetCommandInput,
  DeleteTaskSetCommandOutput,
  DescribeTaskSetsCommandInput,
  DescribeTaskSetsCommandOutput,
} from '@aws-sdk/client-ecs'
import { AwsError, type Operation, operation, type RequestContext } from '../../../service.ts'
import { runnableDefinition } from '../run-rules.ts'
import type { EcsRegions } from '../state.ts'
import { serviceNamed, serviceNeed } from './lookup.ts'
import { newNumber } from './record.ts'

/** Task sets of services with an EXTERNAL controller. They are kept and described; they run nothing. */
export function taskSetOperations(regions: EcsRegions): Record<string, Operation> {
  const serviceOf = (
    { cluster, service }: { readonly cluster?: string | undefined; readonly service?: string | undefined },
    context: RequestContext,
  ) => serviceNamed(regions.state(context.region), context, cluster, service)
  return {
    CreateTaskSet: operation<CreateTaskSetCommandInput, CreateTaskSetCommandOutput>({
      needs: ({ cluster, service }, context) => [serviceNeed('CreateTaskSet', context, cluster, service)],
      run(input, context) {
        const service = serviceOf(input, context)
        if (service.controller !== 'EXTERNAL')
          throw new AwsError('InvalidParameterException', 'Task sets need a service with an EXTERNAL controller.')
        const definition = runnableDefinition(regions.state(context.region), input.taskDefinition ?? '')
        const id = `ecs-svc/${newNumber()}`
        const taskSet = {
          id,
          taskSetArn: `${service.arn.replace(':service/', ':task-set/')}/${id}`,
          serviceArn: service.arn,
          clusterArn: service.cluster.clusterArn,
          ...(input.externalId === undefined ? {} : { externalId: input.externalId }),
          status: service.taskSets.length === 0 ? 'PRIMARY' : 'ACTIVE',
          taskDefinition: definition.taskDefinitionArn,
          computedDesiredCount: 0,
          pendingCount: 0,
          runningCount: 0,
          createdAt: new Date(),
          updatedAt: new Date(),
          ...(input.launchType === undefined ? {} : { launchType: input.launchType }),
          loadBalancers: input.loadBalancers ?? [],
          serviceRegistries: input.serviceRegistries ?? [],
          ...(input.scale ? { scale: input.scale } : {}),
          stabilityStatus: 'STEADY_STATE' as const,
          stabilityStatusAt: new Date(),
          tags: input.tags ?? [],
        }
        service.taskSets.push(taskSet)
        return { taskSet }
      },
    }),
    DescribeTaskSets: operation<DescribeTaskSetsCommandInput, DescribeTaskSetsCommandOutput>({
      needs: ({ cluster, service }, context) => [serviceNeed('DescribeTaskSets', context, cluster, service)],
      run(input, context) {
        const { taskSets } = serviceOf(input, context)
        const asked = input.taskSets ?? []
        return {
          taskSets: taskSets.filter(
            ({ id, taskSetArn }) => asked.length === 0 || asked.includes(id) || asked.includes(taskSetArn),
          ),
          failures: [],
        }
      },
    }),
    DeleteTaskSet: operation<DeleteTaskSetCommandInput, DeleteTaskSetCommandOutput>({
      needs: ({ cluster, service }, context) => [serviceNeed('DeleteTaskSet', context, cluster, service)],
      run(input, context) {
        const { taskSets } = serviceOf(input, context)
        const index = taskSets.findIndex(({ id, taskSetArn }) => [id, taskSetArn].includes(input.taskSet ?? ''))
        const [taskSet] = index < 0 ? [] : taskSets.splice(index, 1)
        if (!taskSet) throw new AwsError('TaskSetNotFoundException', 'The specified task set was not found.')
        return { taskSet: { ...taskSet, status: 'DRAINING' } }
      },
    }),
  }
}
