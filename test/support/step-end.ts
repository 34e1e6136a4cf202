import { setTimeout as sleep } from 'node:timers/promises'
import type { RunningAction } from '@aws-deploy-actions/rehearsal'

/** A deadline is a deadline: the process is gone so long after it (ms). */
const GRACE_MS = 5000
/** How long it is waited for in a test (ms). */
const MOST_MS = 75_000

/** When the step printed its first group (`performance.now()`): its time begins there, not when its process starts. */
export async function startLine(action: RunningAction): Promise<number> {
  await waitWhile(() => !action.output().includes('::group::'), 'the start of the step')
  return performance.now()
}

/** When the process of a step was gone (`performance.now()`). */
export async function gone({ pid }: RunningAction): Promise<number> {
  await waitWhile(() => isAlive(pid), 'the end of the step')
  return performance.now()
}

/**
 * Waits for the end of a step and requires that it kept its `timeout` of so many milliseconds.
 * @param began of `startLine`
 */
export async function requireInTime(action: RunningAction, began: number, timeoutMs: number): Promise<void> {
  const took = (await gone(action)) - began
  if (took > timeoutMs + GRACE_MS) throw new Error(`${took} ms with a timeout of ${timeoutMs} ms`)
}

async function waitWhile(condition: () => boolean, what: string): Promise<void> {
  for (const end = performance.now() + MOST_MS; condition(); await sleep(10)) {
    if (performance.now() > end) throw new Error(`not within ${MOST_MS} ms: ${what}`)
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
