import { randomUUID } from 'node:crypto'
import type { Command, SendCommandCommandInput, SendCommandCommandOutput } from '@aws-sdk/client-ssm'
import { CloudStopped } from '../../cloud.ts'
import type { Fleet } from '../../hosts/fleet.ts'
import type { Host } from '../../hosts/host.ts'
import { AwsError, operation } from '../../service.ts'
import { checkConstraints } from './constraints.ts'
import { dispatch } from './dispatch.ts'
import { documentArn, shellScriptParameters } from './documents.ts'
import { commandDurations } from './durations.ts'
import type { CommandWorld } from './invocation.ts'
import { sendToHost } from './needs.ts'
import { type CommandRecord, type Commands, detailsOf, type Invocation } from './records.ts'
import { commandStatuses, meanings } from './statuses.ts'
import { checkTargets, hostsById, hostsByTargets } from './targets.ts'

// lengths and patterns of SendCommandRequest in the service's model
const constraints = {
  InstanceIds: { max: 50, pattern: /(^i-(\w{8}|\w{17})$)|(^mi-\w{17}$)/ },
  Targets: { max: 5 },
  DocumentName: { pattern: /^[a-zA-Z0-9_\-.:/]{3,128}$/ },
  DocumentVersion: { pattern: /([$]LATEST|[$]DEFAULT|^[1-9][0-9]*$)/ },
  TimeoutSeconds: { min: 30, max: 2_592_000 },
  Comment: { max: 100 },
  MaxConcurrency: { min: 1, max: 7, pattern: /^([1-9][0-9]*|[1-9][0-9]%|[1-9]%|100%)$/ },
  MaxErrors: { min: 1, max: 7, pattern: /^([1-9][0-9]*|[0]|[1-9][0-9]%|[0-9]%|100%)$/ },
}
const targetConstraints = {
  Key: { min: 1, max: 163, pattern: /^[\p{L}\p{Z}\p{N}_.:/=\-@]*$/u },
  Values: { max: 50 },
}
/** "The default value" of TimeoutSeconds in the console and the CLI's examples of the answer */
const DEFAULT_TIMEOUT = 3600

export function sendCommand(world: CommandWorld, fleet: Fleet, commands: Commands) {
  return operation<SendCommandCommandInput, SendCommandCommandOutput>({
    // hosts that targets select are asked about one by one, later: those that may not are AccessDenied
    needs: ({ DocumentName = '', InstanceIds = [] }, { region, accountId }) => [
      { action: 'ssm:SendCommand', resource: documentArn(region, accountId, DocumentName) },
      ...InstanceIds.map(id => sendToHost(region, accountId, id, fleet.find(id)?.options.tags)),
    ],
    run(input, { region, accountId, caller }) {
      checkConstraints({ ...input }, constraints)
      const { InstanceIds = [], Targets = [], Parameters = {}, DocumentName = '', DocumentVersion } = input
      for (const target of Targets) checkConstraints({ ...target }, targetConstraints)
      if (InstanceIds.length > 0 && Targets.length > 0)
        throw new AwsError('ValidationException', 'InstanceIds and Targets cannot be given both.')
      if (InstanceIds.length === 0 && Targets.length === 0)
        throw new AwsError('ValidationException', 'One of InstanceIds and Targets must be given.')
      if (new Set(InstanceIds).size < InstanceIds.length)
        throw new AwsError('DuplicateInstanceId', 'An instance id is given more than once.')
      checkTargets(Targets)
      const { executionTimeout } = shellScriptParameters(DocumentName, DocumentVersion, Parameters)
      const named = Targets.filter(({ Key }) => Key === 'InstanceIds').flatMap(({ Values = [] }) => Values)
      const hosts = hostsById(fleet, region, accountId, [...InstanceIds, ...named])
      const foreign = hosts.filter(({ options }) => (options.platform ?? 'Linux') !== 'Linux')
      if (InstanceIds.length > 0 && foreign.length > 0) {
        const ids = foreign.map(({ instanceId }) => instanceId).join(', ')
        throw new AwsError(
          'UnsupportedPlatformType',
          `Document ${DocumentName} does not support the platform of ${ids}`,
        )
      }

      const requestedAt = new Date()
      const timeoutSeconds = input.TimeoutSeconds ?? DEFAULT_TIMEOUT
      const command: CommandRecord = {
        commandId: randomUUID(),
        region,
        documentName: DocumentName,
        documentVersion: DocumentVersion ?? '$DEFAULT',
        comment: input.Comment ?? '',
        parameters: Parameters,
        instanceIds: InstanceIds,
        targets: Targets,
        requestedAt,
        visibleAt: Date.now() + commandDurations.visible / world.cloud.speed,
        expiresAfter: new Date(requestedAt.getTime() + (timeoutSeconds + executionTimeout) * 1000),
        timeoutSeconds,
        executionTimeout,
        maxConcurrency: input.MaxConcurrency ?? '50',
        maxErrors: input.MaxErrors ?? '0',
        output: input.CloudWatchOutputConfig ?? {},
        caller,
        invocations: InstanceIds.length > 0 ? hosts.map(host => newInvocation(world, host)) : undefined,
        isCancelled: false,
      }
      commands.add(command)
      // the answer is of the moment before anything happens
      const answer = { Command: described(command) }
      begin(world, fleet, command).catch((error: unknown) => {
        if (!(error instanceof CloudStopped)) world.cloud.log(`command failed inside: ${String(error)}`)
      })
      return answer
    },
  })
}

