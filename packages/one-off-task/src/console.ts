import type { ContainerStream } from '@aws-deploy-actions/container-logs'
import { taskId } from './state.ts'

/** The console page of a task. */
export function taskConsoleUrl(region: string, cluster: string, arn: string): string {
  const name = cluster.slice(cluster.lastIndexOf('/') + 1)
  return `https://${region}.console.aws.amazon.com/ecs/v2/clusters/${encodeURIComponent(name)}/tasks/${taskId(arn)}?region=${region}`
}

/** The console page of a log stream; the console wants its names encoded twice, with `$` for `%`. */
export function logConsoleUrl({ region, group, stream }: ContainerStream): string {
  const encoded = (name: string): string => encodeURIComponent(encodeURIComponent(name)).replace(/%/g, '$')
  return `https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#logsV2:log-groups/log-group/${encoded(group)}/log-events/${encoded(stream)}`
}
