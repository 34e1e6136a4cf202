import { asFailure, type Clock, Deadline, type Log } from '@aws-deploy-actions/action-runtime'
import { AwsError, call } from '@aws-deploy-actions/aws-clients'
import { CancelCommandCommand, type SSMClient } from '@aws-sdk/client-ssm'
import { commandWith } from './send.ts'

/** How long clean-up is tried in all: the runner kills 7.5 s after a cancel, and a deadline has 5 s of grace. */
const CLEAN_UP_MS = 4500
const LOOK_EVERY_MS = 700

/** A command by its id, or, where no answer told it, by what it can be found with. */
export interface BegunCommand {
  readonly id: string | undefined
  readonly comment: string
  /** ms since the epoch */
  readonly since: number
}

/**
 * Tells every host of a command to stop; each puts itself right and frees its lock. Returns whether SSM accepted it, or
 * has no command with such an id; false also while it lists none for a request without an answer, which it may list later.
 * Never throws: it is called on the way out of a failure, and says itself when it did not succeed.
 */
export async function cancelCommand(
  ssm: SSMClient,
  begun: BegunCommand,
  { clock, log }: { clock: Clock; log: Log },
  withinMs = CLEAN_UP_MS,
): Promise<boolean> {
  const calling = { clock, log, deadline: new Deadline(clock, withinMs), attemptMs: 1500 }
  try {
    let { id } = begun
    while (id === undefined) {
      id = await commandWith(ssm, begun.comment, begun.since, calling)
      if (id !== undefined) break
      if (calling.deadline.left < 2 * LOOK_EVERY_MS) {
        log.info(`Systems Manager lists no command with the comment "${begun.comment}": none to stop so far.`)
        return false
      }
      await clock.sleep(LOOK_EVERY_MS)
    }
    const CommandId = id
    await call('ssm:CancelCommand', calling, options => ssm.send(new CancelCommandCommand({ CommandId }), options))
    log.info(
      `Command ${id} was told to stop; Systems Manager accepted it. Each host takes back what it had begun, and frees its lock.`,
    )
    return true
  } catch (error) {
    if (error instanceof AwsError && error.code === 'InvalidCommandId') return true
    const { message, details } = asFailure(error)
    log.warning(
      'The command may still be running',
      [
        `CancelCommand for ${begun.id ?? `the command with the comment "${begun.comment}"`} was not accepted: ${message}`,
        details.said,
        ...(details.next ?? []),
      ]
        .filter(Boolean)
        .join('\n'),
    )
    return false
  }
}
