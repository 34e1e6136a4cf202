import { consoleHost, inAddress } from '@aws-deploy-actions/aws-clients'
import type { ContainerStream } from '@aws-deploy-actions/container-logs'
import { taskId } from './state.ts'

/** The console page of a task. */
export function taskConsoleUrl(region: string, cluster: string, arn: string): string {
  const name = cluster.slice(cluster.lastIndexOf('/') + 1)
  return `https://${consoleHost(region)}/ecs/v2/clusters/${inAddress(name)}/tasks/${taskId(arn)}?region=${region}`
}

/** The console page of a log stream; the console wants its names encoded twice, with `$` for `%`. */
export function logConsoleUrl({ region, group, stream }: ContainerStream): string {
  const twice = (name: string): string => encodeURIComponent(inAddress(name)).replace(/%/g, '$')
  return `https://${consoleHost(region)}/cloudwatch/home?region=${region}#logsV2:log-groups/log-group/${twice(group)}/log-events/${twice(stream)}`
}
