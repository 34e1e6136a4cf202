import { DeadlineExceeded } from '@aws-deploy-actions/action-runtime'
import { type Calling, call } from '@aws-deploy-actions/aws-clients'
import { ListCommandsCommand, SendCommandCommand, type SSMClient } from '@aws-sdk/client-ssm'
import type { Targets } from './targets.ts'

export interface HostCommand {
  readonly script: string
  readonly targets: Targets
  /** holds a nonce, by which the command is found again; at most 100 characters */
  readonly comment: string
  readonly deliverySeconds: number
  readonly executionSeconds: number
  readonly maxConcurrency: string
  readonly maxErrors: string
  readonly logGroup: string | undefined
  /** told when an answer was lost: from then on the command may run */
  readonly onUnanswered?: () => void
}

/** How long a command whose SendCommand was not answered may take to be listed (eventual consistency, ms). */
const LISTED_AFTER_MS = 12_000
const LOOK_EVERY_MS = 800
/** How far the clocks of AWS and of the runner may be apart (ms). */
const CLOCKS_APART_MS = 600_000

/**
 * Sends the script; returns the command's id. A request whose answer was lost is looked for by its comment before it is
 * repeated, so that one command comes of it.
 * @throws PermissionError, AwsError at once; DeadlineExceeded
 */
export async function sentCommand(ssm: SSMClient, command: HostCommand, calling: Calling): Promise<string> {
  const since = calling.clock.now()
  const { targets, comment, logGroup } = command
  const request = new SendCommandCommand({
    DocumentName: 'AWS-RunShellScript',
    ...(targets.kind === 'ids'
      ? { InstanceIds: [...targets.ids] }
      : { Targets: [...targets.tags].map(([key, value]) => ({ Key: `tag:${key}`, Values: [value] })) }),
    Parameters: { commands: [command.script], executionTimeout: [String(command.executionSeconds)] },
    Comment: comment,
    TimeoutSeconds: command.deliverySeconds,
    MaxConcurrency: command.maxConcurrency,
    MaxErrors: command.maxErrors,
    ...(logGroup === undefined
      ? {}
      : { CloudWatchOutputConfig: { CloudWatchOutputEnabled: true, CloudWatchLogGroupName: logGroup } }),
  })
  return call(
    'ssm:SendCommand',
    calling,
    async options => {
      const { Command } = await ssm.send(request, options)
      if (Command?.CommandId === undefined) throw new SyntaxError('SendCommand answered without a command')
      return Command.CommandId
    },
    async () => {
      command.onUnanswered?.()
      const until = calling.clock.now() + LISTED_AFTER_MS
      for (;;) {
        const found = await commandWith(ssm, comment, since, calling)
        if (found !== undefined) {
          calling.log.info(`The answer to SendCommand was lost; the command was found by its comment: ${found}.`)
          return found
        }
        if (calling.clock.now() >= until || calling.deadline.left < 2 * LOOK_EVERY_MS) return undefined
        await calling.clock.sleep(LOOK_EVERY_MS, calling.signal)
      }
    },
  )
}

/** The id of the command with this comment that was sent after a moment (ms); undefined when there is none (yet). */
export async function commandWith(
  ssm: SSMClient,
  comment: string,
  since: number,
  calling: Calling,
): Promise<string | undefined> {
  const after = new Date(since - CLOCKS_APART_MS).toISOString().replace(/\.\d+Z$/, 'Z')
  let token: string | undefined
  do {
    const { Commands = [], NextToken } = await call('ssm:ListCommands', calling, options =>
      ssm.send(
        new ListCommandsCommand({
          Filters: [{ key: 'InvokedAfter', value: after }],
          MaxResults: 50,
          ...(token === undefined ? {} : { NextToken: token }),
        }),
        options,
      ),
    )
    const found = Commands.find(({ Comment }) => Comment === comment)
    if (found?.CommandId !== undefined) return found.CommandId
    token = NextToken
  } while (token !== undefined && token !== '')
  return undefined
}

/** True for a failure that leaves open whether the command was sent. */
export function mayHaveBeenSent(error: unknown, signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true || error instanceof DeadlineExceeded
}
