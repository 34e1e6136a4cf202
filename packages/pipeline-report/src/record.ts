/** The version of the record's form; readers refuse what they do not know. */
export const REPORT_SCHEMA = 1

/** Statuses that every action can end with beside its own. */
export type CommonStatus = 'failed' | 'timed-out' | 'cancelled'

/** Why something failed, in the order in which a person reads it. */
export interface FailureRecord {
  /** what failed, one sentence */
  readonly what: string
  /** the resource it happened to: a task, a repository, a URL */
  readonly resource?: string
  /** the words of who refused, verbatim */
  readonly said?: string
  /** who said them (`docker`, say); AWS when absent */
  readonly saidBy?: string
  /** what was seen just before: log lines, events */
  readonly seen?: readonly string[]
  readonly cause?: string
  /** what to do next, one step an entry */
  readonly next?: readonly string[]
}

/** One image that was pushed, promoted or found. `reference` is an `ecr:` or `ecr-public:` reference with a digest. */
export interface ImageRecord {
  readonly reference: string
  readonly tags: readonly string[]
  readonly status: string
}

/** One ECS task that ran to its end. */
export interface TaskRecord {
  readonly cluster: string
  /** task id, not its ARN */
  readonly task?: string
  /** `family:revision` */
  readonly taskDefinition?: string
  readonly container?: string
  /** the database that a migration was for */
  readonly database?: string
  readonly exitCode?: number
  readonly stopCode?: string
  readonly stoppedReason?: string
  /** seconds from RunTask to the container's exit */
  readonly seconds?: number
  readonly logGroup?: string
  /** the last log lines of the counted container */
  readonly lastLines?: readonly string[]
}

/** One check of something that is deployed. */
export interface CheckRecord {
  readonly name: string
  /** without password */
  readonly url: string
  readonly passed: boolean
  readonly attempts: number
  /** HTTP status of the last answer */
  readonly status?: number
  readonly version?: string
  readonly latencyMs?: number
  /** why the last attempt did not pass */
  readonly error?: string
}

/** One service of a deployment. Task definitions are `family:revision`. */
export interface ServiceRecord {
  readonly name: string
  readonly status: string
  readonly taskDefinition?: string
  readonly previousTaskDefinition?: string
  readonly deploymentId?: string
  readonly images: readonly { readonly container: string; readonly image: string; readonly digest?: string }[]
  /** from UpdateService to the verdict */
  readonly seconds?: number
  readonly reason?: string
}

/** One host of a deploy through Systems Manager. */
export interface InstanceRecord {
  /** `i-…` or `mi-…` */
  readonly id: string
  readonly status: string
  /** Systems Manager's StatusDetails */
  readonly statusDetails?: string
  readonly exitCode?: number
  /** digests of the images that ran before and run now */
  readonly services: readonly { readonly name: string; readonly before?: string; readonly after?: string }[]
  readonly seconds?: number
  readonly reason?: string
}

/** The run that left the record, as GitHub names it. */
export interface RunRecord {
  readonly repository?: string
  readonly id?: string
  readonly attempt?: string
  readonly job?: string
  readonly sha?: string
  readonly actor?: string
}

/**
 * What one step did: the record that every action leaves as its `report` output (cut to 8 KiB) and as a file under
 * `$RUNNER_TEMP/deploy-reports/` (whole). Holds no secret, no account id and no registry host. The JSON schema is
 * `report.schema.json` beside this folder.
 */
export interface ReportRecord {
  readonly schema: typeof REPORT_SCHEMA
  /** folder name of the action, e.g. `run-ecs-task` */
  readonly action: string
  readonly status: string
  /** the verdict in one sentence */
  readonly verdict: string
  /** ISO 8601, UTC */
  readonly startedAt: string
  readonly seconds: number
  readonly run: RunRecord
  readonly failures: readonly FailureRecord[]
  readonly images?: readonly ImageRecord[]
  readonly tasks?: readonly TaskRecord[]
  readonly checks?: readonly CheckRecord[]
  readonly services?: readonly ServiceRecord[]
  readonly instances?: readonly InstanceRecord[]
  /** how many entries of a list, or characters of a text, were left out of the `report` output, by JSON path */
  readonly omitted?: Readonly<Record<string, number>>
}
