import type {
  CommandFilter,
  CommandInvocation,
  GetCommandInvocationCommandInput,
  GetCommandInvocationCommandOutput,
  ListCommandInvocationsCommandInput,
  ListCommandInvocationsCommandOutput,
  ListCommandsCommandInput,
  ListCommandsCommandOutput,
} from '@aws-sdk/client-ssm'
import { AwsError, operation } from '../../service.ts'
import { checkConstraints } from './constraints.ts'
import { onEverything } from './needs.ts'
import { page } from './pages.ts'
import { type CommandRecord, type Commands, detailsOf, type Invocation } from './records.ts'
import { described } from './send-command.ts'
import { commandStatuses, meanings } from './statuses.ts'

/** The one plugin of AWS-RunShellScript, a document of schema 1.2: its name is the plugin's. */
const PLUGIN = 'aws:runShellScript'
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const listConstraints = {
  CommandId: { min: 36, max: 36 },
  InstanceId: { pattern: /(^i-(\w{8}|\w{17})$)|(^mi-\w{17}$)/ },
  MaxResults: { min: 1, max: 50 },
  Filters: { min: 1, max: 5 },
}
/** "If you don't specify MaxResults": 50 are returned by the console and the CLI */
const PAGE = 50

export function getCommandInvocation(commands: Commands) {
  return operation<GetCommandInvocationCommandInput, GetCommandInvocationCommandOutput>({
    needs: onEverything('GetCommandInvocation'),
    run(input, { region }) {
      checkConstraints({ ...input }, { CommandId: { min: 36, max: 36 }, PluginName: { min: 4 } })
      const { CommandId = '', InstanceId = '', PluginName } = input
      const command = commands.find(region, CommandId)
      const invocation = command && visible(command).find(({ host }) => host.instanceId === InstanceId)
      // AWS's message is empty
      if (!command || !invocation) throw new AwsError('InvocationDoesNotExist', '')
      if (PluginName !== undefined && PluginName !== PLUGIN) throw new AwsError('InvalidPluginName', '')
      const { startedAt, finishedAt } = invocation
      const elapsed = startedAt && finishedAt ? (finishedAt.getTime() - startedAt.getTime()) / 1000 : undefined
      return {
        CommandId,
        InstanceId,
        Comment: command.comment,
        DocumentName: command.documentName,
        DocumentVersion: command.documentVersion,
        PluginName: PLUGIN,
        ResponseCode: invocation.responseCode,
        ExecutionStartDateTime: startedAt?.toISOString() ?? '',
        ExecutionElapsedTime: elapsed === undefined ? '' : `PT${elapsed}S`,
        ExecutionEndDateTime: startedAt && finishedAt ? finishedAt.toISOString() : '',
        Status: meanings[invocation.details].status,
        StatusDetails: invocation.details,
        StandardOutputContent: invocation.stdout,
        StandardOutputUrl: '',
        StandardErrorContent: invocation.stderr,
        StandardErrorUrl: '',
        CloudWatchOutputConfig: outputConfig(command),
      }
    },
  })
}

export function listCommandInvocations(commands: Commands) {
  return operation<ListCommandInvocationsCommandInput, ListCommandInvocationsCommandOutput>({
    needs: onEverything('ListCommandInvocations'),
    run(input, { region }) {
      checkConstraints({ ...input }, listConstraints)
      const { CommandId, InstanceId, MaxResults = PAGE, NextToken, Filters = [], Details = false } = input
      checkFilters(Filters, ['InvokedAfter', 'InvokedBefore', 'Status', 'DocumentName'])
      const found = chosen(commands, region, CommandId).flatMap(command =>
        visible(command)
          .filter(({ host }) => InstanceId === undefined || host.instanceId === InstanceId)
          .filter(({ details }) =>
            Filters.every(filter => passes(filter, command, [meanings[details].status, details])),
          )
          .map(invocation => shown(command, invocation, Details)),
      )
      const { items, nextToken } = page(found, MaxResults, NextToken)
      return { CommandInvocations: items, ...(nextToken === undefined ? {} : { NextToken: nextToken }) }
    },
  })
}

