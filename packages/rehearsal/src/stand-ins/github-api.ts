import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { runnerName } from '../job/job-state.ts'
import type { JobResult } from '../results.ts'
import type { Permissions } from '../run/permissions.ts'
import type { RunningJob } from '../run/workflow-run.ts'
import { asValue, mapOf, type Value, type ValueMap } from '../syntax/values.ts'

/** GitHub's REST API as far as a delivery asks it, on loopback: nothing of a rehearsal reaches GitHub. */
export interface GitHubApi {
  /** GITHUB_API_URL */
  readonly url: string
  /** what a job's GITHUB_TOKEN may from now on */
  grant(token: string, permissions: Permissions): void
  /** texts of the pull request's comments, as they are now */
  comments(): string[]
  stop(): Promise<void>
}

/** The run that is asked about. */
export interface ApiSubject {
  readonly repository: string
  readonly runId: string
  /** milliseconds since the epoch at which the run began */
  readonly began: number
  readonly jobs: () => Iterable<JobResult>
  readonly running: () => Iterable<RunningJob>
}

interface Comment {
  readonly id: number
  readonly issue: string
  body: string
}

interface Answer {
  readonly status: number
  readonly body: Value
}

/**
 * Serves the jobs of the run (GitHub REST API, "List jobs for a workflow run attempt"), who has approved and rejected
 * ("Get the review history for a workflow run") and the comments of issues ("Issue comments"), to tokens of the run's jobs that have the permission.
 */
export async function startGitHubApi(subject: ApiSubject): Promise<GitHubApi> {
  const tokens = new Map<string, Permissions>()
  const comments: Comment[] = []
  const server = createServer((request, response) => {
    void answered(request, { subject, tokens, comments }).then(
      answer => reply(response, answer),
      () => reply(response, { status: 400, body: { message: 'Problems parsing JSON' } }),
    )
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no port for the API')
  return {
    url: `http://127.0.0.1:${address.port}`,
    grant: (token, permissions) => void tokens.set(token, permissions),
    comments: () => comments.map(({ body }) => body),
    stop: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

interface Held {
  readonly subject: ApiSubject
  readonly tokens: ReadonlyMap<string, Permissions>
  readonly comments: Comment[]
}

async function answered(request: IncomingMessage, { subject, tokens, comments }: Held): Promise<Answer> {
  const permissions = tokens.get(/^(?:token|bearer) (\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '')
  if (permissions === undefined) return { status: 401, body: { message: 'Bad credentials' } }
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://api')
  const page = pageOf(searchParams)
  const place = `/repos/${subject.repository}/`
  const path = pathname.startsWith(place) ? pathname.slice(place.length) : ''
  const method = request.method ?? 'GET'

  if (method === 'GET' && /^actions\/runs\/\d+(?:\/attempts\/\d+)?\/jobs$/.test(path)) {
    if (!may(permissions, 'read', 'actions')) return REFUSED
    const ended = [...subject.jobs()].filter(({ parts }) => parts.length === 0).map(job => jobOf(job, subject))
    const jobs = [...ended, ...[...subject.running()].map(job => runningJobOf(job, subject))]
    return { status: 200, body: { total_count: jobs.length, jobs: page(jobs) } }
  }
  if (method === 'GET' && /^actions\/runs\/\d+\/approvals$/.test(path)) {
    if (!may(permissions, 'read', 'actions')) return REFUSED
    return { status: 200, body: [...subject.jobs()].flatMap(reviewOf) }
  }
  const issue = /^issues\/(\d+)\/comments$/.exec(path)?.[1]
  if (issue !== undefined) {
    // Pull requests are issues: either permission will do.
    if (!may(permissions, method === 'GET' ? 'read' : 'write', 'pull-requests', 'issues')) return REFUSED
    if (method === 'GET')
      return { status: 200, body: page(comments.filter(comment => comment.issue === issue).map(shown)) }
    const comment = { id: comments.length + 1, issue, body: await bodyOf(request) }
    comments.push(comment)
    return { status: 201, body: shown(comment) }
  }
  const known = comments.find(({ id }) => path === `issues/comments/${id}`)
  if (method === 'PATCH' && known !== undefined) {
    if (!may(permissions, 'write', 'pull-requests', 'issues')) return REFUSED
    known.body = await bodyOf(request)
    return { status: 200, body: shown(known) }
  }
  return { status: 404, body: { message: 'Not Found' } }
}

const REFUSED: Answer = { status: 403, body: { message: 'Resource not accessible by integration' } }

function may(permissions: Permissions, level: 'read' | 'write', ...scopes: readonly string[]): boolean {
  return scopes.some(scope => permissions[scope] === 'write' || permissions[scope] === level)
}

function jobOf({ key, name, conclusion, began, took, steps }: JobResult, subject: ApiSubject): ValueMap {
  return {
    ...runningJobOf({ key, name, began }, subject),
    status: 'completed',
    conclusion,
    completed_at: timeOf(began + took, subject),
    steps: steps.map((step, index) => ({
      name: step.name,
      number: index + 1,
      status: 'completed',
      conclusion: step.conclusion,
    })),
  }
}

function runningJobOf({ key, name, began }: RunningJob, subject: ApiSubject): ValueMap {
  return {
    run_id: Number(subject.runId),
    name,
    status: 'in_progress',
    conclusion: null,
    created_at: timeOf(began, subject),
    started_at: timeOf(began, subject),
    completed_at: null,
    html_url: null,
    runner_name: runnerName(key),
  }
}

/** Everybody may approve here; what was refused has no step. */
function reviewOf({ environment, conclusion, steps }: JobResult): Value[] {
  if (environment === undefined || conclusion === 'skipped' || conclusion === 'cancelled') return []
  const state = conclusion === 'failure' && steps.length === 0 ? 'rejected' : 'approved'
  return [{ state, comment: '', environments: [{ name: environment.name }], user: { login: 'octocat' } }]
}

function timeOf(milliseconds: number, { began }: ApiSubject): string {
  return new Date(began + milliseconds).toISOString()
}

function shown({ id, body }: Comment): Value {
  return { id, body, user: { login: 'github-actions[bot]', type: 'Bot' } }
}

function pageOf(parameters: URLSearchParams): <T>(all: readonly T[]) => T[] {
  const size = Number(parameters.get('per_page') ?? 30)
  const from = (Number(parameters.get('page') ?? 1) - 1) * size
  return all => all.slice(from, from + size)
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(Buffer.from(chunk))
  const content: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
  return String(mapOf(asValue(content))['body'] ?? '')
}

function reply(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
  response.end(JSON.stringify(body))
}
