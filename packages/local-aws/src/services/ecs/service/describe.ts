import type {
  Deployment,
  Service,
  ServiceDeployment,
  ServiceRevision,
  ServiceRevisionSummary,
} from '@aws-sdk/client-ecs'
import { living } from './placement.ts'
import type { DeploymentRecord, Revision, Rollout, ServiceRecord, Workload } from './record.ts'

const PENDING = ['PROVISIONING', 'PENDING', 'ACTIVATING']

/** A service as DescribeServices returns it, without tags. */
export function describedService(service: ServiceRecord): Service {
  const counts = service.rollouts.map(counted)
  const current = service.deployments[0]
  const isEcs = service.controller === 'ECS'
  return {
    serviceArn: service.arn,
    serviceName: service.name,
    clusterArn: service.cluster.clusterArn,
    status: service.status,
    desiredCount: service.desiredCount,
    runningCount: sum(counts.map(({ running }) => running)),
    pendingCount: sum(counts.map(({ pending }) => pending)),
    ...describedWorkload(service.workload),
    deploymentConfiguration: service.configuration,
    taskSets: isEcs ? [] : service.taskSets,
    deployments: isEcs ? service.rollouts.map((rollout, index) => describedRollout(service, rollout, index)) : [],
    ...(service.role === undefined ? {} : { roleArn: service.role }),
    events: service.events,
    createdAt: service.createdAt,
    createdBy: service.createdBy,
    ...(isEcs && current ? { currentServiceDeployment: current.arn } : {}),
    ...(isEcs ? { currentServiceRevisions: service.rollouts.map(rollout => summary(service, rollout.revision)) } : {}),
    placementConstraints: service.placementConstraints,
    placementStrategy: service.placementStrategy,
    ...(service.gracePeriodSeconds === undefined ? {} : { healthCheckGracePeriodSeconds: service.gracePeriodSeconds }),
    schedulingStrategy: service.schedulingStrategy,
    deploymentController: { type: service.controller },
    enableECSManagedTags: service.enableECSManagedTags,
    propagateTags: service.propagateTags,
    enableExecuteCommand: service.enableExecuteCommand,
    availabilityZoneRebalancing: 'DISABLED',
  }
}

function describedWorkload(workload: Workload) {
  return {
    ...(workload.definition ? { taskDefinition: workload.definition.taskDefinitionArn } : {}),
    loadBalancers: workload.loadBalancers,
    serviceRegistries: workload.serviceRegistries,
    ...describedPlacement(workload),
  }
}

function describedPlacement(workload: Workload) {
  const isFargate = workload.launchType === 'FARGATE' || (workload.capacityProviderStrategy?.length ?? 0) > 0
  return {
    ...(workload.launchType === undefined ? {} : { launchType: workload.launchType }),
    ...(workload.capacityProviderStrategy ? { capacityProviderStrategy: workload.capacityProviderStrategy } : {}),
    ...(isFargate || workload.platformVersion !== undefined
      ? { platformVersion: workload.platformVersion ?? 'LATEST', platformFamily: 'Linux' }
      : {}),
    ...(workload.networkConfiguration ? { networkConfiguration: workload.networkConfiguration } : {}),
  }
}

function describedRollout(service: ServiceRecord, rollout: Rollout, index: number): Deployment {
  const { running, pending } = counted(rollout)
  const { definition } = rollout.revision.workload
  // an entry whose last tasks are on their way out is DRAINING (seen in AWS's answers since 2025)
  const status =
    index === 0 ? 'PRIMARY' : living(rollout).length > 0 || rollout.tasks.size === 0 ? 'ACTIVE' : 'DRAINING'
  return {
    id: rollout.id,
    status,
    ...(definition ? { taskDefinition: definition.taskDefinitionArn } : {}),
    desiredCount: index === 0 ? service.desiredCount : living(rollout).length,
    pendingCount: pending,
    runningCount: running,
    failedTasks: rollout.failedTasks,
    createdAt: rollout.createdAt,
    updatedAt: rollout.updatedAt,
    ...describedPlacement(rollout.revision.workload),
    rolloutState: rollout.state,
    rolloutStateReason: rollout.reason,
  }
}