async function begin(world: CommandWorld, fleet: Fleet, command: CommandRecord): Promise<void> {
  if (command.invocations === undefined) {
    await world.cloud.pause(commandDurations.resolving)
    command.invocations = hostsByTargets(fleet, command.region, command.targets).map(host => newInvocation(world, host))
    if (command.isCancelled) for (const { cancel } of command.invocations) cancel.abort()
  }
  await dispatch(world, command, command.invocations)
}

function newInvocation({ cloud }: CommandWorld, host: Host): Invocation {
  return {
    host,
    requestedAt: new Date(),
    visibleAt: Date.now() + (host.options.visibleAfterMs ?? commandDurations.visible / cloud.speed),
    details: 'Pending',
    startedAt: undefined,
    finishedAt: undefined,
    responseCode: -1,
    stdout: '',
    stderr: '',
    listedOutput: '',
    cancel: new AbortController(),
  }
}

/** A command as SendCommand and ListCommands show it. */
export function described(command: CommandRecord): Command {
  const { invocations = [] } = command
  const count = (matches: (invocation: Invocation) => boolean) => invocations.filter(matches).length
  const details = detailsOf(command)
  return {
    CommandId: command.commandId,
    DocumentName: command.documentName,
    DocumentVersion: command.documentVersion,
    Comment: command.comment,
    ExpiresAfter: command.expiresAfter,
    Parameters: command.parameters,
    InstanceIds: [...command.instanceIds],
    Targets: [...command.targets],
    RequestedDateTime: command.requestedAt,
    Status: commandStatuses[details],
    StatusDetails: details,
    OutputS3Region: command.region,
    OutputS3BucketName: '',
    OutputS3KeyPrefix: '',
    MaxConcurrency: command.maxConcurrency,
    MaxErrors: command.maxErrors,
    TargetCount: invocations.length,
    CompletedCount: count(({ details: own }) => meanings[own].isFinal),
    ErrorCount: count(({ details: own }) => meanings[own].isError),
    DeliveryTimedOutCount: count(({ details: own }) => own === 'DeliveryTimedOut'),
    ServiceRole: '',
    CloudWatchOutputConfig: { CloudWatchLogGroupName: '', CloudWatchOutputEnabled: false, ...command.output },
    TimeoutSeconds: command.timeoutSeconds,
  }
}
