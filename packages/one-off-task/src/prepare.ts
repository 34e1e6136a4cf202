import { Deadline, Failure, type Runtime } from '@aws-deploy-actions/action-runtime'
import { type Calling, call, type ImageReference, sdkConfig } from '@aws-deploy-actions/aws-clients'
import {
  countedContainer,
  describedRevision,
  differenceLines,
  familyRevision,
  filledIn,
  needsAccount,
  type Placement,
  patchedDocument,
  placementOfService,
  type Registrable,
  type Revision,
  registeredRevision,
  registrableDocument,
  withContainerChanges,
} from '@aws-deploy-actions/ecs'
import type { ECSClient, NetworkConfiguration, RunTaskCommandInput } from '@aws-sdk/client-ecs'
import type { TaskInputs } from './inputs.ts'
import { orNotStarted } from './start.ts'

/** After a time-out the process must be gone within 5 s (ms). */
export const GRACE_MS = 4900

/** A task that is ready to be started. */
export interface PreparedTask {
  readonly ecs: ECSClient
  readonly region: string
  readonly cluster: string
  readonly revision: Revision
  /** the container whose exit code counts */
  readonly container: string
  readonly request: RunTaskCommandInput
}

/**
 * Looks everything up, checks it, and registers a revision where one is needed; nothing runs yet. It may take as long as
 * the task itself.
 * @throws NotStarted, DeadlineExceeded, Cancelled
 */
export function preparedTask(inputs: TaskInputs, ecs: ECSClient, runtime: Runtime): Promise<PreparedTask> {
  const { log, signal } = runtime
  const deadline = new Deadline(runtime, inputs.timeoutMs)
  runtime.endBy(deadline.at + GRACE_MS)
  return orNotStarted(() => prepare(inputs, ecs, { clock: runtime, log, signal, deadline }))
}

async function prepare(inputs: TaskInputs, ecs: ECSClient, calling: Calling): Promise<PreparedTask> {
  const { region, cluster } = inputs
  const { desired, current } = await desiredDefinition(inputs, ecs, calling)
  const container = countedContainer(desired, inputs.container)
  const image = inputs.image === undefined ? undefined : await addressOf(inputs.image, region, calling)
  const changed = withContainerChanges(desired, container, {
    image,
    entryPoint: inputs.entryPoint,
    secrets: inputs.secrets,
  })
  const placement = await placementFor(inputs, changed, ecs, calling)
  if (inputs.preflight) {
    // Loaded while the first answers are on their way: it brings four more API clients.
    const { preflight } = await import('@aws-deploy-actions/ecs/preflight')
    await preflight([changed], region, calling)
  }
  const revision = await registeredRevision(ecs, changed, current, calling)
  for (const line of differenceLines(revision.differences)) calling.log.info(line)
  calling.log.info(
    revision.registered
      ? `Registered ${familyRevision(revision.arn)}${current === undefined ? '' : ` (from ${familyRevision(current.arn)})`}.`
      : `Using ${familyRevision(revision.arn)} as it is.`,
  )
  const request = {
    ...placement,
    ...overrides(inputs, container),
    cluster,
    taskDefinition: revision.arn,
    count: 1,
    ...tagging(inputs),
  }
  return { ecs, region, cluster, revision, container, request }
}

async function desiredDefinition(
  { source, templateValues, patch, region }: TaskInputs,
  ecs: ECSClient,
  calling: Calling,
): Promise<{ desired: Registrable; current: Revision | undefined }> {
  if (source.kind === 'file') {
    const account = needsAccount(source) ? await callerAccount(region, calling) : ''
    const values = new Map([['region', region], ['account', account], ...templateValues])
    const desired = registrableDocument(patchedDocument(filledIn(source.document, values), patch), source.path)
    return { desired, current: await describedRevision(ecs, desired.family ?? '', calling) }
  }
  const current = await describedRevision(ecs, source.name, calling)
  if (current === undefined) {
    throw new Failure(`The task definition ${source.name} does not exist in ${region}.`, {
      next: ['Correct task-definition or aws-region, or give a path to a task-definition file.'],
    })
  }
  return { desired: registrableDocument(patchedDocument(current.definition, patch), source.name), current }
}

// What only some runs need is loaded when they do: every API client costs start-up time.
async function addressOf(image: ImageReference, region: string, calling: Calling): Promise<string> {
  const { imageAddress } = await import('@aws-deploy-actions/aws-clients/image-address')
  return imageAddress(image, region, calling)
}

