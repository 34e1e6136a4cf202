import * as ecs from '@aws-sdk/client-ecs'
import type { Service } from '../../service.ts'
import { clusterOperations } from './clusters.ts'
import { runTask } from './run-task.ts'
import type { Alarms } from './service/alarms.ts'
import type { Balancer } from './service/balancer.ts'
import { createService } from './service/create-service.ts'
import { serviceOperations } from './service/read-services.ts'
import type { SchedulerParts } from './service/scheduler.ts'
import { deploymentOperations } from './service/service-deployments.ts'
import { taskSetOperations } from './service/task-sets.ts'
import { updateService } from './service/update-service.ts'
import type { EcsRegions } from './state.ts'
import { tagOperations } from './tags.ts'
import { definitionOperations } from './task-definitions.ts'
import type { Surroundings } from './task-run.ts'
import { taskOperations } from './tasks.ts'

/** ECS: clusters, task definitions, tasks that really run, and services that really roll. */
export function ecsService(
  regions: EcsRegions,
  surroundings: Surroundings,
  balancer: Balancer,
  alarms: Alarms,
): Service {
  const parts = (region: string): SchedulerParts => ({ state: regions.state(region), surroundings, balancer, alarms })
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
      ...deploymentOperations(regions),
      ...taskSetOperations(regions),
      CreateService: createService(parts),
      UpdateService: updateService(parts),
      RunTask: runTask(regions, surroundings),
    },
  }
}
