import type { ContainerDefinition, PortMapping, RegisterTaskDefinitionCommandInput } from '@aws-sdk/client-ecs'
import { cpuUnits, memoryMebibytes } from './fargate-sizes.ts'

/** The request with sizes as numbers: AWS stores `1 vCPU` as `1024`. */
export function withPlainSizes(input: RegisterTaskDefinitionCommandInput): RegisterTaskDefinitionCommandInput {
  const { cpu, memory } = input
  return {
    ...input,
    ...(cpu === undefined ? {} : { cpu: cpuUnits(cpu) ?? cpu }),
    ...(memory === undefined ? {} : { memory: memoryMebibytes(memory) ?? memory }),
  }
}

/**
 * A container as DescribeTaskDefinition returns it: the server fills in `cpu` 0, `essential` true, empty lists, ports
 * and the health check's defaults. Seen in AWS's answers; see also "Server defaults" in terraform-provider-aws,
 * internal/service/ecs/task_definition_equivalency.go
 */
export function withServerDefaults(
  container: ContainerDefinition,
  networkMode: string | undefined,
): ContainerDefinition {
  return {
    ...container,
    cpu: container.cpu ?? 0,
    essential: container.essential ?? true,
    portMappings: (container.portMappings ?? []).map(mapping => completePort(mapping, networkMode)),
    environment: container.environment ?? [],
    mountPoints: container.mountPoints ?? [],
    volumesFrom: container.volumesFrom ?? [],
    systemControls: container.systemControls ?? [],
    ...(container.healthCheck
      ? { healthCheck: { interval: 30, timeout: 5, retries: 3, ...container.healthCheck } }
      : {}),
  }
}

function completePort(mapping: PortMapping, networkMode: string | undefined): PortMapping {
  const samePort = networkMode === 'awsvpc' || networkMode === 'host'
  return {
    ...mapping,
    hostPort: mapping.hostPort || (samePort ? (mapping.containerPort ?? 0) : 0),
    protocol: mapping.protocol ?? 'tcp',
  }
}

/**
 * Agent capabilities that a definition asks for, as AWS lists them in `requiresAttributes`.
 * Names: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-agent-versions.html and the agent's
 * agent/app/agent_capability.go
 */
export function requiredAttributes(
  input: RegisterTaskDefinitionCommandInput,
  isEcrImage: (image: string) => boolean,
): { name: string }[] {
  const containers = input.containerDefinitions ?? []
  const secrets = containers.flatMap(container => container.secrets ?? [])
  const usesAwslogs = containers.some(({ logConfiguration }) => logConfiguration?.logDriver === 'awslogs')
  const usesEcr = containers.some(({ image }) => isEcrImage(image ?? ''))
  const role = input.executionRoleArn !== undefined
  const isAsm = (valueFrom: string | undefined) => valueFrom?.includes(':secretsmanager:') === true
  const attributes: readonly [boolean, string][] = [
    [usesAwslogs, 'com.amazonaws.ecs.capability.logging-driver.awslogs'],
    [usesAwslogs && role, 'ecs.capability.execution-role-awslogs'],
    [usesEcr, 'com.amazonaws.ecs.capability.ecr-auth'],
    [usesEcr && role, 'ecs.capability.execution-role-ecr-pull'],
    [true, 'com.amazonaws.ecs.capability.docker-remote-api.1.18'],
    [input.taskRoleArn !== undefined, 'com.amazonaws.ecs.capability.task-iam-role'],
    [input.networkMode === 'awsvpc', 'ecs.capability.task-eni'],
    [secrets.some(({ valueFrom }) => isAsm(valueFrom)), 'ecs.capability.secrets.asm.environment-variables'],
    [secrets.some(({ valueFrom }) => !isAsm(valueFrom)), 'ecs.capability.secrets.ssm.environment-variables'],
    [containers.some(({ healthCheck }) => healthCheck), 'ecs.capability.container-health-check'],
    [containers.some(({ dependsOn }) => dependsOn?.length), 'ecs.capability.container-ordering'],
  ].map(([needed, name]) => [Boolean(needed), String(name)])
  return attributes.filter(([needed]) => needed).map(([, name]) => ({ name }))
}
