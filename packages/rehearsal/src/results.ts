import type { Annotation } from './file-commands.ts'

/** How a job or a step ended, as the `needs` and `steps` contexts have it. */
export type Conclusion = 'success' | 'failure' | 'cancelled' | 'skipped'

export interface StepResult {
  /** undefined when the author gave none */
  readonly id: string | undefined
  readonly name: string
  /** before `continue-on-error` */
  readonly outcome: Conclusion
  /** after it */
  readonly conclusion: Conclusion
  readonly outputs: Readonly<Record<string, string>>
  /** the lines as GitHub's log has them: `##[group]`, `##[error]` … */
  readonly log: readonly string[]
  readonly annotations: readonly Annotation[]
  readonly summary: string
  /** milliseconds */
  readonly took: number
}

export interface JobResult {
  /** `id`, `id (matrix, values)`, `caller / id` */
  readonly key: string
  readonly name: string
  /** what `needs.<job>.result` says */
  readonly result: Conclusion
  /** what the page shows: a job that failed and may is still red */
  readonly conclusion: Conclusion
  readonly outputs: Readonly<Record<string, string>>
  readonly steps: readonly StepResult[]
  readonly log: string
  readonly summary: string
  readonly annotations: readonly Annotation[]
  readonly permissions: Readonly<Record<string, string>>
  readonly environment: { readonly name: string; readonly url: string | undefined } | undefined
  /** keys of the jobs it needs, beside it */
  readonly needs: readonly string[]
  /** keys of the legs of a matrix or the jobs of a called workflow */
  readonly parts: readonly string[]
  /** milliseconds since the run began */
  readonly began: number
  readonly took: number
}

/** A whole run. */
export interface Rehearsal {
  readonly status: 'success' | 'failure' | 'cancelled' | 'skipped' | 'startup_failure' | 'not-triggered'
  /** why it did not start */
  readonly problems: readonly string[]
  readonly title: string
  readonly workflow: string
  readonly event: string
  /** in the order in which they ended; a matrix or a called workflow after its parts */
  readonly jobs: Readonly<Record<string, JobResult>>
  /** that the run wrote to its pull request, as markdown */
  readonly comments: readonly string[]
  /** what the rehearsal does otherwise than GitHub, or only notes */
  readonly notes: readonly string[]
  /** milliseconds */
  readonly took: number
}
