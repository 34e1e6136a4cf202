import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, isAbsolute, join, relative, resolve } from 'node:path'
import { GITHUB_TIMING, type Timing } from './job/timing.ts'
import { TOOLKIT } from './places.ts'
import type { Rehearsal } from './results.ts'
import { dispatchInputs } from './run/dispatch-inputs.ts'
import { eventPayload, githubContext, type RunIdentity } from './run/github-context.ts'
import { type Permissions, permissionProblems, RESTRICTED } from './run/permissions.ts'
import type { Repositories } from './run/repository.ts'
import { runWorkflow } from './run/run-workflow.ts'
import type { Progress } from './run/settings.ts'
import { git, takeSnapshot } from './run/snapshot.ts'
import { EVENTS, type EventName, eventsOf, whyNotTriggered } from './run/trigger.ts'
import { type EnvironmentSettings, type Run, together } from './run/workflow-run.ts'
import { startGitHubApi } from './stand-ins/github-api.ts'
import type { StandIn } from './stand-ins/stand-in.ts'
import { STAND_INS } from './stand-ins/table.ts'
import { evaluated } from './syntax/evaluate.ts'
import { asValue, mapOf, textOf, type ValueMap } from './syntax/values.ts'
import { InvalidWorkflow, readWorkflow, type WorkflowDefinition } from './syntax/workflow-file.ts'

export interface RehearseOptions {
  /** folder of the repository; what is not committed counts */
  readonly repository: string
  /** path of the workflow file, in the repository or absolute */
  readonly workflow: string
  /** default: the first of workflow_dispatch, push, pull_request that the workflow has */
  readonly event?: EventName
  /** of workflow_dispatch, as texts */
  readonly inputs?: Readonly<Record<string, string>>
  /** put into the payload of the event */
  readonly payload?: Readonly<Record<string, unknown>>
  /** paths that a push changed, for `paths` filters; without it they count as matching */
  readonly changed?: readonly string[]
  readonly secrets?: Readonly<Record<string, string>>
  readonly vars?: Readonly<Record<string, string>>
  /** secrets and variables of environments */
  readonly environments?: Readonly<Record<string, EnvironmentSettings>>
  /** asked before a job with an environment; default: yes */
  readonly approve?: (environment: string, job: string) => boolean | Promise<boolean>
  /** for every step, e.g. where the local AWS is */
  readonly environment?: Readonly<Record<string, string>>
  /** folders that go before the machine's PATH */
  readonly path?: readonly string[]
  /** what configure-aws-credentials hands out */
  readonly credentials?: Readonly<Record<string, string>>
  /** `owner/name` and `refs/heads/…`, actor and numbers of the run */
  readonly identity?: Partial<Omit<RunIdentity, 'sha'>>
  /** `owner/name`, or `name` for any owner → folder; this repository is known */
  readonly repositories?: Readonly<Record<string, string>>
  /** bare repositories that get the commit of the run, as GitHub has it: for hosts that fetch it */
  readonly origins?: readonly string[]
  /** of GITHUB_TOKEN where the workflow says nothing; default: the restricted setting */
  readonly permissions?: Permissions
  readonly standIns?: ReadonlyMap<string, StandIn>
  readonly timing?: Partial<Timing>
  readonly onProgress?: (event: Progress) => void
  /** cancels the run, as the button does */
  readonly cancel?: AbortSignal
  /** ends everything at once */
  readonly kill?: AbortSignal
}

/**
 * Runs a workflow file as GitHub would, on this machine.
 * @throws Error for what no run would say: a folder that is not there, inputs that the menu would refuse
 */
