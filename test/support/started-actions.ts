import { AsyncLocalStorage } from 'node:async_hooks'
import {
  type JavaScriptActionOptions,
  type JavaScriptActionResult,
  type RunningAction,
  startJavaScriptAction,
} from '@aws-deploy-actions/rehearsal'

/** The actions that a test has started; nothing here needs Jest, so that benches can use it too. */
export const runs = new AsyncLocalStorage<RunningAction[]>()

/** Runs a JavaScript action to its end; what it printed stands in the error when its test fails. */
export async function runAction(folder: string, options: JavaScriptActionOptions): Promise<JavaScriptActionResult> {
  return (await startAction(folder, options)).result
}

/** Starts a JavaScript action; else as {@link runAction}. */
export async function startAction(folder: string, options: JavaScriptActionOptions): Promise<RunningAction> {
  const run = await startJavaScriptAction(folder, options)
  runs.getStore()?.push(run)
  return run
}
