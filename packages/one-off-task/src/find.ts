import { type Calling, call } from '@aws-deploy-actions/aws-clients'
import {
  DescribeTasksCommand,
  type DesiredStatus,
  type ECSClient,
  ListTasksCommand,
  type Task,
} from '@aws-sdk/client-ecs'

/** How a task of ours is told from others: `startedBy` can be listed by; `group` tells two with the same `startedBy` apart. */
export interface Mark {
  readonly startedBy: string
  readonly group?: string
}

/** The tasks of a cluster that were started with this mark and, unless `stopping` is asked for too, shall run. */
export async function markedTasks(
  ecs: ECSClient,
  cluster: string,
  { startedBy, group }: Mark,
  calling: Calling,
  statuses: readonly DesiredStatus[] = ['RUNNING'],
): Promise<Task[]> {
  const arns: string[] = []
  for (const desiredStatus of statuses) {
    let nextToken: string | undefined
    do {
      const page = await call('ecs:ListTasks', calling, options =>
        ecs.send(
          new ListTasksCommand({
            cluster,
            startedBy,
            desiredStatus,
            ...(nextToken === undefined ? {} : { nextToken }),
          }),
          options,
        ),
      )
      arns.push(...(page.taskArns ?? []))
      nextToken = page.nextToken
    } while (nextToken !== undefined)
  }
  const tasks = await describedTasks(ecs, cluster, arns, calling)
  return group === undefined ? tasks : tasks.filter(task => task.group === group)
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