/** Tasks of a deployment in RUNNING, and on their way there. */
export function counted({ tasks }: Rollout): { running: number; pending: number } {
  const states = [...tasks].map(({ record }) => record.task.lastStatus ?? '')
  return {
    running: states.filter(state => state === 'RUNNING').length,
    pending: states.filter(state => PENDING.includes(state)).length,
  }
}

function summary(service: ServiceRecord, revision: Revision): ServiceRevisionSummary & { arn: string } {
  const index = service.rollouts.findIndex(rollout => rollout.revision === revision)
  const rollout = service.rollouts[index]
  const { running, pending } = rollout ? counted(rollout) : { running: 0, pending: 0 }
  return {
    arn: revision.arn,
    requestedTaskCount: index === 0 ? service.desiredCount : rollout ? living(rollout).length : 0,
    runningTaskCount: running,
    pendingTaskCount: pending,
  }
}

/** A service deployment as DescribeServiceDeployments returns it. */
export function describedDeployment(service: ServiceRecord, deployment: DeploymentRecord): ServiceDeployment {
  const { weights, configuration, breaker, alarms } = deployment
  const source = weights
    ? { requestedTestTrafficWeight: 100 - weights.test, requestedProductionTrafficWeight: 100 - weights.production }
    : {}
  const target = weights
    ? { requestedTestTrafficWeight: weights.test, requestedProductionTrafficWeight: weights.production }
    : {}
  return {
    serviceDeploymentArn: deployment.arn,
    serviceArn: service.arn,
    clusterArn: service.cluster.clusterArn,
    createdAt: deployment.createdAt,
    ...(deployment.startedAt ? { startedAt: deployment.startedAt } : {}),
    ...(deployment.finishedAt ? { finishedAt: deployment.finishedAt } : {}),
    ...(deployment.stoppedAt ? { stoppedAt: deployment.stoppedAt } : {}),
    updatedAt: deployment.updatedAt,
    sourceServiceRevisions: deployment.source.map(revision => ({ ...summary(service, revision), ...source })),
    targetServiceRevision: { ...summary(service, deployment.target), ...target },
    status: deployment.status,
    ...(deployment.statusReason === undefined ? {} : { statusReason: deployment.statusReason }),
    ...(deployment.stage === undefined ? {} : { lifecycleStage: deployment.stage }),
    ...(deployment.hooks.length > 0 ? { lifecycleHookDetails: deployment.hooks } : {}),
    deploymentConfiguration: configuration,
    ...(deployment.rollback ? { rollback: deployment.rollback } : {}),
    deploymentCircuitBreaker: { ...breaker },
    alarms: {
      status: alarms.status,
      alarmNames: configuration.alarms?.alarmNames ?? [],
      triggeredAlarmNames: alarms.triggered,
    },
  }
}

/** A service revision as DescribeServiceRevisions returns it. */
export function describedRevision(service: ServiceRecord, revision: Revision): ServiceRevision {
  const { loadBalancers } = revision.workload
  return {
    serviceRevisionArn: revision.arn,
    serviceArn: service.arn,
    clusterArn: service.cluster.clusterArn,
    ...describedWorkload(revision.workload),
    containerImages: revision.images,
    guardDutyEnabled: false,
    createdAt: revision.createdAt,
    resolvedConfiguration: {
      loadBalancers: loadBalancers.flatMap(({ targetGroupArn, advancedConfiguration }) =>
        targetGroupArn === undefined
          ? []
          : [
              {
                targetGroupArn,
                ...(advancedConfiguration?.productionListenerRule === undefined
                  ? {}
                  : { productionListenerRule: advancedConfiguration.productionListenerRule }),
              },
            ],
      ),
    },
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}
