import type { CreateServiceCommandInput, CreateServiceCommandOutput } from '@aws-sdk/client-ecs'
import { AwsError, type Operation, operation, type RequestContext } from '../../../service.ts'
import { runnableDefinition } from '../run-rules.ts'
import { activeCluster, type EcsState, serviceArn } from '../state.ts'
import { checkedTags } from '../tags.ts'
import { passRoles } from '../task-definitions.ts'
import { Watch } from '../watch.ts'
import { describedService } from './describe.ts'
import { serviceNeed } from './lookup.ts'
import type { ServiceRecord, Workload } from './record.ts'
import { checkCreation, checkWorkload } from './rules.ts'
import { deploy, keepService, type SchedulerParts } from './scheduler.ts'

/** CreateService. */
export function createService(parts: (region: string) => SchedulerParts): Operation {
  return operation<CreateServiceCommandInput, CreateServiceCommandOutput>({
    needs: ({ cluster, serviceName, role, tags }, context) => {
      const need = serviceNeed('CreateService', context, cluster, serviceName)
      const tagging = { ...need, action: 'ecs:TagResource', context: { 'ecs:CreateAction': 'CreateService' } }
      return [need, ...(tags?.length ? [tagging] : []), ...passRoles([role], context.accountId)]
    },
    run(input, context) {
      const scheduler = parts(context.region)
      const { state } = scheduler
      checkCreation(input)
      const workload = workloadOf(input, state)
      const service = newService(input, workload, state, context)
      checkWorkload(workload, service.cluster, scheduler.balancer)
      const earlier = state.services.get(service.arn)
      // both seen in public issues
      if (earlier?.status === 'ACTIVE')
        throw new AwsError('InvalidParameterException', 'Creation of service was not idempotent.')
      if (earlier?.status === 'DRAINING')
        throw new AwsError('InvalidParameterException', 'Unable to Start a service that is still Draining.')
      const tags = checkedTags(input.tags)
      state.services.set(service.arn, service)
      state.tags.set(service.arn, tags)
      keepService(service, scheduler)
      if (service.controller !== 'EXTERNAL') deploy(service, scheduler)
      return { service: { ...describedService(service), tags } }
    },
  })
}

function workloadOf(input: CreateServiceCommandInput, state: EcsState): Workload {
  const isExternal = input.deploymentController?.type === 'EXTERNAL'
  // seen in public issues
  if (!isExternal && input.taskDefinition === undefined)
    throw new AwsError('InvalidParameterException', 'TaskDefinition can not be blank.')
  return {
    definition: input.taskDefinition === undefined ? undefined : runnableDefinition(state, input.taskDefinition),
    launchType: input.capacityProviderStrategy?.length ? undefined : input.launchType,
    capacityProviderStrategy: input.capacityProviderStrategy,
    platformVersion: input.platformVersion,
    networkConfiguration: input.networkConfiguration,
    loadBalancers: input.loadBalancers ?? [],
    serviceRegistries: input.serviceRegistries ?? [],
  }
}

function newService(
  input: CreateServiceCommandInput,
  workload: Workload,
  state: EcsState,
  { region, accountId, caller }: RequestContext,
): ServiceRecord {
  const name = input.serviceName ?? ''
  const { deploymentConfiguration: given } = input
  return {
    arn: serviceArn(region, accountId, input.cluster, name),
    name,
    cluster: activeCluster(state, input.cluster),
    region,
    accountId,
    createdAt: new Date(),
    createdBy: caller,
    schedulingStrategy: 'REPLICA',
    role: input.role,
    controller: input.deploymentController?.type ?? 'ECS',
    status: 'ACTIVE',
    desiredCount: input.desiredCount ?? 0,
    workload,
    // server defaults: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html
    configuration: {
      deploymentCircuitBreaker: { enable: false, rollback: false },
      maximumPercent: 200,
      minimumHealthyPercent: 100,
      strategy: 'ROLLING',
      ...given,
    },
    gracePeriodSeconds: input.healthCheckGracePeriodSeconds ?? (workload.loadBalancers.length > 0 ? 0 : undefined),
    placementConstraints: input.placementConstraints ?? [],
    placementStrategy: input.placementStrategy ?? [],
    propagateTags: input.propagateTags ?? 'NONE',
    enableECSManagedTags: input.enableECSManagedTags ?? false,
    enableExecuteCommand: input.enableExecuteCommand ?? false,
    rollouts: [],
    deployments: [],
    revisions: new Map(),
    events: [],
    lastCompleted: undefined,
    steady: false,
    replacing: 0,
    staging: undefined,
    taskSets: [],
    wake: new Watch(),
    looked: new Watch(),
    healthy: new Set(),
  }
}
