import type { JobState } from '../job/job-state.ts'
import type { StepLog } from '../job/step-log.ts'

/** What the rehearsal does where a workflow uses somebody else's action. */
export interface StandIn {
  /** what it does instead, one sentence, printed in the log */
  readonly instead: string
  /** @throws Error with the reason when the step must fail */
  run(use: Use): Promise<void> | void
}

/** One use of an action in a step. */
export interface Use {
  /** an input as the workflow gives it; the empty text when it does not */
  input(name: string): string
  readonly job: JobState
  readonly log: StepLog
  /** the environment of the step */
  readonly environment: Readonly<Record<string, string>>
  output(name: string, value: string): void
  /** for the steps that follow, as GITHUB_ENV */
  exportVariable(name: string, value: string): void
}