async function callerAccount(region: string, calling: Calling): Promise<string> {
  const { GetCallerIdentityCommand, STSClient } = await import('@aws-sdk/client-sts')
  const sts = new STSClient(sdkConfig(region))
  const { Account } = await call('sts:GetCallerIdentity', calling, options =>
    sts.send(new GetCallerIdentityCommand({}), options),
  )
  return Account ?? ''
}

/** Inputs win over what the service has; nothing given is Fargate. */
async function placementFor(
  inputs: TaskInputs,
  definition: Registrable,
  ecs: ECSClient,
  calling: Calling,
): Promise<Placement> {
  const { networkFromService, launchType, capacityProviderStrategy: strategy, platformVersion } = inputs
  const copied: Placement =
    networkFromService === undefined ? {} : await placementOfService(ecs, inputs.cluster, networkFromService, calling)
  const network = networkFor(inputs, copied.networkConfiguration)
  if (definition.networkMode === 'awsvpc' && (network?.awsvpcConfiguration?.subnets ?? []).length === 0) {
    throw new Failure(`The task definition ${definition.family} uses awsvpc networking, and no subnets are given.`, {
      next: ['Give subnets (and security-groups), or network-from-service to copy those of a live service.'],
    })
  }
  // Other network modes take no configuration; one that was asked for is left for AWS to refuse.
  const wanted = definition.networkMode === 'awsvpc' || inputs.subnets.length > 0
  const own = launchType !== undefined || strategy.length > 0
  const version = platformVersion ?? (own ? undefined : copied.platformVersion)
  return {
    ...(own ? capacity(launchType, strategy) : copiedCapacity(copied)),
    ...(network === undefined || !wanted ? {} : { networkConfiguration: network }),
    ...(version === undefined ? {} : { platformVersion: version }),
  }
}

function capacity(launchType: TaskInputs['launchType'], strategy: TaskInputs['capacityProviderStrategy']): Placement {
  return launchType === undefined
    ? { capacityProviderStrategy: strategy.map(provider => ({ ...provider })) }
    : { launchType }
}

function copiedCapacity({ capacityProviderStrategy, launchType = 'FARGATE' }: Placement): Placement {
  return capacityProviderStrategy === undefined ? { launchType } : { capacityProviderStrategy }
}

function networkFor(
  { subnets, securityGroups, assignPublicIp }: TaskInputs,
  copied: NetworkConfiguration | undefined,
): NetworkConfiguration | undefined {
  const base = copied?.awsvpcConfiguration
  const own = subnets.length > 0 ? [...subnets] : base?.subnets
  const groups = securityGroups.length > 0 ? [...securityGroups] : base?.securityGroups
  const publicIp =
    assignPublicIp === undefined ? base?.assignPublicIp : assignPublicIp ? ('ENABLED' as const) : ('DISABLED' as const)
  if (own === undefined) return undefined
  return {
    awsvpcConfiguration: {
      subnets: own,
      ...(groups === undefined ? {} : { securityGroups: groups }),
      ...(publicIp === undefined ? {} : { assignPublicIp: publicIp }),
    },
  }
}

function overrides(
  { command, environment, cpu, memory, ephemeralStorageGiB }: TaskInputs,
  container: string,
): Pick<RunTaskCommandInput, 'overrides'> {
  return {
    overrides: {
      containerOverrides: [
        {
          name: container,
          ...(command === undefined ? {} : { command: [...command] }),
          ...(environment.size === 0
            ? {}
            : { environment: [...environment].map(([name, value]) => ({ name, value })) }),
        },
      ],
      ...(cpu === undefined ? {} : { cpu }),
      ...(memory === undefined ? {} : { memory }),
      ...(ephemeralStorageGiB === undefined ? {} : { ephemeralStorage: { sizeInGiB: ephemeralStorageGiB } }),
    },
  }
}

function tagging({ taskTags, propagateTags }: TaskInputs): Pick<RunTaskCommandInput, 'tags' | 'propagateTags'> {
  return {
    ...(taskTags.size === 0 ? {} : { tags: [...taskTags].map(([key, value]) => ({ key, value })) }),
    ...(propagateTags === 'task-definition' ? { propagateTags: 'TASK_DEFINITION' as const } : {}),
  }
}
