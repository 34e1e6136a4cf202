import { randomBytes, randomUUID } from 'node:crypto'
import type { Container, ContainerDefinition, ContainerOverride, RunTaskCommandInput, Tag } from '@aws-sdk/client-ecs'
import { AwsError } from '../../service.ts'
import type { Placement } from './run-rules.ts'
import type { ClusterRecord, EcsState, RegisteredDefinition, TaskRecord } from './state.ts'
import { checkedTags } from './tags.ts'

/** What a new task is made of. */
export interface TaskPlan {
  readonly input: RunTaskCommandInput
  readonly cluster: ClusterRecord
  readonly definition: RegisteredDefinition
  readonly placement: Placement
  readonly region: string
  readonly accountId: string
}

/** The containers with RunTask's overrides put in; environment variables are merged by name. */
export function overriddenContainers(plan: TaskPlan): (ContainerDefinition & { name: string })[] {
  const overrides = plan.input.overrides?.containerOverrides ?? []
  const containers = (plan.definition.containerDefinitions ?? []).map(container => ({
    ...container,
    name: container.name ?? '',
  }))
  for (const { name } of overrides) {
    if (containers.some(container => container.name === name)) continue
    // seen in public issues
    throw new AwsError(
      'InvalidParameterException',
      `Override for container named ${name} is not a container in the TaskDefinition.`,
    )
  }
  return containers.map(container => {
    const override = overrides.find(({ name }) => name === container.name)
    return override ? overridden(container, override) : container
  })
}

function overridden(container: ContainerDefinition & { name: string }, override: ContainerOverride) {
  const environment = new Map((container.environment ?? []).map(variable => [variable.name, variable]))
  for (const variable of override.environment ?? []) environment.set(variable.name, variable)
  return {
    ...container,
    // an empty list overrides nothing
    ...(override.command?.length ? { command: override.command } : {}),
    environment: [...environment.values()],
    ...(override.cpu === undefined ? {} : { cpu: override.cpu }),
    ...(override.memory === undefined ? {} : { memory: override.memory }),
    ...(override.memoryReservation === undefined ? {} : { memoryReservation: override.memoryReservation }),
  }
}

/** The task as RunTask answers it: PROVISIONING, nothing running. */
export function newTask(plan: TaskPlan, state: EcsState): TaskRecord['task'] {
  const { input, cluster, definition, placement, region, accountId } = plan
  const id = randomBytes(16).toString('hex')
  const taskArn = `arn:aws:ecs:${region}:${accountId}:task/${cluster.clusterName}/${id}`
  const attachmentId = randomUUID()
  const usesVpc = definition.networkMode === 'awsvpc'
  const address = `10.0.${randomBytes(1)[0]}.${randomBytes(1)[0]}`
  const isFargate = placement.launchType === 'FARGATE'
  const storage = {
    sizeInGiB: input.overrides?.ephemeralStorage?.sizeInGiB ?? definition.ephemeralStorage?.sizeInGiB ?? 20,
  }
  return {
    taskArn,
    clusterArn: cluster.clusterArn,
    taskDefinitionArn: definition.taskDefinitionArn,
    attachments: usesVpc ? [networkAttachment(attachmentId, address, input, region)] : [],
    attributes: [
      {
        name: 'ecs.cpu-architecture',
        value: definition.runtimePlatform?.cpuArchitecture === 'ARM64' ? 'arm64' : 'x86_64',
      },
    ],
    availabilityZone: `${region}a`,
    containers: overriddenContainers(plan).map(container =>
      newContainer(container, taskArn, usesVpc ? [{ attachmentId, privateIpv4Address: address }] : []),
    ),
    ...(placement.cpu === undefined ? {} : { cpu: placement.cpu }),
    ...(placement.memory === undefined ? {} : { memory: placement.memory }),
    createdAt: new Date(),
    desiredStatus: 'RUNNING',
    lastStatus: 'PROVISIONING',
    enableExecuteCommand: input.enableExecuteCommand ?? false,
    group: input.group ?? `family:${definition.family}`,
    healthStatus: 'UNKNOWN',
    // with a capacity provider FARGATE_SPOT the launch type is shown as FARGATE too
    launchType: placement.launchType,
    ...(placement.capacityProviderName === undefined ? {} : { capacityProviderName: placement.capacityProviderName }),
    overrides: {
      ...input.overrides,
      containerOverrides: (definition.containerDefinitions ?? []).map(
        ({ name }) => input.overrides?.containerOverrides?.find(override => override.name === name) ?? { name },
      ),
      inferenceAcceleratorOverrides: [],
    },
    ...(isFargate
      ? {
          platformVersion: shownPlatform(input.platformVersion),
          platformFamily: 'Linux',
          ephemeralStorage: storage,
          fargateEphemeralStorage: storage,
        }
      : {
          containerInstanceArn: `arn:aws:ecs:${region}:${accountId}:container-instance/${cluster.clusterName}/${'0'.repeat(31)}1`,
        }),
    ...(input.startedBy === undefined ? {} : { startedBy: input.startedBy }),
    tags: taskTags(plan, state),
    version: 1,
  }
}

function shownPlatform(given: string | undefined): string {
  return given === undefined || given === 'LATEST' ? '1.4.0' : given
}

function taskTags({ input, definition, cluster }: TaskPlan, state: EcsState): Tag[] {
  const propagated =
    input.propagateTags === 'TASK_DEFINITION' ? (state.tags.get(definition.taskDefinitionArn) ?? []) : []
  // "If there's an overlap, the tags in the request win" (RunTask, propagateTags)
  const tags = new Map([...propagated, ...checkedTags(input.tags)].map(tag => [tag.key, tag]))
  if (input.enableECSManagedTags)
    tags.set('aws:ecs:clusterName', { key: 'aws:ecs:clusterName', value: cluster.clusterName })
  const service = input.group?.startsWith('service:') ? input.group.slice('service:'.length) : undefined
  if (input.enableECSManagedTags && service !== undefined)
    tags.set('aws:ecs:serviceName', { key: 'aws:ecs:serviceName', value: service })
  return [...tags.values()]
}

function newContainer(
  { name, image, cpu, memory, memoryReservation }: ContainerDefinition,
  taskArn: string,
  networkInterfaces: { attachmentId: string; privateIpv4Address: string }[],
): Container {
  return {
    containerArn: `${taskArn.replace(':task/', ':container/')}/${randomUUID()}`,
    taskArn,
    name,
    image,
    lastStatus: 'PENDING',
    networkInterfaces,
    networkBindings: [],
    healthStatus: 'UNKNOWN',
    cpu: String(cpu ?? 0),
    ...(memory === undefined ? {} : { memory: String(memory) }),
    ...(memoryReservation === undefined ? {} : { memoryReservation: String(memoryReservation) }),
  }
}

function networkAttachment(id: string, address: string, input: RunTaskCommandInput, region: string) {
  const subnet = input.networkConfiguration?.awsvpcConfiguration?.subnets?.[0] ?? ''
  const hex = randomBytes(8).toString('hex')
  return {
    id,
    type: 'ElasticNetworkInterface',
    status: 'PRECREATED',
    details: [
      { name: 'subnetId', value: subnet },
      { name: 'networkInterfaceId', value: `eni-0${hex}` },
      { name: 'macAddress', value: `0a:${hex.slice(0, 10).match(/../g)?.join(':') ?? ''}` },
      { name: 'privateDnsName', value: `ip-${address.replaceAll('.', '-')}.${region}.compute.internal` },
      { name: 'privateIPv4Address', value: address },
    ],
  }
}