export function listCommands(commands: Commands) {
  return operation<ListCommandsCommandInput, ListCommandsCommandOutput>({
    needs: onEverything('ListCommands'),
    run(input, { region }) {
      checkConstraints({ ...input }, listConstraints)
      const { CommandId, InstanceId, MaxResults = PAGE, NextToken, Filters = [] } = input
      checkFilters(Filters, ['InvokedAfter', 'InvokedBefore', 'Status', 'ExecutionStage', 'DocumentName'])
      const found = chosen(commands, region, CommandId)
        .filter(({ visibleAt }) => visibleAt <= Date.now())
        .filter(
          command => InstanceId === undefined || visible(command).some(({ host }) => host.instanceId === InstanceId),
        )
        .filter(command => {
          const details = detailsOf(command)
          return Filters.every(filter => passes(filter, command, [commandStatuses[details], details]))
        })
        .map(described)
      const { items, nextToken } = page(found, MaxResults, NextToken)
      return { Commands: items, ...(nextToken === undefined ? {} : { NextToken: nextToken }) }
    },
  })
}

/** Newest first. */
function chosen(commands: Commands, region: string, commandId: string | undefined): CommandRecord[] {
  if (commandId === undefined) return commands.of(region).reverse()
  if (!UUID.test(commandId)) throw new AwsError('InvalidCommandId', '')
  const command = commands.find(region, commandId)
  return command ? [command] : []
}

function visible({ invocations = [] }: CommandRecord): Invocation[] {
  const now = Date.now()
  return invocations.filter(({ visibleAt }) => visibleAt <= now)
}

function shown(command: CommandRecord, invocation: Invocation, withDetails: boolean): CommandInvocation {
  const { host, details, startedAt, finishedAt } = invocation
  const status = meanings[details].status
  return {
    CommandId: command.commandId,
    InstanceId: host.instanceId,
    InstanceName: host.options.tags?.Name ?? '',
    Comment: command.comment,
    DocumentName: command.documentName,
    DocumentVersion: command.documentVersion,
    RequestedDateTime: invocation.requestedAt,
    Status: status,
    StatusDetails: details,
    TraceOutput: '',
    StandardOutputUrl: '',
    StandardErrorUrl: '',
    CommandPlugins: withDetails
      ? [
          {
            Name: PLUGIN,
            // CommandPluginStatus knows neither Delayed nor Cancelling
            Status: status === 'Delayed' ? 'Pending' : status === 'Cancelling' ? 'InProgress' : status,
            StatusDetails: details,
            ResponseCode: invocation.responseCode,
            ...(startedAt ? { ResponseStartDateTime: startedAt } : {}),
            ...(startedAt && finishedAt ? { ResponseFinishDateTime: finishedAt } : {}),
            Output: invocation.listedOutput,
            StandardOutputUrl: '',
            StandardErrorUrl: '',
            OutputS3Region: command.region,
            OutputS3BucketName: '',
            OutputS3KeyPrefix: '',
          },
        ]
      : [],
    ServiceRole: '',
    CloudWatchOutputConfig: outputConfig(command),
  }
}

function outputConfig({ output }: CommandRecord) {
  return { CloudWatchLogGroupName: '', CloudWatchOutputEnabled: false, ...output }
}

function checkFilters(filters: readonly CommandFilter[], keys: readonly string[]): void {
  const wrong = filters.find(({ key = '' }) => !keys.includes(key))
  if (wrong) throw new AwsError('InvalidFilterKey', `The filter key ${wrong.key} is not valid.`)
}

function passes({ key, value = '' }: CommandFilter, command: CommandRecord, statuses: readonly string[]): boolean {
  if (key === 'Status') return statuses.includes(value)
  if (key === 'DocumentName') return command.documentName === value
  if (key === 'ExecutionStage')
    return (value === 'Complete') === !['Pending', 'InProgress', 'Cancelling'].includes(statuses[0] ?? '')
  const time = Date.parse(value)
  if (Number.isNaN(time)) throw new AwsError('ValidationException', `${value} is not a time in ISO 8601.`)
  return key === 'InvokedAfter' ? command.requestedAt.getTime() > time : command.requestedAt.getTime() < time
}
