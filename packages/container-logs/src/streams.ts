import type { ContainerDefinition } from '@aws-sdk/client-ecs'
import type { ContainerStream } from './follow.ts'

/** The streams that a task's containers write to, and the names of those whose lines cannot be found in CloudWatch. */
export function streamsOfTask(
  containers: readonly ContainerDefinition[],
  taskId: string,
  region: string,
): { streams: ContainerStream[]; without: string[] } {
  const streams: ContainerStream[] = []
  const without: string[] = []
  for (const { name = '', logConfiguration } of containers) {
    const options = logConfiguration?.logDriver === 'awslogs' ? (logConfiguration.options ?? {}) : {}
    const group = options['awslogs-group']
    const prefix = options['awslogs-stream-prefix']
    // Without a prefix (possible on EC2 only) the stream is named after the Docker container id.
    if (group === undefined || prefix === undefined) without.push(name)
    else
      streams.push({
        container: name,
        group,
        stream: `${prefix}/${name}/${taskId}`,
        region: options['awslogs-region'] ?? region,
      })
  }
  return { streams, without }
}
