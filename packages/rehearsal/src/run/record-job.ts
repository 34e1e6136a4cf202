import type { Conclusion, JobResult } from '../results.ts'
import type { JobDefinition } from '../syntax/workflow-file.ts'
import type { NodeOutcome, WorkflowCall } from './workflow-run.ts'

/** Puts a job, a leg or a group of jobs into the results of the run, once. */
export function recordJob(
  call: WorkflowCall,
  job: JobDefinition,
  { key, name, began }: { key: string; name: string; began: number },
): (result: Conclusion, more?: Partial<JobResult>) => NodeOutcome {
  return (result, more = {}) => {
    const whole: JobResult = {
      key,
      name,
      result,
      conclusion: result,
      outputs: {},
      steps: [],
      log: '',
      summary: '',
      annotations: [],
      permissions: {},
      environment: undefined,
      needs: job.needs.map(id => `${call.prefix}${id}`),
      parts: [],
      began: began - call.run.began,
      took: performance.now() - began,
      ...more,
    }
    call.run.results.set(key, whole)
    const { conclusion, took, annotations } = whole
    call.run.settings.onProgress({ kind: 'job-ended', job: key, conclusion, took, annotations })
    return { result: whole.result, outputs: whole.outputs }
  }
}

/** An error as an annotation of a job. */
export function problem(error: unknown): { level: 'error'; title: string; message: string } {
  return { level: 'error', title: '', message: error instanceof Error ? error.message : String(error) }
}
