import type { CloudWatchOutputConfig, Target } from '@aws-sdk/client-ssm'
import type { Host } from '../../hosts/host.ts'
import { type CommandDetails, commandDetails, type InvocationDetails, meanings } from './statuses.ts'

/** One command on one host. */
export interface Invocation {
  readonly host: Host
  readonly requestedAt: Date
  /** milliseconds since 1970: earlier nobody can see it */
  readonly visibleAt: number
  details: InvocationDetails
  startedAt: Date | undefined
  finishedAt: Date | undefined
  /** −1: not started, or never received (API reference of GetCommandInvocation) */
  responseCode: number
  stdout: string
  stderr: string
  listedOutput: string
  /** aborted when a cancel of this invocation was asked for */
  readonly cancel: AbortController
}

export interface CommandRecord {
  readonly commandId: string
  readonly region: string
  readonly documentName: string
  readonly documentVersion: string
  readonly comment: string
  readonly parameters: Record<string, string[]>
  readonly instanceIds: readonly string[]
  readonly targets: readonly Target[]
  readonly requestedAt: Date
  /** milliseconds since 1970: earlier no list has it */
  readonly visibleAt: number
  readonly expiresAfter: Date
  readonly timeoutSeconds: number
  readonly executionTimeout: number
  readonly maxConcurrency: string
  readonly maxErrors: string
  readonly output: CloudWatchOutputConfig
  /** ARN of who sent it */
  readonly caller: string
  /** undefined while the targets of tags are being looked up */
  invocations: readonly Invocation[] | undefined
  isCancelled: boolean
}

/** `10` or `10%` of a number of targets. */
export function share(text: string, total: number): number {
  return text.endsWith('%') ? Math.floor((Number(text.slice(0, -1)) / 100) * total) : Number(text)
}

/** "such as 10% of 50 nodes: the system stops at the sixth error" (Run commands at scale) */
export function allowedErrors({ maxErrors, invocations = [] }: CommandRecord): number {
  return share(maxErrors, invocations.length)
}

export function errorCount({ invocations = [] }: CommandRecord): number {
  return invocations.filter(({ details }) => meanings[details].isError).length
}

export function detailsOf(command: CommandRecord): CommandDetails {
  return commandDetails({
    isResolved: command.invocations !== undefined,
    isCancelled: command.isCancelled,
    maxErrors: allowedErrors(command),
    invocations: (command.invocations ?? []).map(({ details }) => details),
  })
}

/** The commands of one account, newest last. */
export class Commands {
  readonly #commands = new Map<string, CommandRecord>()

  add(command: CommandRecord): void {
    this.#commands.set(command.commandId, command)
  }

  find(region: string, commandId: string): CommandRecord | undefined {
    const command = this.#commands.get(commandId)
    return command?.region === region ? command : undefined
  }

  of(region: string): CommandRecord[] {
    return [...this.#commands.values()].filter(command => command.region === region)
  }
}
