/** Durations of GitHub's, in milliseconds; tests shorten them. */
export interface Timing {
  /** of `timeout-minutes` */
  readonly minute: number
  /** from SIGINT to SIGTERM (actions/runner, ProcessInvoker) */
  readonly interrupt: number
  /** from SIGTERM to the end of the process tree */
  readonly terminate: number
  /** how long a cancelled run may still work before all is ended (github/docs, workflow cancellation) */
  readonly cancelled: number
}

export const GITHUB_TIMING: Timing = { minute: 60_000, interrupt: 7500, terminate: 2500, cancelled: 300_000 }
