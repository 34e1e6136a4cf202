import type { ContainerDefinition, HealthCheck, RegisterTaskDefinitionCommandInput } from '@aws-sdk/client-ecs'
import { AwsError } from '../../service.ts'
import { isFargateSize } from './fargate-sizes.ts'

/*
 * What RegisterTaskDefinition refuses. Texts marked "seen" are quoted from AWS's answers in public issues and
 * repositories, the others are in AWS's manner. Rules:
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html
 */

const NAME = /^[a-zA-Z0-9_-]{1,255}$/
const LOG_DRIVERS = ['awslogs', 'fluentd', 'gelf', 'json-file', 'journald', 'syslog', 'splunk', 'awsfirelens', 'none']
const FARGATE_LOG_DRIVERS = ['awslogs', 'splunk', 'awsfirelens']

function refuse(message: string): never {
  throw new AwsError('ClientException', message)
}

/**
 * @param isEcrImage whether an image lies in this account's registry
 * @throws AwsError ClientException
 */
export function checkDefinition(
  input: RegisterTaskDefinitionCommandInput,
  isEcrImage: (image: string) => boolean,
): void {
  if (!NAME.test(input.family ?? '')) refuse('Family contains invalid characters.')
  const containers = input.containerDefinitions ?? []
  // seen
  if (containers.length === 0) refuse('Container list cannot be empty.')
  if (containers.length > 10) refuse('Maximum number of containers in a task definition is 10.')
  const names = containers.map(({ name }) => name ?? '')
  if (new Set(names).size !== names.length) refuse('Container names must be unique within a task definition.')
  if (containers.every(({ essential }) => essential === false)) refuse('At least one container must be essential.')
  for (const container of containers) checkContainer(container, containers, input)
  checkCycles(containers)
  if (containers.some(({ secrets }) => secrets?.length) && !input.executionRoleArn) {
    // seen
    refuse("When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.")
  }
  if (input.requiresCompatibilities?.includes('FARGATE')) {
    const problem = fargateProblem(input, isEcrImage)
    if (problem !== undefined) refuse(problem)
  }
}

/** Why Fargate does not run this definition, in AWS's text; undefined when it does. */
export function fargateProblem(
  {
    networkMode,
    cpu,
    memory,
    executionRoleArn,
    containerDefinitions,
    ephemeralStorage,
  }: RegisterTaskDefinitionCommandInput,
  isEcrImage: (image: string) => boolean,
): string | undefined {
  // seen: all but the ones about options and time-outs
  if (networkMode !== 'awsvpc') return 'Fargate only supports network mode ‘awsvpc’.'
  if (cpu === undefined) return "Fargate requires that 'cpu' be defined at the task level."
  if (memory === undefined) return "Fargate requires that 'memory' be defined at the task level."
  if (!isFargateSize(cpu, memory))
    return `No Fargate configuration exists for given values: ${cpu} CPU, ${memory} memory. See the Amazon ECS documentation for the valid values.`
  const size = ephemeralStorage?.sizeInGiB
  if (size !== undefined && (size < 21 || size > 200)) return 'Ephemeral storage must be between 21 GiB and 200 GiB.'
  for (const {
    name,
    image = '',
    logConfiguration,
    stopTimeout,
    startTimeout,
    privileged,
    links,
  } of containerDefinitions ?? []) {
    const driver = logConfiguration?.logDriver
    if (driver === 'awslogs' && !executionRoleArn)
      return 'Fargate requires task definition to have execution role ARN to support log driver awslogs.'
    if (isEcrImage(image) && !executionRoleArn)
      return 'Fargate requires task definition to have execution role ARN to support ECR images.'
    if (driver !== undefined && !FARGATE_LOG_DRIVERS.includes(driver))
      return `Fargate does not support log driver ${driver}.`
    if (driver === 'awslogs' && !logConfiguration?.options?.['awslogs-stream-prefix'])
      return 'Log driver awslogs requires options: awslogs-stream-prefix'
    if (stopTimeout !== undefined && stopTimeout > 120)
      return `Invalid setting for container '${name}'. 'stopTimeout' must be at most 120 seconds on Fargate.`
    if (startTimeout !== undefined && startTimeout > 120)
      return `Invalid setting for container '${name}'. 'startTimeout' must be at most 120 seconds on Fargate.`
    if (privileged) return 'Fargate does not support privileged containers.'
    if (links?.length) return 'Links are not supported when networkMode=awsvpc.'
  }
  return undefined
}

