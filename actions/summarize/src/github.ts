import { setTimeout as sleep } from 'node:timers/promises'
import type { getOctokit } from '@actions/github'
import { asFailure } from '@aws-deploy-actions/action-runtime'

export type GitHubApi = ReturnType<typeof getOctokit>

/** The page is made without the answer rather than late. */
const TRIES = 3
const REQUEST_MS = 10_000

/** GitHub's API at GITHUB_API_URL. Loaded when first needed. */
export async function gitHubApi(token: string): Promise<GitHubApi> {
  const { getOctokit } = await import('@actions/github')
  return getOctokit(token, { log: SILENT })
}

const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/** The signal for one request: over after a while, or when the step is cancelled. */
export function requestSignal(cancel: AbortSignal): { readonly signal: AbortSignal } {
  return { signal: AbortSignal.any([cancel, AbortSignal.timeout(REQUEST_MS)]) }
}

/** Asks up to three times: again after 5xx, 429 and lost connections. @throws what the last try threw */
export async function askedAgain<Answer>(ask: () => Promise<Answer>, cancel: AbortSignal): Promise<Answer> {
  for (let tried = 1; ; tried++) {
    try {
      return await ask()
    } catch (error) {
      cancel.throwIfAborted()
      if (tried === TRIES || !isTransient(statusOf(error))) throw error
      await sleep(500 * tried * (1 + Math.random()), undefined, { signal: cancel })
    }
  }
}

/** The HTTP status of GitHub's refusal; undefined when there was no answer. */
export function statusOf(error: unknown): number | undefined {
  const status: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'status') : undefined
  return typeof status === 'number' ? status : undefined
}

/** Why GitHub's API gave no answer, in its own words. */
export function refusalText(error: unknown): string {
  const status = statusOf(error)
  const said = asFailure(error)
    .message.replace(/^(?:HttpError|Error): /, '')
    .replace(/ - https?:\/\/\S+$/, '')
  return status === undefined ? said : `${said} (HTTP ${status})`
}

// @octokit/request turns a failed connection into a RequestError with status 500, and passes on an AbortError as it is.
function isTransient(status: number | undefined): boolean {
  return status === undefined || status === 429 || status >= 500
}
