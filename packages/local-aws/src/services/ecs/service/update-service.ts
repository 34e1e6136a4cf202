import { isDeepStrictEqual } from 'node:util'
import type { UpdateServiceCommandInput, UpdateServiceCommandOutput } from '@aws-sdk/client-ecs'
import { type Operation, operation } from '../../../service.ts'
import { runnableDefinition } from '../run-rules.ts'
import type { EcsState } from '../state.ts'
import { describedService } from './describe.ts'
import { serviceNamed, serviceNeed } from './lookup.ts'
import type { ServiceRecord, Workload } from './record.ts'
import { checkUpdate, checkWorkload } from './rules.ts'
import { deploy, type SchedulerParts } from './scheduler.ts'

/** UpdateService: a deployment starts only when what the tasks are made of changes, or when it is forced. */
export function updateService(parts: (region: string) => SchedulerParts): Operation {
  return operation<UpdateServiceCommandInput, UpdateServiceCommandOutput>({
    needs: ({ cluster, service }, context) => [serviceNeed('UpdateService', context, cluster, service)],
    run(input, context) {
      const scheduler = parts(context.region)
      const service = serviceNamed(scheduler.state, context, input.cluster, input.service)
      checkUpdate(service, input)
      const workload = changedWorkload(service.workload, input, scheduler.state)
      checkWorkload(workload, service.cluster, scheduler.balancer)
      const isNew = !isDeepStrictEqual(comparable(workload), comparable(service.workload))
      Object.assign(service, { workload, ...changedSettings(service, input) })
      // stages scale their tasks themselves
      for (const rollout of service.rollouts) if (rollout.scale) rollout.scale = service.desiredCount
      if (isNew || input.forceNewDeployment) deploy(service, scheduler)
      service.wake.changed()
      return { service: describedService(service) }
    },
  })
}

function changedWorkload(old: Workload, input: UpdateServiceCommandInput, state: EcsState): Workload {
  const providers = input.capacityProviderStrategy
  return {
    definition: input.taskDefinition === undefined ? old.definition : runnableDefinition(state, input.taskDefinition),
    // a strategy replaces the launch type; an empty one takes it back to the default
    launchType: providers?.length ? undefined : old.launchType,
    capacityProviderStrategy: providers === undefined ? old.capacityProviderStrategy : providers,
    platformVersion: input.platformVersion ?? old.platformVersion,
    networkConfiguration: input.networkConfiguration ?? old.networkConfiguration,
    loadBalancers: input.loadBalancers ?? old.loadBalancers,
    serviceRegistries: input.serviceRegistries ?? old.serviceRegistries,
  }
}

/** `LATEST` and nothing are the same platform version; a definition is its ARN. */
function comparable({ definition, platformVersion, ...rest }: Workload): unknown {
  return JSON.parse(
    JSON.stringify({ ...rest, definition: definition?.taskDefinitionArn, platform: platformVersion ?? 'LATEST' }),
  )
}

function changedSettings(service: ServiceRecord, input: UpdateServiceCommandInput): Partial<ServiceRecord> {
  return {
    desiredCount: input.desiredCount ?? service.desiredCount,
    configuration: { ...service.configuration, ...input.deploymentConfiguration },
    gracePeriodSeconds: input.healthCheckGracePeriodSeconds ?? service.gracePeriodSeconds,
    placementConstraints: input.placementConstraints ?? service.placementConstraints,
    placementStrategy: input.placementStrategy ?? service.placementStrategy,
    propagateTags: input.propagateTags ?? service.propagateTags,
    enableECSManagedTags: input.enableECSManagedTags ?? service.enableECSManagedTags,
    enableExecuteCommand: input.enableExecuteCommand ?? service.enableExecuteCommand,
  }
}
