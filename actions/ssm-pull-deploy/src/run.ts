import type { HostOutcome } from '@aws-deploy-actions/compose-host'

/** What became of the step, filled in as it becomes known. */
export interface DeployRun {
  readonly region: string
  readonly directory: string
  commandId?: string
  /** hosts that the command is for, in order */
  hosts: readonly string[]
  readonly outcomes: Map<string, HostOutcome>
  /** host → StatusDetails that was seen last */
  readonly seen: Map<string, string>
  /** how the step ended while hosts were not over: `timed-out`, `cancelled`, `failed` */
  endedAs?: string
}
