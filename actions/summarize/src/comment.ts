import { createHash } from 'node:crypto'
import { askedAgain, type GitHubApi, requestSignal } from './github.ts'

/** GitHub takes at most 65,536 characters in a comment. */
export const COMMENT_BYTES = 65_000

/** Which comment: of one pull request, one for each workflow and title. */
export interface CommentPlace {
  readonly owner: string
  readonly repository: string
  readonly pullRequest: number
  readonly workflow: string
  readonly title: string
}

/**
 * Writes the page as a comment, over the one of an earlier run where there is one.
 * Source: GitHub REST API, "Issue comments"; needs `pull-requests: write`.
 */
export async function writeComment(
  api: GitHubApi,
  place: CommentPlace,
  page: string,
  cancel: AbortSignal,
): Promise<'created' | 'updated'> {
  const { owner, repository: repo, pullRequest } = place
  const marker = markerOf(place)
  const body = `${marker}\n${page}`
  // The search is part of every try: a comment whose answer was lost is found, not written twice.
  return askedAgain(async () => {
    const known = await ownComment(api, place, marker, cancel)
    const request = requestSignal(cancel)
    if (known === undefined) {
      await api.rest.issues.createComment({ owner, repo, issue_number: pullRequest, body, request })
      return 'created'
    }
    await api.rest.issues.updateComment({ owner, repo, comment_id: known, body, request })
    return 'updated'
  }, cancel)
}

/** Invisible on the page; a hash, so that no name can end the HTML comment. */
export function markerOf({ workflow, title }: Pick<CommentPlace, 'workflow' | 'title'>): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([workflow, title]))
    .digest('hex')
    .slice(0, 16)
  return `<!-- aws-deploy-actions summarize ${hash} -->`
}

async function ownComment(
  api: GitHubApi,
  { owner, repository: repo, pullRequest }: CommentPlace,
  marker: string,
  cancel: AbortSignal,
): Promise<number | undefined> {
  for (let page = 1; ; page++) {
    const { data } = await api.rest.issues.listComments({
      owner,
      repo,
      issue_number: pullRequest,
      per_page: 100,
      page,
      request: requestSignal(cancel),
    })
    for (const { id, body, user } of data) {
      if (body?.startsWith(marker) === true && user !== null && (await isOurs(api, user, cancel))) return id
    }
    if (data.length < 100) return undefined
  }
}

// Anybody can write a comment that begins with the marker, and a token that may write comments may change those of
// others. Workflow tokens and apps write as bots, and cannot ask who they are; a personal token can.
async function isOurs(
  api: GitHubApi,
  author: { readonly type: string; readonly login: string },
  cancel: AbortSignal,
): Promise<boolean> {
  if (author.type === 'Bot') return true
  try {
    const { data } = await api.rest.users.getAuthenticated({ request: requestSignal(cancel) })
    return data.login === author.login
  } catch {
    cancel.throwIfAborted()
    return false
  }
}
