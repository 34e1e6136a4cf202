import type { Runtime } from '@aws-deploy-actions/action-runtime'
import { coverageOf } from './coverage.ts'
import { foundFiles } from './files.ts'
import { type GitHubApi, refusalText, statusOf } from './github.ts'
import type { SummarizeInputs } from './inputs.ts'
import { jobRows } from './job-rows.ts'
import { testResults } from './junit.ts'
import type { Needs } from './needs.ts'
import type { Contents } from './page.ts'
import { readEach } from './read-each.ts'
import { reportsFrom } from './reports.ts'
import { ownerAndName, runFacts } from './run-facts.ts'
import { jobsOfRun, type RunJob, type RunPlace } from './run-jobs.ts'
import { type JobFailure, unstartedJobs } from './unstarted.ts'

/** All that the page shows beside the verdict; what cannot be had is named in `notes`. */
export async function gathered(
  inputs: SummarizeInputs,
  needs: Needs,
  api: GitHubApi | undefined,
  { environment, signal, now }: Runtime,
): Promise<Omit<Contents, 'verdict' | 'title' | 'environmentUrl'>> {
  const [facts, timing, reportFiles, testFiles, coverageFiles] = await Promise.all([
    runFacts(environment),
    timings(needs, api, environment, signal),
    foundFiles(inputs.reports, environment),
    foundFiles(inputs.junit, environment),
    foundFiles(inputs.coverage, environment),
  ])
  const reports = await reportsFrom(reportFiles.files, needs.jobs, environment.runAttempt, timing.jobs)
  const tests = await readEach(testFiles.files, testResults)
  const coverage = await readEach(coverageFiles.files, coverageOf)
  return {
    facts,
    runJobs: timing.jobs,
    unstarted: timing.unstarted,
    rows: jobRows(needs, timing.jobs, inputs),
    reports,
    tests: tests.values,
    coverage: coverage.values,
    notes: [
      ...unknownJobs(inputs, needs),
      ...(timing.problem === undefined ? [] : [timing.problem]),
      ...testFiles.problems.map(pattern => `Tests: no file matches ${pattern}.`),
      ...tests.problems.map(problem => `Tests: ${problem}.`),
      ...coverageFiles.problems.map(pattern => `Coverage: no file matches ${pattern}.`),
      ...coverage.problems.map(problem => `Coverage: ${problem}.`),
    ],
    now: now(),
  }
}

/** A name that is misspelled would allow nothing. */
function unknownJobs({ allowedToFail, allowedToSkip }: SummarizeInputs, { jobs }: Needs): string[] {
  const known = new Set(jobs.map(({ id }) => id))
  return Object.entries({ 'allowed-to-fail': allowedToFail, 'allowed-to-skip': allowedToSkip }).flatMap(
    ([input, names]) =>
      [...names].filter(name => !known.has(name)).map(name => `${input}: no job in needs has the id ${name}.`),
  )
}

async function timings(
  { jobs: needed }: Needs,
  api: GitHubApi | undefined,
  { repository, runId, runAttempt, variables }: Runtime['environment'],
  signal: AbortSignal,
): Promise<{
  jobs: readonly RunJob[]
  unstarted: readonly JobFailure[]
  problem: string | undefined
}> {
  const missing = 'Durations and timeline of the jobs'
  const without = (problem: string) => ({ jobs: [], unstarted: [], problem: `${missing}: ${problem}` })
  if (api === undefined) return without('there is no github-token.')
  const repo = ownerAndName(repository)
  if (repo === undefined || !/^\d+$/.test(runId ?? '')) return without('GITHUB_REPOSITORY or GITHUB_RUN_ID is not set.')
  const place: RunPlace = {
    owner: repo.owner,
    repository: repo.name,
    runId: Number(runId),
    attempt: Number(runAttempt ?? 1) || 1,
    runner: variables['RUNNER_NAME'] || undefined,
  }
  try {
    const jobs = await jobsOfRun(api, place, signal)
    return { jobs, unstarted: await unstartedJobs(api, place, jobs, needed, signal), problem: undefined }
  } catch (error) {
    signal.throwIfAborted()
    // GitHub says 404 of what a token may not see in a private repository.
    const refused = [401, 403, 404].includes(statusOf(error) ?? 0)
    const advice = refused ? ' The job needs `permissions: actions: read`.' : ''
    return without(`GitHub's API said: ${refusalText(error)}.${advice}`)
  }
}
