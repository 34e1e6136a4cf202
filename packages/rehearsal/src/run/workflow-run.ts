import { type Functions, statusFunctions } from '../job/status-functions.ts'
import type { Conclusion, JobResult } from '../results.ts'
import type { Scope } from '../syntax/evaluate.ts'
import type { ValueMap } from '../syntax/values.ts'
import type { JobDefinition, WorkflowDefinition } from '../syntax/workflow-file.ts'
import type { CalledSecrets } from './call.ts'
import type { Permissions } from './permissions.ts'
import type { RunSettings } from './settings.ts'

/** A run: what its workflow and all that it calls share. */
export interface Run {
  readonly settings: RunSettings
  readonly vars: Readonly<Record<string, string>>
  readonly environments: Readonly<Record<string, EnvironmentSettings>>
  readonly approve: (environment: string, job: string) => Promise<boolean>
  /** somebody cancelled it */
  readonly cancelled: AbortSignal
  readonly began: number
  readonly results: Map<string, JobResult>
  /** the jobs that are being carried out, by their keys */
  readonly running: Map<string, RunningJob>
}

export interface RunningJob {
  readonly key: string
  /** as people see it */
  readonly name: string
  /** milliseconds since the run began */
  readonly began: number
}

export interface EnvironmentSettings {
  readonly secrets?: Readonly<Record<string, string>>
  readonly vars?: Readonly<Record<string, string>>
}

/** A workflow in a run: the one that was started, or a called one. */
export interface WorkflowCall extends CalledSecrets {
  readonly run: Run
  readonly workflow: WorkflowDefinition
  /** before the names of its jobs: `caller / ` */
  readonly prefix: string
  /** the same for names that people see */
  readonly label: string
  readonly github: ValueMap
  readonly inputs: ValueMap
  readonly allowed: Permissions
  /** another leg of the caller's matrix failed */
  readonly abandoned: AbortSignal
}

/** A job of a workflow as those see it that need it. */
export interface NodeOutcome {
  readonly result: Conclusion
  readonly outputs: Readonly<Record<string, string>>
}

/** Contexts that every key of a workflow may use. */
export function workflowScope(call: WorkflowCall, more: ValueMap = {}): Scope {
  return { contexts: { github: call.github, inputs: call.inputs, vars: { ...call.run.vars }, ...more } }
}

/** `needs`: the direct ones only. */
export function needsContext(job: JobDefinition, outcomes: ReadonlyMap<string, NodeOutcome>): ValueMap {
  return Object.fromEntries(
    job.needs.map(id => {
      const { result, outputs } = outcomes.get(id) ?? { result: 'skipped', outputs: {} }
      return [id, { result, outputs: { ...outputs } }]
    }),
  )
}

/**
 * The status functions of a job's `if` look at all jobs above it, not only at those it names: a skip or failure goes
 * down the whole chain (github/docs, workflow syntax: needs; actions/runner#491).
 */
export function jobStatusFunctions(
  job: JobDefinition,
  workflow: WorkflowDefinition,
  outcomes: ReadonlyMap<string, NodeOutcome>,
  cancelled: boolean,
): Functions {
  const above = [...ancestors(job, workflow)].map(id => outcomes.get(id)?.result)
  return statusFunctions({
    success: () => !cancelled && above.every(result => result === 'success'),
    failure: () => above.includes('failure'),
    cancelled: () => cancelled,
  })
}

function ancestors(job: JobDefinition, { jobs }: WorkflowDefinition): Set<string> {
  const found = new Set<string>()
  const open = [...job.needs]
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (found.has(id)) continue
    found.add(id)
    open.push(...(jobs.find(other => other.id === id)?.needs ?? []))
  }
  return found
}

/** What several jobs amount to: a failure before a cancel before a success; skipped only when all were. */
export function together(results: readonly Conclusion[]): Conclusion {
  if (results.includes('failure')) return 'failure'
  if (results.includes('cancelled')) return 'cancelled'
  return results.length > 0 && results.every(result => result === 'skipped') ? 'skipped' : 'success'
}
