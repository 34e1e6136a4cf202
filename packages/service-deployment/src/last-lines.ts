import { type Calling, call, sdkConfig } from '@aws-deploy-actions/aws-clients'
import type { Registrable } from '@aws-deploy-actions/ecs'
import type { Task } from '@aws-sdk/client-ecs'

/** The last log lines of the first container that failed, prefixed with its name. */
export async function lastLinesOf(
  tasks: readonly Task[],
  definition: Registrable,
  region: string,
  many: number,
  calling: Calling,
): Promise<string[]> {
  for (const { taskArn = '', containers = [] } of tasks) {
    const failed = containers.find(({ exitCode }) => exitCode !== undefined && exitCode !== 0)
    const container = definition.containerDefinitions?.find(({ name }) => name === failed?.name)
    if (container === undefined) continue
    const { streamsOfTask } = await import('@aws-deploy-actions/container-logs')
    const [stream] = streamsOfTask([container], taskArn.slice(taskArn.lastIndexOf('/') + 1), region).streams
    if (stream === undefined) continue
    const { CloudWatchLogsClient, GetLogEventsCommand } = await import('@aws-sdk/client-cloudwatch-logs')
    const logs = new CloudWatchLogsClient(sdkConfig(stream.region))
    const { events = [] } = await call('logs:GetLogEvents', calling, options =>
      logs.send(
        new GetLogEventsCommand({ logGroupName: stream.group, logStreamName: stream.stream, limit: many }),
        options,
      ),
    )
    if (events.length > 0) return events.map(({ message }) => `${container.name} | ${message}`)
  }
  return []
}