function checkContainer(
  container: ContainerDefinition,
  all: readonly ContainerDefinition[],
  input: RegisterTaskDefinitionCommandInput,
): void {
  const { name = '', image, logConfiguration, environment, secrets } = container
  if (!NAME.test(name))
    refuse(
      `Invalid container name '${name}'. Up to 255 letters (uppercase and lowercase), numbers, hyphens, and underscores are allowed.`,
    )
  // seen
  if (!image) refuse('Container.image should not be null or empty.')
  if (/\s/.test(image)) refuse(`Container.image contains invalid characters: ${image}`)
  if (input.memory === undefined && container.memory === undefined && container.memoryReservation === undefined) {
    // seen
    refuse(
      `Invalid setting for container '${name}'. At least one of 'memory' or 'memoryReservation' must be specified.`,
    )
  }
  if (input.networkMode === 'awsvpc') {
    for (const { hostPort, containerPort } of container.portMappings ?? []) {
      if (hostPort !== undefined && hostPort !== 0 && hostPort !== containerPort) {
        // seen
        refuse('When networkMode=awsvpc, the host ports and container ports in port mappings must match.')
      }
    }
  }
  const shared = secrets?.find(secret => environment?.some(variable => variable.name === secret.name))
  if (shared) {
    // seen
    refuse(
      `The secret name must be unique and not shared with any new or existing environment variables set on the container, such as '${shared.name}'.`,
    )
  }
  const driver = logConfiguration?.logDriver
  if (driver !== undefined && !LOG_DRIVERS.includes(driver)) refuse(`Unsupported log driver: ${driver}`)
  if (driver === 'awslogs') {
    const missing = ['awslogs-region', 'awslogs-group'].filter(option => !logConfiguration?.options?.[option])
    // seen
    if (missing.length > 0) refuse(`Log driver awslogs requires options: ${missing.join(', ')}`)
  }
  if (container.healthCheck) checkHealthCheck(name, container.healthCheck)
  checkDependencies(container, all)
}

// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html
function checkHealthCheck(name: string, { command, interval, timeout, retries, startPeriod }: HealthCheck): void {
  if (!command?.length || !['CMD', 'CMD-SHELL', 'NONE'].includes(command[0] ?? '')) {
    refuse(`Invalid health check for container '${name}': the command must start with CMD or CMD-SHELL.`)
  }
  const limits: readonly [string, number | undefined, number, number][] = [
    ['interval', interval, 5, 300],
    ['timeout', timeout, 2, 120],
    ['retries', retries, 1, 10],
    ['startPeriod', startPeriod, 0, 300],
  ]
  for (const [setting, value, least, most] of limits) {
    if (value !== undefined && (value < least || value > most)) {
      refuse(`Invalid health check for container '${name}': ${setting} must be between ${least} and ${most}.`)
    }
  }
}

// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDependency.html
function checkDependencies({ name, dependsOn }: ContainerDefinition, all: readonly ContainerDefinition[]): void {
  for (const { containerName, condition } of dependsOn ?? []) {
    const other = all.find(container => container.name === containerName)
    if (!other || containerName === name)
      refuse(
        `Invalid 'dependsOn' setting for container '${name}': container '${containerName}' is not another container of the task definition.`,
      )
    if (!['START', 'COMPLETE', 'SUCCESS', 'HEALTHY'].includes(condition ?? ''))
      refuse(`Invalid 'dependsOn' condition for container '${name}': ${condition}`)
    if ((condition === 'COMPLETE' || condition === 'SUCCESS') && other.essential !== false) {
      refuse(
        `Container '${containerName}' cannot be essential: container '${name}' depends on it with condition ${condition}.`,
      )
    }
    if (condition === 'HEALTHY' && !other.healthCheck) {
      refuse(
        `Container '${containerName}' must have a health check: container '${name}' depends on it with condition HEALTHY.`,
      )
    }
  }
}

function checkCycles(containers: readonly ContainerDefinition[]): void {
  const resolved = new Set<string>()
  let left = [...containers]
  while (left.length > 0) {
    const next = left.filter(({ dependsOn }) =>
      dependsOn?.some(({ containerName }) => !resolved.has(containerName ?? '')),
    )
    if (next.length === left.length) refuse('Container dependencies form a cycle.')
    for (const { name } of left) if (!next.some(container => container.name === name)) resolved.add(name ?? '')
    left = next
  }
}
