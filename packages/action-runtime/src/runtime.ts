import { type Clock, systemClock } from './clock.ts'
import { createLog, type Log } from './log.ts'
import { Secrets } from './secrets.ts'

/** What `post` works with. */
export interface PostRuntime extends Clock {
  readonly log: Log
  readonly environment: RunnerEnvironment
  /**
   * the value is taken out of everything that we print or write from now on
   * @param shortest characters from which on; default 8. A shorter value than that stays in outputs other than `report`.
   */
  hide(secret: string, shortest?: number): void
}

/** What an action's story is told with. */
export interface Runtime extends PostRuntime {
  /** aborted with {@link Cancelled} at the first SIGINT or SIGTERM */
  readonly signal: AbortSignal
  /** sets an output at once; objects become JSON. A value that GitHub masks elsewhere would be dropped by it. */
  output(name: string, value: string | number | boolean | object): Promise<void>
  /** keeps a value for `post`; `''` forgets it */
  remember(name: string, value: string): Promise<void>
  /** the process ends at this moment (ms since the epoch) whatever still hangs, and the step fails; a later call replaces it */
  endBy(at: number | undefined): void
}

/** What the runner tells about the run, by GitHub's names. Undefined where it is not set. */
export interface RunnerEnvironment {
  readonly repository: string | undefined
  readonly runId: string | undefined
  readonly runAttempt: string | undefined
  readonly runNumber: string | undefined
  readonly job: string | undefined
  /** the commit of the run, or the one that the job says it has checked out */
  readonly sha: string | undefined
  /** of the run; undefined where another commit than the run's was checked out */
  readonly ref: string | undefined
  readonly headRef: string | undefined
  readonly actor: string | undefined
  readonly serverUrl: string | undefined
  readonly workspace: string
  /** a folder of this job, emptied by the runner */
  readonly temp: string
  /** the whole environment, for the AWS SDK's variables */
  readonly variables: Readonly<Record<string, string | undefined>>
}

/**
 * Whose commit it is: the run's (GITHUB_SHA), or that of CHECKED_OUT_COMMIT, by which a job says that it has checked out
 * another one. GitHub lets no workflow set the GITHUB_… variables (github/docs, "Variables reference").
 */
function commitIn(set: (name: string) => string | undefined): Pick<RunnerEnvironment, 'sha' | 'ref'> {
  const sha = set('GITHUB_SHA')
  const checkedOut = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.exec(set('CHECKED_OUT_COMMIT') ?? '')?.[0]
  if (checkedOut === undefined || checkedOut === sha) return { sha, ref: set('GITHUB_REF') }
  return { sha: checkedOut, ref: undefined }
}

export function runnerEnvironment(
  variables: Readonly<Record<string, string | undefined>>,
  folder: string,
): RunnerEnvironment {
  const set = (name: string): string | undefined => variables[name] || undefined
  return {
    repository: set('GITHUB_REPOSITORY'),
    runId: set('GITHUB_RUN_ID'),
    runAttempt: set('GITHUB_RUN_ATTEMPT'),
    runNumber: set('GITHUB_RUN_NUMBER'),
    job: set('GITHUB_JOB'),
    ...commitIn(set),
    headRef: set('GITHUB_HEAD_REF'),
    actor: set('GITHUB_ACTOR'),
    serverUrl: set('GITHUB_SERVER_URL'),
    workspace: set('GITHUB_WORKSPACE') ?? folder,
    temp: set('RUNNER_TEMP') ?? set('TMPDIR') ?? '/tmp',
    variables,
  }
}

/** The runtime of this process, and the secrets it takes out of what it prints. */
export function processRuntime(): PostRuntime & { readonly secrets: Secrets } {
  const environment = runnerEnvironment(process.env, process.cwd())
  const secrets = new Secrets()
  secrets.add(environment.variables['AWS_SECRET_ACCESS_KEY'])
  secrets.add(environment.variables['AWS_SESSION_TOKEN'])
  return {
    ...systemClock,
    log: createLog(text => process.stdout.write(text), secrets.redact),
    environment,
    hide: (secret, shortest) => secrets.add(secret, shortest),
    secrets,
  }
}
