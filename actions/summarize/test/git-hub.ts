import { createServer, type IncomingMessage } from 'node:http'
import { listening } from '../../../test/support/servers.ts'

/** A comment of a pull request, as far as it matters here. */
export interface Comment {
  readonly id: number
  body: string
  readonly user: { readonly login: string; readonly type: string }
}

/** One request that reached the server. */
export interface Asked {
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly token: string
}

/** GitHub's API for one run of acme/shop, on a port of this machine. */
export interface GitHub {
  readonly url: string
  readonly asked: Asked[]
  readonly comments: Comment[]
  close(): Promise<void>
}

export interface GitHubOptions {
  readonly jobs?: readonly object[]
  /** the review history of the run's deployments */
  readonly reviews?: readonly object[]
  readonly comments?: Comment[]
  /** login of a personal token; without one `GET /user` is refused, as for workflow tokens */
  readonly login?: string
  readonly attemptStart?: string
  /** an answer instead of the usual one, e.g. a refusal; called for every request */
  readonly instead?: (asked: Asked, before: number) => { status: number; message: string } | 'reset' | undefined
}

/** Answers as docs.github.com/rest says: paging by `per_page` and `page`, refusals with `message`. */
export async function startGitHub(options: GitHubOptions = {}): Promise<GitHub> {
  const { jobs = [], reviews = [], login, attemptStart } = options
  const comments = options.comments ?? []
  const asked: Asked[] = []
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '', 'http://server')
    const query = Object.fromEntries(url.searchParams)
    const token = (request.headers.authorization ?? '').replace(/^token /, '')
    const now = { method: request.method ?? '', path: url.pathname, query, token }
    asked.push(now)
    const answer = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }
    const body = await bodyOf(request)
    const instead = options.instead?.(now, asked.length - 1)
    if (instead === 'reset') return void request.socket.destroy()
    if (instead !== undefined) return answer(instead.status, { message: instead.message })
    const page = <Entry>(entries: readonly Entry[]): Entry[] => {
      const size = Number(query['per_page'] ?? 30)
      const from = (Number(query['page'] ?? 1) - 1) * size
      return entries.slice(from, from + size)
    }
    const route = `${now.method} ${now.path}`
    if (/^GET \/repos\/acme\/shop\/actions\/runs\/\d+\/attempts\/\d+\/jobs$/.test(route))
      return answer(200, { total_count: jobs.length, jobs: page(jobs) })
    if (/^GET \/repos\/acme\/shop\/actions\/runs\/\d+\/attempts\/\d+$/.test(route))
      return answer(200, { run_started_at: attemptStart ?? at(0) })
    if (route === 'GET /repos/acme/shop/actions/runs/4711/approvals') return answer(200, reviews)
    if (route === 'GET /repos/acme/shop/issues/7/comments') return answer(200, page(comments))
    if (route === 'POST /repos/acme/shop/issues/7/comments') {
      const user = { login: login ?? 'github-actions[bot]', type: login === undefined ? 'Bot' : 'User' }
      comments.push({ id: comments.length + 1, body: textIn(body), user })
      return answer(201, comments.at(-1))
    }
    const edited = /^PATCH \/repos\/acme\/shop\/issues\/comments\/(\d+)$/.exec(route)?.[1]
    const comment = comments.find(({ id }) => String(id) === edited)
    if (comment !== undefined) {
      comment.body = textIn(body)
      return answer(200, comment)
    }
    if (route === 'GET /user' && login !== undefined) return answer(200, { login, type: 'User' })
    if (route === 'GET /user') return answer(403, { message: 'Resource not accessible by integration' })
    return answer(404, { message: 'Not Found' })
  })
  const { port, close } = await listening(server)
  return { url: `http://127.0.0.1:${port}`, asked, comments, close }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Uint8Array[] = []
  for await (const chunk of request) if (chunk instanceof Uint8Array) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString()
  return text === '' ? undefined : JSON.parse(text)
}

function textIn(body: unknown): string {
  const text: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, 'body') : undefined
  return typeof text === 'string' ? text : ''
}

// The run is still going on when the summary is made.
const START = Math.floor(Date.now() / 1000) * 1000 - 510_000

/** A time of the run as the API tells it, in seconds after its start. */
export function at(seconds: number): string {
  return new Date(START + seconds * 1000).toISOString().replace('.000Z', 'Z')
}

/** A job as the API tells it; times are seconds after the start of the run. */
export function apiJob(
  name: string,
  from: number,
  to: number,
  { conclusion = 'success', waited = 2, step }: { conclusion?: string; waited?: number; step?: string } = {},
): object {
  return {
    id: from * 1000 + to,
    name,
    status: 'completed',
    conclusion,
    created_at: at(from - waited),
    started_at: at(from),
    completed_at: at(to),
    html_url: `https://github.com/acme/shop/actions/runs/4711/job/${from}${to}`,
    runner_name: 'GitHub Actions 1',
    steps: step === undefined ? [] : [{ name: step, status: 'completed', conclusion: 'failure', number: 3 }],
  }
}
