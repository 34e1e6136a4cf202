import type { RunTaskCommandInput, RunTaskCommandOutput, Task } from '@aws-sdk/client-ecs'
import { AwsError, type Need, type Operation, operation, type RequestContext } from '../../service.ts'
import type { TaskPlan } from './new-task.ts'
import { checkRun, placementOf, runnableDefinition } from './run-rules.ts'
import { startTask } from './start-task.ts'
import {
  activeCluster,
  clusterArn,
  clusterName,
  definitionArn,
  definitionNamed,
  type EcsRegions,
  type EcsState,
} from './state.ts'
import { passRoles } from './task-definitions.ts'
import type { Surroundings } from './task-run.ts'

/** RunTask: checks like AWS, then really runs the containers. */
export function runTask(regions: EcsRegions, surroundings: Surroundings): Operation {
  return operation<RunTaskCommandInput, RunTaskCommandOutput>({
    needs: (input, context) => runNeeds(regions.state(context.region), input, context),
    run(input, { region, accountId }) {
      const state = regions.state(region)
      checkRun(input)
      const cluster = activeCluster(state, input.cluster)
      const earlier = rememberedTasks(state, cluster.clusterArn, input)
      if (earlier) return { tasks: earlier, failures: [] }
      const definition = runnableDefinition(state, input.taskDefinition ?? '')
      const placement = placementOf(input, cluster, definition)
      const plan: TaskPlan = { input, cluster, definition, placement, region, accountId }
      // the answer shows the tasks as they are now, not as they will be
      const tasks = Array.from({ length: input.count ?? 1 }, () =>
        structuredClone(startTask(plan, state, surroundings).record.task),
      )
      if (input.clientToken !== undefined) {
        const taskArns = tasks.map(({ taskArn }) => taskArn)
        state.starts.set(startKey(cluster.clusterArn, input.clientToken), { fingerprint: fingerprint(input), taskArns })
      }
      return { tasks, failures: [] }
    },
  })
}

function runNeeds(state: EcsState, input: RunTaskCommandInput, { region, accountId }: RequestContext): Need[] {
  const cluster = clusterArn(region, accountId, input.cluster)
  const definition = definitionNamed(state, input.taskDefinition ?? '')
  const { overrides } = input
  return [
    {
      action: 'ecs:RunTask',
      resource: definitionArn(state, input.taskDefinition ?? '', region, accountId),
      context: { 'ecs:cluster': cluster },
    },
    ...(input.tags?.length
      ? [
          {
            action: 'ecs:TagResource',
            resource: `arn:aws:ecs:${region}:${accountId}:task/${clusterName(input.cluster)}/*`,
            context: { 'ecs:CreateAction': 'RunTask', 'ecs:cluster': cluster },
          },
        ]
      : []),
    ...passRoles(
      [overrides?.taskRoleArn ?? definition?.taskRoleArn, overrides?.executionRoleArn ?? definition?.executionRoleArn],
      accountId,
    ),
  ]
}

/** The tasks that the same request with the same token has started before. */
function rememberedTasks(state: EcsState, cluster: string, input: RunTaskCommandInput): Task[] | undefined {
  const remembered =
    input.clientToken === undefined ? undefined : state.starts.get(startKey(cluster, input.clientToken))
  if (!remembered) return undefined
  if (remembered.fingerprint !== fingerprint(input)) {
    // https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html
    throw new AwsError(
      'ConflictException',
      'The RunTask request could not be processed due to conflicts. The provided clientToken is already in use with a different RunTask request.',
      400,
      {
        resourceIds: remembered.taskArns,
      },
    )
  }
  return remembered.taskArns.flatMap(arn => state.tasks.get(arn)?.task ?? [])
}

function startKey(cluster: string, token: string): string {
  return `${cluster} ${token}`
}

function fingerprint({ clientToken: _token, ...rest }: RunTaskCommandInput): string {
  return JSON.stringify(canonical(rest))
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, item]) => [key, canonical(item)]))
}
