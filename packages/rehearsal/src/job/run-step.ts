import type { Conclusion } from '../results.ts'
import { evaluated, evaluatedText, evaluatedTexts, isTrue } from '../syntax/evaluate.ts'
import type { StepDefinition } from '../syntax/step-definitions.ts'
import { isTruthy } from '../syntax/values.ts'
import { runActionStep } from './action-step.ts'
import type { Attempt } from './attempt.ts'
import { type Frame, type JobState, stepScope } from './job-state.ts'
import { addResult } from './record-step.ts'
import { firstLine, runScriptStep } from './script-step.ts'
import { createStepLog } from './step-log.ts'
import { minuteOf } from './timing.ts'

/** The steps one after the other; those that the state of the job does not want are skipped (actions/runner, StepsRunner). */
export async function runSteps(
  job: JobState,
  frame: Frame,
  steps: readonly StepDefinition[],
  around?: Attempt,
): Promise<void> {
  for (const step of steps) await runStep(job, frame, step, around)
}

/** @param around the composite action that the step is in: they share one log */
async function runStep(job: JobState, frame: Frame, step: StepDefinition, around: Attempt | undefined): Promise<void> {
  const { onProgress } = job.settings
  const began = performance.now()
  let name = displayName(step, undefined)
  const log =
    around?.log ?? createStepLog(job.masks, line => onProgress({ kind: 'line', job: job.key, step: name, line }))
  const outputs: Record<string, string> = {}
  const summaries = around?.summaries ?? []
  const end = (outcome: Conclusion, conclusion: Conclusion): void => {
    frame.steps.set(step.id, { outputs, outcome, conclusion })
    if (conclusion === 'failure' || conclusion === 'cancelled') frame.fail(conclusion)
    if (around !== undefined) return
    addResult(job, {
      id: step.id.startsWith('__') ? undefined : step.id,
      name,
      outcome,
      conclusion,
      outputs: Object.fromEntries(Object.entries(outputs).map(([key, value]) => [key, job.masks.masked(value)])),
      log: log.lines,
      annotations: log.annotations,
      summary: summaries.join('\n'),
      took: performance.now() - began,
    })
  }
  const failed = (error: unknown): void => log.annotate('error', error instanceof Error ? error.message : String(error))

  let env: Record<string, string>
  try {
    env = evaluatedTexts(step.fields.find('env'), stepScope(job, frame, {}))
    name = job.masks.masked(displayName(step, () => stepScope(job, frame, env)))
    if (around === undefined) onProgress({ kind: 'step-began', job: job.key, step: name })
    if (!isTrue(step.condition, stepScope(job, frame, env))) return end('skipped', 'skipped')
  } catch (error) {
    failed(error)
    return end('failure', 'failure')
  }

  const failedBefore = log.failedCommands
  const controller = new AbortController()
  const stop = around === undefined ? controller.signal : AbortSignal.any([around.stop, controller.signal])
  const reconsider = (): void => {
    if (!stillWanted(job, frame, step, env)) controller.abort('cancelled')
  }
  if (!job.cancelled.aborted) job.cancelled.addEventListener('abort', reconsider, { once: true })
  const minutes = Number(
    evaluatedOrNothing(() => evaluated(step.fields.find('timeout-minutes'), stepScope(job, frame, env))),
  )
  const timer =
    minutes > 0
      ? setTimeout(() => controller.abort('timed out'), minutes * minuteOf(job.settings.timing, job.key))
      : undefined
  const attempt: Attempt = {
    name,
    log,
    stop,
    outputs,
    summaries,
    runSteps: (inner, steps) => runSteps(job, inner, steps, attempt),
  }
  let outcome: Conclusion
  try {
    const perform = step.uses === undefined ? runScriptStep : runActionStep
    const succeeded = await perform(job, frame, step, env, attempt)
    outcome = succeeded && log.failedCommands === failedBefore ? 'success' : 'failure'
  } catch (error) {
    failed(error)
    outcome = 'failure'
  } finally {
    clearTimeout(timer)
    job.cancelled.removeEventListener('abort', reconsider)
  }
  // A process that was asked to end has not succeeded, whatever its exit code (actions/runner, ProcessInvoker).
  if (controller.signal.reason === 'timed out') {
    log.annotate('error', `The action '${name}' has timed out after ${minutes} minutes.`)
    outcome = 'failure'
  } else if (stop.aborted) {
    if (around === undefined || !around.stop.aborted) log.annotate('error', 'The operation was canceled.')
    outcome = 'cancelled'
  }
  const mayFail =
    outcome === 'failure' &&
    isTruthy(evaluatedOrNothing(() => evaluated(step.fields.find('continue-on-error'), stepScope(job, frame, env))))
  end(outcome, mayFail ? 'success' : outcome)
}

/** On cancel the condition is asked again: `always()` and `cancelled()` go on (github/docs, workflow cancellation). */
function stillWanted(
  job: JobState,
  frame: Frame,
  step: StepDefinition,
  env: Readonly<Record<string, string>>,
): boolean {
  try {
    return isTrue(
      step.condition,
      stepScope(job, frame.composite ? { ...frame, status: () => 'cancelled' } : frame, env),
    )
  } catch {
    return false
  }
}

function evaluatedOrNothing<T>(evaluate: () => T): T | null {
  try {
    return evaluate()
  } catch {
    return null
  }
}

/** `name`, else `Run` and what (actions/runner, ActionRunner.GenerateDisplayName). */
function displayName(step: StepDefinition, scope: (() => ReturnType<typeof stepScope>) | undefined): string {
  const name = step.fields.find('name')
  const shown = name ?? (step.uses === undefined ? step.fields.find('run') : undefined)
  const prefix = name === undefined ? 'Run ' : ''
  if (shown === undefined) return `${prefix}${step.uses}`
  return prefix + firstLine(scope === undefined ? shown.toString() : evaluatedText(shown, scope()))
}
