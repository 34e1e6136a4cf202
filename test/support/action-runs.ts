import type { RunningAction } from '@aws-deploy-actions/rehearsal'
import { test } from '@jest/globals'
import { runs } from './started-actions.ts'

/**
 * One test with something of its own that is stopped at the end; those of a file run side by side. When it fails, its
 * error shows what its actions printed, the last 4,000 characters of each.
 */
export function testWith<Thing extends { stop(): Promise<void> }>(
  name: string,
  start: () => Promise<Thing>,
  body: (thing: Thing) => Promise<void>,
  mostMs?: number,
): void {
  const run = async (): Promise<void> => {
    const started: RunningAction[] = []
    const thing = await start()
    try {
      await runs.run(started, () => body(thing))
    } catch (error) {
      if (error instanceof Error) {
        const printed = started.map(
          (action, index) => `--- action ${index + 1} printed:\n${action.output().slice(-4000)}`,
        )
        const message = [error.message, ...printed].join('\n')
        // Jest shows the stack, which begins with the message as it was.
        error.stack = (error.stack ?? '').replace(error.message, () => message)
        error.message = message
      }
      throw error
    } finally {
      await thing.stop()
    }
  }
  test.concurrent(name, run, mostMs)
}
