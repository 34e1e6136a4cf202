import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { JobResult } from '../results.ts'
import type { RunSettings } from '../run/settings.ts'
import { evaluated, evaluatedTexts, type Scope } from '../syntax/evaluate.ts'
import { mapOf, textsOf, type ValueMap } from '../syntax/values.ts'
import { fieldOf, type JobDefinition, type WorkflowDefinition } from '../syntax/workflow-file.ts'
import { type CompletedJob, completeJob } from './complete-job.ts'
import type { Frame, JobState } from './job-state.ts'
import { createMasks } from './masks.ts'
import { eventPath } from './process-environment.ts'
import { runSteps } from './run-step.ts'
import { startServices } from './services.ts'
import { runPreSteps, setUpJob } from './set-up-job.ts'
import { minuteOf } from './timing.ts'

export interface JobRequest {
  readonly key: string
  readonly name: string
  readonly definition: JobDefinition
  readonly workflow: WorkflowDefinition
  readonly settings: RunSettings
  /** github, inputs, vars, needs, strategy, matrix, secrets */
  readonly contexts: ValueMap
  readonly permissions: Readonly<Record<string, string>>
  /** ends the job: the run was cancelled, or another leg of its matrix failed */
  readonly cancel: AbortSignal
}

/** What a job left; how it counts is for those who know the others. */
export type JobOutcome = Pick<JobResult, 'steps' | 'log' | 'summary' | 'annotations' | 'took'> & {
  readonly status: JobState['status']
} & CompletedJob

/** Of more steps GitHub shows no summary (github/docs, workflow commands: step isolation and limits). */
const MOST_SUMMARIES = 20

/** The part of GitHub's runner: a fresh workspace, the steps, `post` in reverse, the outputs. */
export async function runJob(request: JobRequest): Promise<JobOutcome> {
  const { settings, definition, contexts } = request
  const began = performance.now()
  const folder = await mkdtemp(join(settings.folder, 'job-'))
  const repository = basename(settings.repositories.own.name)
  const folders = {
    workspace: join(folder, 'work', repository, repository),
    temp: join(folder, 'temp'),
    toolCache: join(folder, 'tools'),
  }
  for (const path of [...Object.values(folders), dirname(eventPath(folders.temp))])
    await mkdir(path, { recursive: true })
  const github = {
    ...mapOf(contexts['github']),
    job: definition.id,
    workspace: folders.workspace,
    event_path: eventPath(folders.temp),
  }
  await writeFile(github.event_path, JSON.stringify(mapOf(contexts['github'])['event'] ?? {}, null, 2))

  const cancel = new AbortController()
  const job: JobState = {
    key: request.key,
    settings,
    workflow: request.workflow,
    contexts: { ...contexts, github },
    permissions: request.permissions,
    folders,
    masks: createMasks(Object.values(textsOf(contexts['secrets']))),
    environment: new Map(),
    path: [],
    defaults: {},
    trackingId: `github_${randomUUID()}`,
    services: {},
    status: 'success',
    cancelled: cancel.signal,
    posts: [],
    actionStates: new WeakMap(),
    registered: new WeakSet(),
    results: [],
  }
  cancel.signal.addEventListener('abort', () => {
    job.status = 'cancelled'
  })
  const stop = (): void => cancel.abort()
  request.cancel.addEventListener('abort', stop, { once: true })
  if (request.cancel.aborted) stop()

  const frame = rootFrame(job)
  let timer: NodeJS.Timeout | undefined
  let minutes = 0
  let ended: CompletedJob = { outputs: {}, environmentUrl: undefined }
  const services = { stop: async (): Promise<void> => {} }
  try {
    const ready = await setUpJob(job, frame, definition, () => {
      const scope: Scope = { contexts: job.contexts }
      // 360 minutes where nothing is said (github/docs, workflow syntax: timeout-minutes).
      minutes = Number(evaluated(fieldOf(definition.fields, 'timeout-minutes'), scope) ?? 360)
      // Node's timers end at 2^31 - 1 ms.
      timer = setTimeout(() => stop(), Math.min(minutes * minuteOf(settings.timing, request.key), 2 ** 31 - 1))
      Object.assign(job.defaults, runDefaults(request.workflow, scope), jobDefaults(definition, scope))
      const { needs: _, strategy: __, matrix: ___, ...forWorkflow } = job.contexts
      const above = evaluatedTexts(request.workflow.root.find('env'), { contexts: forWorkflow })
      for (const [name, value] of Object.entries({
        ...above,
        ...evaluatedTexts(fieldOf(definition.fields, 'env'), scope),
      }))
        job.environment.set(name, value)
    })
    if (ready) {
      const started = await startServices(job, definition)
      services.stop = started.stop
      if (job.status !== 'failure') await runPreSteps(job, frame, definition)
      await runSteps(job, frame, definition.steps)
    }
    for (let post = job.posts.pop(); post !== undefined; post = job.posts.pop()) await post()
    clearTimeout(timer)
    if (ready) ended = await completeJob(job, frame, definition)
  } finally {
    clearTimeout(timer)
    request.cancel.removeEventListener('abort', stop)
    await services.stop()
    await rm(folder, { recursive: true, force: true })
  }
  const timedOut = job.status === 'cancelled' && !request.cancel.aborted
  const message = `The job has exceeded the maximum execution time of ${minutes}m0s`
  return {
    status: job.status,
    steps: job.results,
    log: job.results.flatMap(({ log }) => log).join('\n'),
    summary: job.results
      .map(({ summary }) => summary)
      .filter(summary => summary !== '')
      .slice(0, MOST_SUMMARIES)
      .join('\n'),
    annotations: [
      ...job.results.flatMap(({ annotations }) => annotations),
      ...(timedOut ? [{ level: 'error' as const, title: '', message }] : []),
    ],
    took: performance.now() - began,
    ...ended,
  }
}

function rootFrame(job: JobState): Frame {
  return {
    steps: new Map(),
    inputs: mapOf(job.contexts['inputs']),
    github: {},
    environment: {},
    repository: job.workflow.repository,
    composite: false,
    status: () => job.status,
    fail: conclusion => {
      if (job.status !== 'cancelled') job.status = conclusion
    },
  }
}

function runDefaults({ root }: WorkflowDefinition, scope: Scope): Record<string, string> {
  return textsOf(evaluated(fieldOf(root, 'defaults', 'run'), scope))
}

function jobDefaults({ fields }: JobDefinition, scope: Scope): Record<string, string> {
  return textsOf(evaluated(fieldOf(fields, 'defaults', 'run'), scope))
}
