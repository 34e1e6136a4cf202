import { CloudStopped } from '../../cloud.ts'
import { type CommandWorld, carryOut, end } from './invocation.ts'
import { allowedErrors, type CommandRecord, errorCount, type Invocation, share } from './records.ts'

/**
 * Sends a command to its hosts, so many at a time as MaxConcurrency says, until more have failed than MaxErrors allows:
 * those that have not begun are then Terminated, those that run go on. Settles when all have ended, or the cloud stops.
 * https://docs.aws.amazon.com/systems-manager/latest/userguide/send-commands-multiple.html
 */
export async function dispatch(
  world: CommandWorld,
  command: CommandRecord,
  invocations: readonly Invocation[],
): Promise<void> {
  const waiting = [...invocations]
  const atOnce = Math.max(1, share(command.maxConcurrency, invocations.length))
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (next.cancel.signal.aborted) end(next, 'Cancelled')
      else if (errorCount(command) > allowedErrors(command)) end(next, 'Terminated')
      else await carryOut(world, command, next)
    }
  }
  try {
    await Promise.all(Array.from({ length: atOnce }, worker))
  } catch (error) {
    if (!(error instanceof CloudStopped)) throw error
  }
}
