import type { Conclusion, StepResult } from '../results.ts'
import type { Repository } from '../run/repository.ts'
import type { RunSettings } from '../run/settings.ts'
import type { Scope } from '../syntax/evaluate.ts'
import type { StepDefinition } from '../syntax/step-definitions.ts'
import { mapOf, type ValueMap } from '../syntax/values.ts'
import type { WorkflowDefinition } from '../syntax/workflow-file.ts'
import type { Masks } from './masks.ts'
import { hashFilesFunction, statusFunctions } from './status-functions.ts'

/** A job that is running: what its steps read and change. */
export interface JobState {
  readonly key: string
  readonly settings: RunSettings
  readonly workflow: WorkflowDefinition
  /** github, inputs, vars, needs, strategy, matrix, secrets */
  readonly contexts: ValueMap
  readonly permissions: Readonly<Record<string, string>>
  readonly folders: { readonly workspace: string; readonly temp: string; readonly toolCache: string }
  readonly masks: Masks
  /** of `env` above the steps and of GITHUB_ENV */
  readonly environment: Map<string, string>
  /** of GITHUB_PATH, the last one first */
  readonly path: string[]
  /** `shell` and `working-directory` of `defaults.run` */
  readonly defaults: Record<string, string>
  /** marks the processes of this job */
  readonly trackingId: string
  services: ValueMap
  status: Exclude<Conclusion, 'skipped'>
  /** asked to end: steps whose condition does not want to go on are cancelled */
  readonly cancelled: AbortSignal
  /** run in reverse when the steps are through */
  readonly posts: (() => Promise<void>)[]
  /** of JavaScript actions, from one of their processes to the next */
  readonly actionStates: WeakMap<StepDefinition, Record<string, string>>
  /** whose `post` is among them */
  readonly registered: WeakSet<StepDefinition>
  readonly results: StepResult[]
}

/** The steps of a job, or those of a composite action, which have names and inputs of their own. */
export interface Frame {
  /** the `steps` context */
  readonly steps: Map<
    string,
    { readonly outputs: ValueMap; readonly outcome: Conclusion; readonly conclusion: Conclusion }
  >
  readonly inputs: ValueMap
  /** further `github` values: action_path, action_repository, action_ref */
  readonly github: ValueMap
  /** `env` of the steps that this is inside of */
  readonly environment: Readonly<Record<string, string>>
  /** what `$/` means here */
  readonly repository: Repository
  /** how the steps went so far; of a job this is the job's own status */
  status(): Exclude<Conclusion, 'skipped'>
  /** a step of it failed or was cancelled */
  fail(conclusion: 'failure' | 'cancelled'): void
  /** a composite action knows neither secrets nor defaults */
  readonly composite: boolean
}

/** What the expressions of a step may use. @param files the paths of its GITHUB_OUTPUT and the like */
export function stepScope(
  job: JobState,
  frame: Frame,
  environment: Readonly<Record<string, string>>,
  github: ValueMap = {},
): Scope {
  const { secrets, inputs: _, ...contexts } = job.contexts
  return {
    contexts: {
      ...contexts,
      ...(frame.composite ? {} : { secrets: secrets ?? {} }),
      github: { ...githubContext(job), ...frame.github, ...github },
      inputs: frame.inputs,
      env: { ...Object.fromEntries(job.environment), ...frame.environment, ...environment },
      steps: Object.fromEntries([...frame.steps].filter(([id]) => !id.startsWith('__'))),
      job: jobContext(job),
      runner: runnerContext(job),
    },
    functions: new Map([
      ...statusFunctions({
        success: () => frame.status() === 'success',
        failure: () => frame.status() === 'failure',
        // Also inside a composite action this asks for the job (actions/runner, CancelledFunction).
        cancelled: () => job.status === 'cancelled',
      }),
      ['hashfiles', hashFilesFunction(job.folders.workspace)],
    ]),
  }
}

/** the job's `github` context */
export function githubContext({ contexts }: JobState): ValueMap {
  return mapOf(contexts['github'])
}

/** `job.workflow_*` are the running workflow's, also in a called one; `github.workflow_*` are the caller's (github/docs, contexts). */
export function jobContext({ status, services, workflow }: JobState): ValueMap {
  const { repository, path } = workflow
  return {
    status,
    services,
    workflow_ref: `${repository.name}/${path}@${repository.ref}`,
    workflow_sha: repository.sha,
    workflow_repository: repository.name,
    workflow_file_path: path,
  }
}

/** Each job has a runner of its own. */
export function runnerName(key: string): string {
  return `rehearsal of ${key}`
}

export function runnerContext({ key, folders }: JobState): ValueMap {
  return {
    os: 'Linux',
    arch: process.arch === 'arm64' ? 'ARM64' : 'X64',
    name: runnerName(key),
    environment: 'github-hosted',
    temp: folders.temp,
    tool_cache: folders.toolCache,
  }
}
