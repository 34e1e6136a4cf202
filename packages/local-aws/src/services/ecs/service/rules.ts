import type {
  CreateServiceCommandInput,
  DeploymentConfiguration,
  LoadBalancer,
  UpdateServiceCommandInput,
} from '@aws-sdk/client-ecs'
import { AwsError } from '../../../service.ts'
import { placementOf } from '../run-rules.ts'
import type { ClusterRecord } from '../state.ts'
import type { Balancer } from './balancer.ts'
import type { ServiceRecord, Workload } from './record.ts'

/*
 * What CreateService and UpdateService refuse. Texts marked "seen" are quoted from AWS's answers in public issues and
 * repositories, the others are in AWS's manner.
 */

function refuse(message: string): never {
  throw new AwsError('InvalidParameterException', message)
}

/** @throws AwsError InvalidParameterException */
export function checkCreation(input: CreateServiceCommandInput): void {
  if (!/^[a-zA-Z0-9_-]{1,255}$/.test(input.serviceName ?? '')) refuse('Service name contains invalid characters.')
  if (input.schedulingStrategy === 'DAEMON') refuse('local-aws does not serve the scheduling strategy DAEMON')
  if (input.desiredCount === undefined) refuse('desiredCount must be specified for REPLICA services.')
  if (input.launchType !== undefined && input.capacityProviderStrategy?.length) {
    // seen
    refuse('Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.')
  }
  checkCount(input.desiredCount)
  checkConfiguration(input.deploymentConfiguration)
}

/** @throws AwsError ServiceNotActiveException, InvalidParameterException */
export function checkUpdate(service: ServiceRecord, input: UpdateServiceCommandInput): void {
  // seen
  if (service.status !== 'ACTIVE') throw new AwsError('ServiceNotActiveException', 'Service was not ACTIVE.')
  checkCount(input.desiredCount)
  checkConfiguration(input.deploymentConfiguration)
  if (service.controller === 'CODE_DEPLOY') {
    const advice =
      'on services with a CODE_DEPLOY deployment controller. Use AWS CodeDeploy to trigger a new deployment.'
    // all three seen
    if (input.taskDefinition !== undefined) refuse(`Unable to update task definition ${advice}`)
    if (input.forceNewDeployment) refuse(`Cannot force a new deployment ${advice}`)
    if (input.networkConfiguration || input.platformVersion) refuse(`Unable to update network parameters ${advice}`)
  }
  if (service.controller === 'EXTERNAL') {
    const advice = 'on services with a EXTERNAL deployment controller.'
    if (input.taskDefinition !== undefined) refuse(`Unable to update task definition ${advice}`)
    if (input.forceNewDeployment) refuse(`Cannot force a new deployment ${advice}`)
    if (input.networkConfiguration || input.platformVersion) refuse(`Unable to update network parameters ${advice}`)
  }
}

function checkCount(count: number | undefined): void {
  if (count !== undefined && (!Number.isInteger(count) || count < 0))
    refuse('desiredCount must be a non-negative integer.')
}

function checkConfiguration(configuration: DeploymentConfiguration | undefined): void {
  if (!configuration) return
  const { minimumHealthyPercent: minimum = 100, maximumPercent: maximum = 200, strategy } = configuration
  // https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html
  if (minimum < 0 || minimum > 100) refuse('minimumHealthyPercent must be between 0 and 100.')
  if (maximum < 100 || maximum > 200) refuse('maximumPercent must be between 100 and 200.')
  // seen
  if (minimum === 100 && maximum === 100)
    refuse('When both maximumPercent and minimumHealthyPercent are 100, no deployment can make progress.')
  if (strategy !== undefined && !['ROLLING', 'BLUE_GREEN', 'LINEAR', 'CANARY'].includes(strategy))
    refuse(`Invalid deployment strategy: ${strategy}`)
  const { thresholdConfiguration: threshold } = configuration.deploymentCircuitBreaker ?? {}
  if (threshold && !['COUNT', 'BOUNDED_PERCENT', 'UNBOUNDED_PERCENT'].includes(threshold.type ?? ''))
    refuse(`Invalid threshold type: ${threshold.type}`)
  if (threshold && !(Number.isInteger(threshold.value) && (threshold.value ?? 0) >= 1))
    refuse('The threshold value must be a positive integer.')
  if (configuration.alarms?.enable && !configuration.alarms.alarmNames?.length)
    refuse('alarmNames must not be empty when alarms are enabled.')
}

/**
 * Whether the workload could be run at all.
 * @throws AwsError InvalidParameterException
 */
export function checkWorkload(workload: Workload, cluster: ClusterRecord, balancer: Balancer): void {
  const { definition, loadBalancers } = workload
  for (const load of loadBalancers) {
    const refusal = load.targetGroupArn === undefined ? undefined : balancer.refusal(load.targetGroupArn)
    if (refusal !== undefined) refuse(refusal)
    if (definition) checkPort(load, workload)
  }
  if (!definition) return
  placementOf(
    {
      taskDefinition: definition.taskDefinitionArn,
      launchType: workload.launchType,
      capacityProviderStrategy: workload.capacityProviderStrategy,
      platformVersion: workload.platformVersion,
      networkConfiguration: workload.networkConfiguration,
    },
    cluster,
    definition,
  )
}

function checkPort({ containerName, containerPort }: LoadBalancer, { definition }: Workload): void {
  const container = definition?.containerDefinitions?.find(({ name }) => name === containerName)
  // both seen
  if (!container) refuse(`The container ${containerName} does not exist in the task definition.`)
  if (!container.portMappings?.some(mapping => mapping.containerPort === containerPort))
    refuse(`The container ${containerName} did not have a container port ${containerPort} defined.`)
}
