import { readFile } from 'node:fs/promises'
import type { RunnerEnvironment } from '@aws-deploy-actions/action-runtime'
import { legible } from './legible.ts'

/** What the page says about the run. Texts come from outside, legible. */
export interface RunFacts {
  readonly workflow: string | undefined
  readonly ref: string | undefined
  readonly sha: string | undefined
  /** first line of the commit's message, or the pull request's title */
  readonly subject: string | undefined
  readonly actor: string | undefined
  readonly number: string | undefined
  readonly attempt: string | undefined
  /** addresses on GitHub; undefined where GitHub's own variables have not their usual form */
  readonly runUrl: string | undefined
  readonly commitUrl: string | undefined
  readonly pullRequest: number | undefined
}

export async function runFacts(environment: RunnerEnvironment): Promise<RunFacts> {
  const { variables, headRef, sha, actor, runNumber, runAttempt } = environment
  const event = await eventOf(variables['GITHUB_EVENT_PATH'])
  const pullRequest = member(event, 'pull_request')
  const number = member(pullRequest, 'number')
  // GITHUB_SHA of a pull request is a merge that nobody wrote.
  const head = member(member(pullRequest, 'head'), 'sha')
  const commit = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.exec(typeof head === 'string' ? head : (sha ?? ''))?.[0]
  // Branch and message of the event are those of the run's commit.
  const isOther = sha !== (variables['GITHUB_SHA'] || undefined)
  const title = member(pullRequest, 'title') ?? (isOther ? undefined : member(member(event, 'head_commit'), 'message'))
  const address = repositoryUrl(environment)
  const id = /^\d+$/.exec(environment.runId ?? '')?.[0]
  const attempt = /^\d+$/.exec(runAttempt ?? '')?.[0]
  const shown = (text: string | undefined): string | undefined => (text === undefined ? undefined : legible(text))
  return {
    workflow: shown(variables['GITHUB_WORKFLOW'] || undefined),
    ref: shown(headRef ?? (isOther ? undefined : (variables['GITHUB_REF_NAME'] ?? environment.ref))),
    sha: commit ?? shown(sha),
    subject: typeof title === 'string' ? legible(title.trim().split('\n')[0] ?? '') : undefined,
    actor: shown(actor),
    number: shown(runNumber),
    attempt: shown(runAttempt),
    runUrl:
      address === undefined || id === undefined
        ? undefined
        : `${address}/actions/runs/${id}${attempt === undefined ? '' : `/attempts/${attempt}`}`,
    commitUrl: address === undefined || commit === undefined ? undefined : `${address}/commit/${commit}`,
    pullRequest: typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined,
  }
}

/** `OWNER/NAME` in its two parts; undefined when it has another form. */
export function ownerAndName(repository: string | undefined): { owner: string; name: string } | undefined {
  const match = /^([\w.-]+)\/([\w.-]+)$/.exec(repository ?? '')
  return match === null ? undefined : { owner: match[1] ?? '', name: match[2] ?? '' }
}

function repositoryUrl({ serverUrl, repository }: RunnerEnvironment): string | undefined {
  if (ownerAndName(repository) === undefined || !/^https?:\/\/[\w.:-]+$/.test(serverUrl ?? '')) return undefined
  return `${serverUrl}/${repository}`
}

async function eventOf(path: string | undefined): Promise<unknown> {
  if (path === undefined || path === '') return undefined
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch {
    // No event is no more than a page without the commit's message.
    return undefined
  }
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
