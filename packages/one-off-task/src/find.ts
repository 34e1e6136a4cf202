import { AwsError, type Calling, call } from '@aws-deploy-actions/aws-clients'
import {
  DescribeTasksCommand,
  type ECSClient,
  ListTasksCommand,
  type ListTasksCommandInput,
  type Task,
} from '@aws-sdk/client-ecs'

/** How a task of ours is told from others: `startedBy` can be listed by; `group` tells two with the same `startedBy` apart. */
export interface Mark {
  readonly startedBy: string
  readonly group?: string
}

/**
 * The tasks of a cluster that were started with this mark: those that shall run, and with `stopping` also those that
 * were told to stop. ListTasks says that `startedBy` must be the only filter; beside `desiredStatus` it is in wide use
 * all the same. Were it refused for STOPPED, only tasks that shall run would be found.
 */
export async function markedTasks(
  ecs: ECSClient,
  cluster: string,
  { startedBy, group }: Mark,
  calling: Calling,
  stopping = false,
): Promise<Task[]> {
  const arns = await listedTasks(ecs, { cluster, startedBy }, calling)
  if (stopping) {
    try {
      arns.push(...(await listedTasks(ecs, { cluster, startedBy, desiredStatus: 'STOPPED' }, calling)))
    } catch (error) {
      if (!(error instanceof AwsError && error.code === 'InvalidParameterException')) throw error
      calling.log.debug(error.details.said ?? error.message)
    }
  }
  const tasks = await describedTasks(ecs, cluster, arns, calling)
  return group === undefined ? tasks : tasks.filter(task => task.group === group)
}

async function listedTasks(ecs: ECSClient, filter: ListTasksCommandInput, calling: Calling): Promise<string[]> {
  const arns: string[] = []
  let nextToken: string | undefined
  do {
    const page = await call('ecs:ListTasks', calling, options =>
      ecs.send(new ListTasksCommand({ ...filter, ...(nextToken === undefined ? {} : { nextToken }) }), options),
    )
    arns.push(...(page.taskArns ?? []))
    nextToken = page.nextToken
  } while (nextToken !== undefined)
  return arns
}

/** DescribeTasks takes 100 at a time. Those that ECS does not know (yet) are left out. */
export async function describedTasks(
  ecs: ECSClient,
  cluster: string,
  arns: readonly string[],
  calling: Calling,
): Promise<Task[]> {
  const tasks: Task[] = []
  for (let start = 0; start < arns.length; start += 100) {
    const page = await call('ecs:DescribeTasks', calling, options =>
      ecs.send(new DescribeTasksCommand({ cluster, tasks: arns.slice(start, start + 100) }), options),
    )
    tasks.push(...(page.tasks ?? []))
  }
  return tasks
}