export async function rehearse(options: RehearseOptions): Promise<Rehearsal> {
  const began = performance.now()
  const source = await realpath(options.repository)
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'rehearsal-')))
  try {
    return await inFolder(options, source, folder, began)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function inFolder(options: RehearseOptions, source: string, folder: string, began: number): Promise<Rehearsal> {
  const notes = new Set<string>()
  const note = (text: string): void => void notes.add(text)
  const path = relative(
    source,
    isAbsolute(options.workflow) ? await realpath(options.workflow) : resolve(source, options.workflow),
  )
  const name = options.identity?.repository ?? `octo-org/${basename(source)}`
  const ref = options.identity?.ref ?? 'refs/heads/main'
  const branch = ref.startsWith('refs/heads/') ? ref.slice('refs/heads/'.length) : 'main'
  const snapshot = await takeSnapshot(source, join(folder, 'repository'), branch)
  for (const origin of options.origins ?? [])
    await git(snapshot.folder, 'push', '--quiet', '--force', '--tags', origin, `HEAD:refs/heads/${branch}`)
  note(`${name} is ${snapshot.how}`)
  const id: RunIdentity = {
    repository: name,
    ref,
    sha: snapshot.sha,
    actor: 'octocat',
    runId: '1',
    runNumber: '1',
    runAttempt: '1',
    headRef: 'feature',
    baseRef: 'main',
    pullRequest: 1,
    ...options.identity,
  }
  const repositories: Repositories = {
    own: { name, root: snapshot.folder, ref, sha: snapshot.sha },
    others: { 'aws-deploy-actions': TOOLKIT, ...options.repositories },
  }
  const answer = (status: Rehearsal['status'], more: Partial<Rehearsal> = {}): Rehearsal => ({
    status,
    problems: [],
    title: path,
    workflow: path,
    event: options.event ?? '',
    jobs: {},
    comments: [],
    notes: [...notes],
    took: performance.now() - began,
    ...more,
  })

  let workflow: WorkflowDefinition
  const allowed = options.permissions ?? RESTRICTED
  try {
    workflow = await readWorkflow(repositories.own, path, repositories)
    const problems = permissionProblems(workflow, allowed)
    if (problems.length > 0) throw new InvalidWorkflow(problems)
  } catch (error) {
    if (error instanceof InvalidWorkflow) return answer('startup_failure', { problems: error.problems })
    throw error
  }
  const events = eventsOf(workflow)
  const event = options.event ?? (['workflow_dispatch', 'push', 'pull_request'] as const).find(one => one in events)
  if (event === undefined)
    return answer('not-triggered', { problems: [`${path} has none of the events ${EVENTS.join(', ')}`] })
  const { typed, texts } =
    event === 'workflow_dispatch'
      ? dispatchInputs(mapOf(events['workflow_dispatch'])['inputs'], options.inputs ?? {})
      : { typed: {}, texts: {} }
  const payload = { ...eventPayload(event, id, texts), ...mapOf(asValue(options.payload ?? {})) }
  const action = textOf(payload['action'] ?? '')
  const filtered = event === 'pull_request' ? `refs/heads/${id.baseRef}` : ref
  const reason = whyNotTriggered(workflow, event, { ref: filtered, changed: options.changed, action })
  if (reason !== undefined) return answer('not-triggered', { event, problems: [reason] })

  return started(options, {
    workflow,
    id,
    repositories,
    event,
    payload,
    typed,
    folder,
    began,
    note,
    notes,
    allowed,
    answer,
  })
}

interface Start {
  readonly workflow: WorkflowDefinition
  readonly id: RunIdentity
  readonly repositories: Repositories
  readonly event: EventName
  readonly payload: ValueMap
  readonly typed: ValueMap
  readonly folder: string
  readonly began: number
  readonly note: (text: string) => void
  readonly notes: ReadonlySet<string>
  readonly allowed: Permissions
  readonly answer: (status: Rehearsal['status'], more: Partial<Rehearsal>) => Rehearsal
}

async function started(options: RehearseOptions, start: Start): Promise<Rehearsal> {
  const { workflow, id, event, payload, typed } = start
  const timing = { ...GITHUB_TIMING, ...options.timing }
  const kill = new AbortController()
  const cancelled = options.cancel ?? new AbortController().signal
  let timer: NodeJS.Timeout | undefined
  cancelled.addEventListener('abort', () => {
    timer = setTimeout(() => kill.abort(), timing.cancelled)
  })
  options.kill?.addEventListener('abort', () => kill.abort())
  const results: Run['results'] = new Map()
  const running: Run['running'] = new Map()
  const api = await startGitHubApi({
    repository: id.repository,
    runId: id.runId,
    began: performance.timeOrigin + start.began,
    jobs: () => results.values(),
    running: () => running.values(),
  })
  const run: Run = {
    settings: {
      repositories: start.repositories,
      folder: start.folder,
      environment: options.environment ?? {},
      path: options.path ?? [],
      credentials: options.credentials ?? {},
      standIns: options.standIns ?? STAND_INS,
      timing,
      onProgress: options.onProgress ?? (() => {}),
      note: start.note,
      grant: api.grant,
      kill: kill.signal,
    },
    vars: options.vars ?? {},
    environments: options.environments ?? {},
    approve: async (environment, job) => options.approve?.(environment, job) ?? true,
    cancelled,
    began: start.began,
    results,
    running,
  }
  const github = githubContext(workflow, event, id, payload, api.url)
  const outcomes = await runWorkflow({
    run,
    workflow,
    prefix: '',
    label: '',
    github,
    inputs: typed,
    allowed: start.allowed,
    abandoned: new AbortController().signal,
    secrets: options.secrets ?? {},
    ofEnvironments: true,
  }).finally(api.stop)
  clearTimeout(timer)
  const title = evaluated(workflow.root.find('run-name'), {
    contexts: { github, inputs: typed, vars: { ...options.vars } },
  })
  const result = together([...outcomes.values()].map(outcome => outcome.result))
  return start.answer(cancelled.aborted && result !== 'failure' ? 'cancelled' : result, {
    event,
    title: title === null ? textOf(github['workflow'] ?? '') : textOf(title),
    jobs: Object.fromEntries(run.results),
    comments: api.comments(),
    notes: [...start.notes],
  })
}
