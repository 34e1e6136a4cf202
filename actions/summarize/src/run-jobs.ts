import { askedAgain, type GitHubApi, requestSignal } from './github.ts'
import { legible } from './legible.ts'

/** One job of the run, as the jobs API tells. Times are milliseconds since the epoch. */
export interface RunJob {
  /** as GitHub shows it: the job's `name`, with its matrix values, and `caller / callee` for called workflows */
  readonly name: string
  /** GitHub's conclusion; the status while there is none */
  readonly state: string
  readonly created: number | undefined
  readonly started: number | undefined
  readonly completed: number | undefined
  readonly url: string | undefined
  /** names of the steps that failed or were cancelled, in their order */
  readonly failedSteps: readonly string[]
  /** it failed before its first step: its deployment was rejected, or GitHub could not start it */
  readonly neverBegan: boolean
  /** it ran in an earlier attempt of the run, and was not run again */
  readonly earlier: boolean
}

/** Where the run is. */
export interface RunPlace {
  readonly owner: string
  readonly repository: string
  readonly runId: number
  readonly attempt: number
  /** RUNNER_NAME, by which this very job is told from the others */
  readonly runner: string | undefined
}

/**
 * The other jobs of this attempt, in the order in which they were made. Those of a called workflow have the caller's
 * name before theirs (`deliver / check`); beside this very job it says nothing and is left out.
 * Source: GitHub REST API, "List jobs for a workflow run attempt"; needs `actions: read`.
 */
export async function jobsOfRun(api: GitHubApi, place: RunPlace, cancel: AbortSignal): Promise<RunJob[]> {
  const { jobs, caller } = await allJobs(api, place, cancel)
  return jobs.map(job => (job.name.startsWith(caller) ? { ...job, name: job.name.slice(caller.length) } : job))
}

async function allJobs(
  api: GitHubApi,
  place: RunPlace,
  cancel: AbortSignal,
): Promise<{ jobs: RunJob[]; caller: string }> {
  const { owner, repository, runId, attempt, runner } = place
  const began = attempt > 1 ? await startOfAttempt(api, place, cancel) : undefined
  const found: RunJob[] = []
  let caller = ''
  for (let page = 1; ; page++) {
    const { data } = await askedAgain(
      () =>
        api.rest.actions.listJobsForWorkflowRunAttempt({
          owner,
          repo: repository,
          run_id: runId,
          attempt_number: attempt,
          per_page: 100,
          page,
          request: requestSignal(cancel),
        }),
      cancel,
    )
    for (const job of data.jobs) {
      if (job.status !== 'completed' && runner !== undefined && job.runner_name === runner) {
        caller = legible(job.name).match(/^.* \/ /s)?.[0] ?? ''
        continue
      }
      found.push({
        name: legible(job.name),
        state: legible(job.conclusion ?? job.status),
        created: time(job.created_at),
        started: time(job.started_at),
        completed: time(job.completed_at),
        url: job.html_url ?? undefined,
        failedSteps: (job.steps ?? [])
          .filter(({ conclusion }) => conclusion === 'failure' || conclusion === 'cancelled')
          .map(({ name }) => legible(name)),
        // What a runner took has a step of its own, "Set up job".
        neverBegan: job.conclusion === 'failure' && (job.steps ?? []).length === 0,
        earlier: began !== undefined && (time(job.completed_at) ?? began) < began,
      })
    }
    if (data.jobs.length === 0 || page * 100 >= data.total_count) return { jobs: found, caller }
  }
}

/** Jobs that succeeded before are listed with the new attempt too, with their old times. */
async function startOfAttempt(
  api: GitHubApi,
  { owner, repository, runId, attempt }: RunPlace,
  cancel: AbortSignal,
): Promise<number | undefined> {
  const ask = (): ReturnType<typeof api.rest.actions.getWorkflowRunAttempt> =>
    api.rest.actions.getWorkflowRunAttempt({
      owner,
      repo: repository,
      run_id: runId,
      attempt_number: attempt,
      request: requestSignal(cancel),
    })
  const { data } = await askedAgain(ask, cancel)
  return time(data.run_started_at)
}

function time(text: string | null | undefined): number | undefined {
  const ms = Date.parse(text ?? '')
  return Number.isNaN(ms) ? undefined : ms
}
