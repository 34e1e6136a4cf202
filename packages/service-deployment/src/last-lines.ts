import { AwsError, type Calling, call, sdkConfig } from '@aws-deploy-actions/aws-clients'
import type { Registrable } from '@aws-deploy-actions/ecs'
import type { Task } from '@aws-sdk/client-ecs'

/**
 * The last log lines of each container of the newest task that has any, prefixed with the container's name; those that
 * failed come first.
 * @param many lines of each container
 */
export async function lastLinesOf(
  tasks: readonly Task[],
  definition: Registrable,
  region: string,
  many: number,
  calling: Calling,
): Promise<string[]> {
  const { streamsOfTask } = await import('@aws-deploy-actions/container-logs')
  const { CloudWatchLogsClient, GetLogEventsCommand } = await import('@aws-sdk/client-cloudwatch-logs')
  for (const [index, { taskArn = '', containers = [] }] of tasks.entries()) {
    const failed = new Set(containers.flatMap(({ name, exitCode }) => (exitCode === 0 ? [] : [name])))
    const ordered = (definition.containerDefinitions ?? []).toSorted(
      (a, b) => Number(failed.has(b.name)) - Number(failed.has(a.name)),
    )
    const { streams } = streamsOfTask(ordered, taskArn.slice(taskArn.lastIndexOf('/') + 1), region)
    const lines = await Promise.all(
      streams.map(async ({ container, group, stream, region: own }) => {
        const logs = new CloudWatchLogsClient(sdkConfig(own))
        try {
          const { events = [] } = await call('logs:GetLogEvents', calling, options =>
            logs.send(new GetLogEventsCommand({ logGroupName: group, logStreamName: stream, limit: many }), options),
          )
          return events.map(({ message }) => `${container} | ${message}`)
        } catch (error) {
          // A container that never started has no stream.
          if (error instanceof AwsError && error.code === 'ResourceNotFoundException') return []
          throw error
        }
      }),
    )
    if (lines.every(own => own.length === 0)) continue
    const others = tasks.length - index - 1
    return [...lines.flat(), ...(others > 0 ? [`… the lines of ${others} earlier tasks are in their log streams`] : [])]
  }
  return []
}
