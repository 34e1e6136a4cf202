import * as ecs from '@aws-sdk/client-ecs'
import type { Service } from '../../service.ts'
import { clusterOperations } from './clusters.ts'
import { runTask } from './run-task.ts'
import { serviceOperations } from './services.ts'
import type { EcsRegions } from './state.ts'
import { tagOperations } from './tags.ts'
import { definitionOperations } from './task-definitions.ts'
import type { Surroundings } from './task-run.ts'
import { taskOperations } from './tasks.ts'

/** ECS: clusters, task definitions, tasks that really run, and services as far as they can be looked up. */
export function ecsService(regions: EcsRegions, surroundings: Surroundings): Service {
  const isEcrImage = (image: string) => surroundings.cloud.registry.localReference(image).registry === 'private'
  return {
    name: 'ecs',
    model: ecs,
    protocol: { kind: 'awsJson1_1', target: 'AmazonEC2ContainerServiceV20141113' },
    operations: {
      ...clusterOperations(regions),
      ...definitionOperations(regions, isEcrImage),
      ...tagOperations(regions),
      ...taskOperations(regions),
      ...serviceOperations(regions),
      RunTask: runTask(regions, surroundings),
    },
  }
}
