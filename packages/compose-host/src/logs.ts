import type { Clock, Log } from '@aws-deploy-actions/action-runtime'
import { followLogs, type LogFollower } from '@aws-deploy-actions/container-logs'

/**
 * Follows what the hosts say in CloudWatch Logs (stream COMMAND/INSTANCE/aws-runShellScript/stderr; Systems Manager User
 * Guide, "Configuring Amazon CloudWatch Logs for Run Command"). Standard output has only the result.
 */
export function followHosts(
  group: string,
  commandId: string,
  hosts: readonly string[],
  region: string,
  runtime: { clock: Clock; log: Log },
): LogFollower {
  const streams = hosts.map(container => ({
    container,
    group,
    stream: `${commandId}/${container}/aws-runShellScript/stderr`,
    region,
  }))
  return followLogs(streams, runtime)
}
