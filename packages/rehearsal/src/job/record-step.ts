import type { Conclusion, StepResult } from '../results.ts'
import type { Attempt } from './attempt.ts'
import type { JobState } from './job-state.ts'
import { createStepLog } from './step-log.ts'

/** A step that the runner adds: setting up, `pre`, `post`, completing. What it throws fails it. */
export async function recordStep(
  job: JobState,
  name: string,
  body: (attempt: Attempt) => Promise<Conclusion>,
): Promise<void> {
  const { onProgress } = job.settings
  const began = performance.now()
  const log = createStepLog(job.masks, line => onProgress({ kind: 'line', job: job.key, step: name, line }))
  onProgress({ kind: 'step-began', job: job.key, step: name })
  const controller = new AbortController()
  const stop = (): void => controller.abort()
  // What begins after the cancel, such as `post`, may run to its end.
  if (!job.cancelled.aborted) job.cancelled.addEventListener('abort', stop, { once: true })
  const attempt: Attempt = {
    name,
    log,
    stop: controller.signal,
    outputs: {},
    summaries: [],
    runSteps: () => Promise.reject(new Error('only steps have steps')),
  }
  let conclusion: Conclusion
  try {
    conclusion = await body(attempt)
    if (conclusion !== 'skipped' && log.failedCommands > 0) conclusion = 'failure'
  } catch (error) {
    log.annotate('error', error instanceof Error ? error.message : String(error))
    conclusion = 'failure'
  }
  job.cancelled.removeEventListener('abort', stop)
  if (controller.signal.aborted) conclusion = 'cancelled'
  if (conclusion === 'failure' && job.status === 'success') job.status = 'failure'
  addResult(job, {
    id: undefined,
    name,
    outcome: conclusion,
    conclusion,
    outputs: {},
    log: log.lines,
    annotations: log.annotations,
    summary: attempt.summaries.join('\n'),
    took: performance.now() - began,
  })
}

export function addResult(job: JobState, result: StepResult): void {
  job.results.push(result)
  job.settings.onProgress({
    kind: 'step-ended',
    job: job.key,
    step: result.name,
    conclusion: result.conclusion,
    took: result.took,
  })
}
