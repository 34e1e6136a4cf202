import { randomBytes } from 'node:crypto'
import { runJob } from '../job/run-job.ts'
import type { Conclusion } from '../results.ts'
import { evaluated, evaluatedText, type Scope } from '../syntax/evaluate.ts'
import { isMap, isTruthy, textOf, type ValueMap } from '../syntax/values.ts'
import { fieldOf, type JobDefinition } from '../syntax/workflow-file.ts'
import { calledInputs, calledOutputs, calledSecrets } from './call.ts'
import { noteConcurrency } from './concurrency.ts'
import { jobPermissions } from './permissions.ts'
import { problem, recordJob } from './record-job.ts'
import { runWorkflow } from './run-workflow.ts'
import { type NodeOutcome, together, type WorkflowCall, workflowScope } from './workflow-run.ts'

/** One job, or one of the jobs that a matrix makes. */
export interface Leg {
  readonly call: WorkflowCall
  readonly job: JobDefinition
  /** of its result */
  readonly key: string
  /** after the name: ` (20, linux)` */
  readonly suffix: string
  /** needs, matrix, strategy */
  readonly contexts: ValueMap
  /** the job's `if`, asked again when the run is cancelled */
  readonly wanted: () => boolean
  /** another leg failed */
  readonly abandoned: AbortSignal
}

/** Puts how it ended into the results. */
type RecordEnd = ReturnType<typeof recordJob>

/** Never throws: what goes wrong before the first step fails the job. */
export async function runLeg(leg: Leg): Promise<NodeOutcome> {
  const { call, job, key, suffix, contexts } = leg
  const scope = workflowScope(call, contexts)
  const began = performance.now()
  let name = `${call.label}${job.id}${suffix}`
  let record: RecordEnd = recordJob(call, job, { key, name, began })
  const cancel = cancelOf(leg)
  try {
    name = `${call.label}${legName(job, suffix, scope)}`
    record = recordJob(call, job, { key, name, began })
    if (cancel.signal.aborted) return record('cancelled')
    call.run.settings.onProgress({ kind: 'job-began', job: key, name })
    noteConcurrency(call, fieldOf(job.fields, 'concurrency'), scope)
    return job.called === undefined
      ? await ownJob(leg, key, name, scope, cancel.signal, record)
      : await calledWorkflow(leg, key, name, scope, record)
  } catch (error) {
    return record('failure', { annotations: [problem(error)] })
  } finally {
    cancel.release()
    call.run.running.delete(key)
  }
}

/** A name without an expression gets the values of the matrix (github/docs, workflow syntax: jobs.<job_id>.name). */
function legName(job: JobDefinition, suffix: string, scope: Scope): string {
  const name = job.fields.find('name')
  if (name === undefined) return `${job.id}${suffix}`
  const text = evaluatedText(name, scope)
  return name.isExpression ? text : `${text}${suffix}`
}

/**
 * When the run is cancelled, a job whose `if` still holds goes on (github/docs, workflow cancellation). A leg that is
 * abandoned ends in any case.
 */
function cancelOf({ call, wanted, abandoned }: Leg): { signal: AbortSignal; release(): void } {
  const controller = new AbortController()
  const reconsider = (): void => {
    if (!wanted()) controller.abort()
  }
  const abort = (): void => controller.abort()
  const { cancelled } = call.run
  cancelled.addEventListener('abort', reconsider)
  abandoned.addEventListener('abort', abort)
  if (cancelled.aborted) reconsider()
  if (abandoned.aborted) abort()
  return {
    signal: controller.signal,
    release: () => {
      cancelled.removeEventListener('abort', reconsider)
      abandoned.removeEventListener('abort', abort)
    },
  }
}

async function ownJob(
  { call, job, contexts }: Leg,
  key: string,
  name: string,
  scope: Scope,
  cancel: AbortSignal,
  record: RecordEnd,
): Promise<NodeOutcome> {
  const { run, workflow } = call
  const environment = environmentOf(job, scope)
  const permissions = jobPermissions(workflow, job, call.allowed)
  if (environment !== '' && !(await approved(call, environment, key, cancel)))
    return record(cancel.aborted ? 'cancelled' : 'failure', {
      permissions,
      environment: { name: environment, url: undefined },
      annotations: cancel.aborted ? [] : [problem(`The deployment to ${environment} was rejected.`)],
    })
  const own = environment === '' ? {} : (run.environments[environment] ?? {})
  if (!call.ofEnvironments && own.secrets !== undefined)
    run.settings.note(
      `${key}: the secrets of environment ${environment} are empty, its workflow is called without \`secrets: inherit\``,
    )
  const token = `ghs_${randomBytes(18).toString('hex')}`
  run.settings.grant(token, permissions)
  run.running.set(key, { key, name, began: performance.now() - run.began })
  const outcome = await runJob({
    key,
    name,
    definition: job,
    workflow,
    settings: run.settings,
    contexts: {
      ...contexts,
      github: { ...call.github, token },
      inputs: call.inputs,
      vars: { ...run.vars, ...own.vars },
      secrets: { ...call.secrets, ...(call.ofEnvironments ? own.secrets : {}), GITHUB_TOKEN: token },
    },
    permissions,
    cancel,
  })
  const { status: conclusion, environmentUrl, ...rest } = outcome
  const mayFail = conclusion === 'failure' && isTruthy(evaluated(job.fields.find('continue-on-error'), scope))
  return record(mayFail ? 'success' : conclusion, {
    ...rest,
    conclusion,
    permissions,
    environment: environment === '' ? undefined : { name: environment, url: environmentUrl },
  })
}

async function calledWorkflow(
  { call, job, abandoned }: Leg,
  key: string,
  label: string,
  scope: Scope,
  record: RecordEnd,
): Promise<NodeOutcome> {
  const { called } = job
  if (called === undefined) throw new Error(`${key} calls no workflow`)
  const withSecrets: Scope = { contexts: { ...scope.contexts, secrets: { ...call.secrets } } }
  const inner: WorkflowCall = {
    ...call,
    ...calledSecrets(job, call, withSecrets),
    workflow: called,
    prefix: `${key} / `,
    label: `${label} / `,
    inputs: calledInputs(called, job, scope, workflowScope(call)),
    allowed: jobPermissions(call.workflow, job, call.allowed),
    abandoned,
  }
  const outcomes = await runWorkflow(inner)
  const jobs = Object.fromEntries(
    [...outcomes].map(([id, { result, outputs }]) => [id, { result, outputs: { ...outputs } }]),
  )
  const result: Conclusion = together([...outcomes.values()].map(outcome => outcome.result))
  return record(result, {
    outputs: calledOutputs(called, workflowScope(inner, { jobs })),
    parts: [...outcomes.keys()].map(id => `${inner.prefix}${id}`),
  })
}

/** Nobody is asked when the run is cancelled meanwhile. */
async function approved(call: WorkflowCall, environment: string, key: string, cancel: AbortSignal): Promise<boolean> {
  call.run.settings.onProgress({ kind: 'job-waits', job: key, reason: `approval for ${environment}` })
  const cancelled = new Promise<false>(settle => {
    if (cancel.aborted) settle(false)
    cancel.addEventListener('abort', () => settle(false), { once: true })
  })
  return Promise.race([call.run.approve(environment, key), cancelled])
}

/** `url` may use what only the steps know; it is evaluated after them. */
function environmentOf({ fields }: JobDefinition, scope: Scope): string {
  const token = fields.find('environment')
  const value = evaluated(fieldOf(token, 'name') ?? token, scope)
  return isMap(value) ? textOf(value['name'] ?? '') : textOf(value)
}
