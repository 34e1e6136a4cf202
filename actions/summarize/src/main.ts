import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Action, asFailure, Failure, type Runtime } from '@aws-deploy-actions/action-runtime'
import { COMMENT_BYTES, writeComment } from './comment.ts'
import { gathered } from './gather.ts'
import { type GitHubApi, gitHubApi, refusalText } from './github.ts'
import { readInputs, type SummarizeInputs } from './inputs.ts'
import { type Needs, needsFrom, type Result } from './needs.ts'
import { type Contents, page } from './page.ts'
import { deployedAt, told } from './told.ts'
import { type Verdict, verdictOf } from './verdict.ts'

/** What is known by and by. */
export interface Summary {
  verdict?: Verdict
  page?: string
}

/** A step's summary of more than 1 MiB is dropped by GitHub; the runtime's own limit comes on top. */
const PAGE_BYTES = 1_000_000

/** Jobs that this one needs did not end as they must. */
class JobsFailed extends Failure {
  override readonly name = 'JobsFailed'
  override readonly status: Result

  constructor({ status, sentence }: Verdict) {
    super(sentence, { next: ['The page in the job summary shows what each job did.'] })
    this.status = status
  }
}

/** The page could not be made, for a reason that nobody foresaw. */
class PageFailed extends Failure {
  override readonly name = 'PageFailed'
  override readonly status: Result = 'failure'
}

/** Puts together one page of all that happened, and ends with the verdict over all jobs. */
export const action: Action<SummarizeInputs, Summary> = {
  name: 'summarize',
  readInputs,
  start: () => ({}),
  main: async (inputs, summary, runtime) => {
    const needs = needsFrom(inputs.needs)
    const verdict = verdictOf(needs, inputs)
    summary.verdict = verdict
    await runtime.output('status', verdict.status)
    try {
      await makePage(inputs, needs, verdict, summary, runtime)
    } catch (error) {
      if (error instanceof Failure) throw error
      const { message, details } = asFailure(error)
      throw new PageFailed(`${verdict.sentence} The page could not be made: ${message}`, details, { cause: error })
    }
    if (verdict.fails) throw new JobsFailed(verdict)
    runtime.log.info(verdict.sentence)
    return verdict.status
  },
  tell: (_, summary, outcome) => told(summary, outcome),
}

async function makePage(
  inputs: SummarizeInputs,
  needs: Needs,
  verdict: Verdict,
  summary: Summary,
  runtime: Runtime,
): Promise<void> {
  const { log, output, environment } = runtime
  const environmentUrl = deployedAt(inputs, needs)
  await output('environment-url', environmentUrl ?? '')
  if (inputs.token !== undefined) runtime.hide(inputs.token)
  const api = inputs.token === undefined ? undefined : await gitHubApi(inputs.token)
  const rest = await gathered(inputs, needs, api, runtime)
  const title = inputs.title ?? rest.facts.workflow ?? 'Summary'
  const contents: Contents = { ...rest, verdict, title, environmentUrl }
  summary.page = page(contents, PAGE_BYTES)
  log.outside('note', contents.notes)
  log.outside('skipped report', contents.reports.problems)
  const file = join(environment.temp, `summary-${randomUUID()}.md`)
  await writeFile(file, `${summary.page}\n`)
  await output('markdown', file)
  if (inputs.pullRequestComment) await comment(contents, api, runtime)
}

/** Never fails the step: what happened is on the page. */
async function comment(contents: Contents, api: GitHubApi | undefined, runtime: Runtime): Promise<void> {
  const { log, signal, environment } = runtime
  const [owner, repository] = (environment.repository ?? '').split('/')
  const { pullRequest, workflow = '' } = contents.facts
  if (pullRequest === undefined) return log.info('No comment: the run is not for a pull request.')
  const without = 'The pull request has no comment of this run'
  if (api === undefined || owner === undefined || repository === undefined)
    return log.notice(without, 'There is no github-token.')
  const place = { owner, repository, pullRequest, workflow, title: contents.title }
  try {
    const done = await writeComment(api, place, page(contents, COMMENT_BYTES), signal)
    log.info(`The comment in pull request ${pullRequest} was ${done}.`)
  } catch (error) {
    signal.throwIfAborted()
    const advice = 'The job needs `permissions: pull-requests: write`; runs for pull requests from forks never have it.'
    log.notice(without, `GitHub's API said: ${refusalText(error)}. ${advice}`)
  }
}
