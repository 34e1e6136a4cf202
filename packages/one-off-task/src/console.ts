import type { ContainerStream } from '@aws-deploy-actions/container-logs'
import { taskId } from './state.ts'

/** The console page of a task. */
export function taskConsoleUrl(region: string, cluster: string, arn: string): string {
  const name = cluster.slice(cluster.lastIndexOf('/') + 1)
  return `https://${consoleHost(region)}/ecs/v2/clusters/${encoded(name)}/tasks/${taskId(arn)}?region=${region}`
}

/** The console page of a log stream; the console wants its names encoded twice, with `$` for `%`. */
export function logConsoleUrl({ region, group, stream }: ContainerStream): string {
  const twice = (name: string): string => encodeURIComponent(encoded(name)).replace(/%/g, '$')
  return `https://${consoleHost(region)}/cloudwatch/home?region=${region}#logsV2:log-groups/log-group/${twice(group)}/log-events/${twice(stream)}`
}

// AWS General Reference, "AWS partitions".
function consoleHost(region: string): string {
  if (region.startsWith('cn-')) return `${region}.console.amazonaws.cn`
  if (region.startsWith('us-gov-')) return `${region}.console.amazonaws-us-gov.com`
  return `${region}.console.aws.amazon.com`
}

// encodeURIComponent leaves parentheses, which end a link in markdown.
function encoded(name: string): string {
  return encodeURIComponent(name).replace(/[()]/g, character => `%${character.charCodeAt(0).toString(16)}`)
}
