/** Durations of GitHub's, in milliseconds; tests shorten them. */
export interface Timing {
  /** of `timeout-minutes`; for each job by its key where jobs differ */
  readonly minute: number | ((job: string) => number)
  /** from SIGINT to SIGTERM (actions/runner, ProcessInvoker) */
  readonly interrupt: number
  /** from SIGTERM to the end of the process tree */
  readonly terminate: number
  /** how long a cancelled run may still work before all is ended (github/docs, workflow cancellation) */
  readonly cancelled: number
}

export const GITHUB_TIMING: Timing = { minute: 60_000, interrupt: 7500, terminate: 2500, cancelled: 300_000 }

/** A minute of `timeout-minutes` in this job, in milliseconds. */
export function minuteOf({ minute }: Timing, job: string): number {
  return typeof minute === 'number' ? minute : minute(job)
}
