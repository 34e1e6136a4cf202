import type { FailureRecord } from '@aws-deploy-actions/pipeline-report'
import { askedAgain, type GitHubApi, requestSignal } from './github.ts'
import { belongsTo } from './job-rows.ts'
import { legible } from './legible.ts'
import type { NeededJob } from './needs.ts'
import type { RunJob, RunPlace } from './run-jobs.ts'

/** A failure that only GitHub knows of: no step was there to leave a record. */
export interface JobFailure {
  readonly job: string
  readonly failure: FailureRecord
}

/** A deployment that a reviewer has rejected. Texts come from outside, legible. */
interface Rejection {
  readonly environments: string
  readonly by: string
  readonly comment: string
}

/**
 * Why jobs failed that never began. GitHub tells which deployments were rejected in the run, but not of which job: the
 * jobs that wait for one environment are rejected at once.
 */
export async function unstartedJobs(
  api: GitHubApi,
  place: RunPlace,
  runJobs: readonly RunJob[],
  needed: readonly NeededJob[],
  cancel: AbortSignal,
): Promise<JobFailure[]> {
  const unstarted = runJobs.filter(
    ({ name, neverBegan, earlier }) => neverBegan && !earlier && needed.some(({ id }) => belongsTo(name, id)),
  )
  if (unstarted.length === 0) return []
  const rejections = await rejectedDeployments(api, place, cancel)
  return unstarted.map(({ name }) => ({ job: name, failure: failureOf(name, rejections) }))
}

function failureOf(job: string, rejections: readonly Rejection[]): FailureRecord {
  const [first] = rejections
  if (first === undefined)
    return {
      what: `${job} failed before its first step.`,
      cause: 'A rule of its environment did not let it through, or GitHub could not start it.',
      next: ['Look at the job on GitHub: its annotation says why.'],
    }
  const by = new Set(rejections.map(({ environments, by }) => `${by} rejected the deployment to ${environments}`))
  return {
    what: `${job} failed before its first step: ${[...by].join('; ')}.`,
    ...(first.comment === '' ? {} : { said: first.comment, saidBy: first.by }),
  }
}

/**
 * Nothing where GitHub does not tell: the page does without.
 * Source: GitHub REST API, "Get the review history for a workflow run"; needs `actions: read`.
 */
async function rejectedDeployments(
  api: GitHubApi,
  { owner, repository, runId }: RunPlace,
  cancel: AbortSignal,
): Promise<Rejection[]> {
  const ask = (): ReturnType<typeof api.rest.actions.getReviewsForRun> =>
    api.rest.actions.getReviewsForRun({ owner, repo: repository, run_id: runId, request: requestSignal(cancel) })
  try {
    const { data } = await askedAgain(ask, cancel)
    return data
      .filter(({ state }) => state === 'rejected')
      .map(({ environments, user, comment }) => ({
        environments: legible(environments.map(({ name }) => name ?? 'an environment').join(', ')),
        // An account that is gone is null.
        by: legible(user?.login ?? 'a reviewer'),
        comment: legible(comment ?? ''),
      }))
  } catch {
    cancel.throwIfAborted()
    return []
  }
}
