import type { RunTaskCommandInput } from '@aws-sdk/client-ecs'
import { AwsError } from '../../service.ts'
import { cpuUnits, isFargateSize, memoryMebibytes } from './fargate-sizes.ts'
import { type ClusterRecord, definitionNamed, type EcsState, type RegisteredDefinition } from './state.ts'

/*
 * What RunTask refuses; https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html.
 * Texts marked "seen" are quoted from AWS's answers in public issues and repositories, the others are in AWS's manner.
 */

function refuse(message: string): never {
  throw new AwsError('InvalidParameterException', message)
}

/** How a task will be placed. */
export interface Placement {
  readonly launchType: 'FARGATE' | 'EC2' | 'EXTERNAL'
  readonly capacityProviderName: string | undefined
  /** vCPU units and MiB of the task; absent where only containers have sizes */
  readonly cpu: string | undefined
  readonly memory: string | undefined
}

/** @throws AwsError ClientException, InvalidParameterException */
export function runnableDefinition(state: EcsState, name: string): RegisteredDefinition {
  const definition = definitionNamed(state, name)
  // seen
  if (!definition) throw new AwsError('ClientException', 'TaskDefinition not found.')
  // seen
  if (definition.status !== 'ACTIVE') refuse('TaskDefinition is inactive')
  return definition
}

/** @throws AwsError InvalidParameterException */
export function checkRun(input: RunTaskCommandInput): void {
  const { count = 1, clientToken, startedBy, launchType, group, propagateTags } = input
  if (!Number.isInteger(count) || count < 1 || count > 10) refuse('count must be between 1 and 10')
  if (clientToken !== undefined && !/^[\x21-\x7e]{1,64}$/.test(clientToken)) {
    refuse('clientToken must be at most 64 characters in the ASCII range 33-126')
  }
  if (startedBy !== undefined && !/^[A-Za-z0-9/_-]{0,128}$/.test(startedBy)) {
    refuse('startedBy must be at most 128 characters: letters, numbers, hyphens, forward slashes, underscores')
  }
  if (launchType !== undefined && !['EC2', 'FARGATE', 'EXTERNAL', 'MANAGED_INSTANCES'].includes(launchType))
    refuse(`Unknown launch type: ${launchType}`)
  if (launchType !== undefined && input.capacityProviderStrategy?.length) {
    // seen
    refuse('Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.')
  }
  if (group?.startsWith('service:')) refuse('Group names that start with service: are reserved for services.')
  if (propagateTags !== undefined && !['TASK_DEFINITION', 'NONE'].includes(propagateTags)) {
    refuse(`Tags cannot be propagated from ${propagateTags} by RunTask.`)
  }
}

/** @throws AwsError InvalidParameterException */
export function placementOf(
  input: RunTaskCommandInput,
  cluster: ClusterRecord,
  definition: RegisteredDefinition,
): Placement {
  const provider = capacityProvider(input, cluster)
  const launchType = provider ?? input.launchType ?? 'EC2'
  const cpu = input.overrides?.cpu === undefined ? definition.cpu : cpuUnits(input.overrides.cpu)
  const memory = input.overrides?.memory === undefined ? definition.memory : memoryMebibytes(input.overrides.memory)
  const isFargate = launchType.startsWith('FARGATE')
  if (isFargate && !definition.compatibilities?.includes('FARGATE')) {
    // seen
    refuse('Task definition does not support launch_type FARGATE.')
  }
  if (isFargate && !isFargateSize(cpu ?? '', memory ?? '')) {
    refuse(
      `No Fargate configuration exists for given values: ${cpu} CPU, ${memory} memory. See the Amazon ECS documentation for the valid values.`,
    )
  }
  const storage = input.overrides?.ephemeralStorage?.sizeInGiB
  if (storage !== undefined && (storage < 20 || storage > 200))
    refuse('Ephemeral storage must be between 20 GiB and 200 GiB.')
  checkNetwork(input, definition)
  checkPlatform(input, isFargate)
  return {
    launchType: isFargate ? 'FARGATE' : launchType === 'EXTERNAL' ? 'EXTERNAL' : 'EC2',
    capacityProviderName: provider,
    cpu,
    memory,
  }
}

function capacityProvider(input: RunTaskCommandInput, cluster: ClusterRecord): string | undefined {
  const given = input.capacityProviderStrategy ?? []
  const strategy =
    given.length > 0 ? given : input.launchType === undefined ? (cluster.defaultCapacityProviderStrategy ?? []) : []
  if (strategy.length > 20) refuse('A capacity provider strategy can contain at most 20 capacity providers.')
  for (const { capacityProvider: name = '' } of strategy) {
    if (!cluster.capacityProviders?.includes(name)) {
      // seen
      refuse(
        'The specified capacity provider strategy cannot contain a capacity provider that is not associated with the cluster. Associate the capacity provider with the cluster and try again.',
      )
    }
  }
  // the base goes first, then the greatest weight: enough for a single task
  const ranked = [...strategy].sort((a, b) => (b.base ?? 0) - (a.base ?? 0) || (b.weight ?? 0) - (a.weight ?? 0))
  return ranked[0]?.capacityProvider
}

function checkNetwork(input: RunTaskCommandInput, definition: RegisteredDefinition): void {
  const vpc = input.networkConfiguration?.awsvpcConfiguration
  if (definition.networkMode !== 'awsvpc') {
    // seen
    if (vpc) refuse('Network Configuration is not valid for the given networkMode of this task definition.')
    return
  }
  // seen
  if (!vpc) refuse("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
  if (!vpc.subnets?.length) refuse('subnets can not be empty.')
  // https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html
  if (vpc.subnets.length > 16) refuse('A maximum of 16 subnets can be specified.')
  if ((vpc.securityGroups?.length ?? 0) > 5) refuse('A maximum of 5 security groups can be specified.')
  if (vpc.assignPublicIp !== undefined && !['ENABLED', 'DISABLED'].includes(vpc.assignPublicIp))
    refuse(`Invalid assignPublicIp: ${vpc.assignPublicIp}`)
  const odd = vpc.subnets.find(subnet => !/^subnet-[0-9a-z-]+$/.test(subnet))
  if (odd !== undefined)
    refuse(
      `Error retrieving subnet information for [${odd}]: The subnet ID '${odd}' does not exist (ErrorCode: InvalidSubnetID.NotFound)`,
    )
  const oddGroup = vpc.securityGroups?.find(group => !/^sg-[0-9a-z-]+$/.test(group))
  if (oddGroup !== undefined)
    refuse(
      `Error retrieving security group information for [${oddGroup}]: Invalid id: "${oddGroup}" (expecting "sg-...") (ErrorCode: InvalidGroupId.Malformed)`,
    )
}

function checkPlatform({ platformVersion }: RunTaskCommandInput, isFargate: boolean): void {
  if (platformVersion === undefined) return
  // seen
  if (!isFargate) refuse('The platform version must be null when specifying an EC2 launch type.')
  // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/platform-linux-fargate.html
  if (!['LATEST', '1.4.0', '1.3.0'].includes(platformVersion))
    refuse(`The specified platform version does not exist: ${platformVersion}`)
}
