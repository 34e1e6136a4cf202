import { AwsError, type Calling, call } from '@aws-deploy-actions/aws-clients'
import { type CommandInvocation, GetCommandInvocationCommand, type SSMClient } from '@aws-sdk/client-ssm'
import { type HostResult, hostResult } from './result.ts'

/** One host's part of a command that is over. */
export interface HostEnd {
  readonly id: string
  /** SSM's StatusDetails: `Success`, `Failed`, `DeliveryTimedOut`, … */
  readonly statusDetails: string
  readonly exitCode: number | undefined
  readonly result: HostResult | undefined
  /** what the command said last, where there is no result */
  readonly said: string
}

/** How long the output of a command that is over may take to be there (ms). */
const OUTPUT_MS = 10_000
/** How long the list may say of an invocation that it is over while GetCommandInvocation does not know it (ms). */
const UNKNOWN_MS = 20_000
/** What is left of the deadline when the output is waited for no longer (ms). */
const LAST_LOOK_MS = 2500
/** How many outputs are asked for at once: GetCommandInvocation has one host a call. */
const OUTPUTS_AT_ONCE = 5

/**
 * Makes the ends of hosts out of what the list says of them. The list has the first 2,500 characters of the output, most
 * often the whole result; else GetCommandInvocation has it: one call a host where the output is there, at its end.
 */
export class HostEnds {
  readonly #ssm: SSMClient
  readonly #commandId: string
  readonly #calling: Calling
  /** host → when it was first seen to be over (ms) */
  readonly #overSince = new Map<string, number>()

  constructor(ssm: SSMClient, commandId: string, calling: Calling) {
    this.#ssm = ssm
    this.#commandId = commandId
    this.#calling = calling
  }

  /**
   * The ends of those hosts whose output is there, or that had long enough for it; asks once for each of the others, so
   * that no host keeps the caller from looking at the rest.
   * @param over invocations that are over
   */
  async known(over: readonly CommandInvocation[]): Promise<HostEnd[]> {
    const found: HostEnd[] = []
    for (let from = 0; from < over.length; from += OUTPUTS_AT_ONCE) {
      const some = over.slice(from, from + OUTPUTS_AT_ONCE)
      const ends = await Promise.all(some.map(invocation => this.#endOf(invocation)))
      found.push(...ends.filter(end => end !== undefined))
    }
    return found
  }

  async #endOf(invocation: CommandInvocation): Promise<HostEnd | undefined> {
    const { InstanceId = '', CommandPlugins = [] } = invocation
    const [plugin] = CommandPlugins
    const listed = endWith(invocation, plugin?.Output ?? '', plugin?.ResponseCode, plugin?.Output ?? '')
    // Only these two ran to an end of their own.
    const { result, statusDetails } = listed
    if (result !== undefined || (statusDetails !== 'Success' && statusDetails !== 'Failed')) return listed
    const { clock, deadline } = this.#calling
    const since = this.#overSince.get(InstanceId) ?? clock.now()
    this.#overSince.set(InstanceId, since)
    const output = await this.#outputOf(InstanceId)
    const whole = output && endWith(invocation, output.stdout, output.code, output.stderr)
    if (whole?.result !== undefined) return whole
    // An error before the program began leaves no result, but words.
    if (whole !== undefined && whole.said !== '' && statusDetails === 'Failed') return whole
    const patience = whole === undefined ? UNKNOWN_MS : OUTPUT_MS
    const isLate = clock.now() - since >= patience || deadline.left <= LAST_LOOK_MS
    if (!isLate) return undefined
    // Where the agent itself ended the command, only the list has its words.
    return whole === undefined || whole.said === '' ? listed : whole
  }

  async #outputOf(
    InstanceId: string,
  ): Promise<{ stdout: string; code: number | undefined; stderr: string } | undefined> {
    try {
      const answer = await call('ssm:GetCommandInvocation', this.#calling, options =>
        this.#ssm.send(new GetCommandInvocationCommand({ CommandId: this.#commandId, InstanceId }), options),
      )
      return {
        stdout: answer.StandardOutputContent ?? '',
        code: answer.ResponseCode,
        stderr: answer.StandardErrorContent ?? '',
      }
    } catch (error) {
      // For a while after SendCommand (API reference: "follows an eventual consistency model").
      if (error instanceof AwsError && /^(?:InvocationDoesNotExist|InvalidPluginName)/.test(error.code))
        return undefined
      throw error
    }
  }
}

function endWith(
  { InstanceId = '', StatusDetails, Status }: CommandInvocation,
  output: string,
  code: number | undefined,
  said: string,
): HostEnd {
  return {
    id: InstanceId,
    statusDetails: StatusDetails ?? Status ?? '',
    // -1: it did not begin, or a signal ended it.
    exitCode: code === undefined || code < 0 ? undefined : code,
    result: hostResult(output),
    said,
  }
}
