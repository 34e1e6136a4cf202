import { evaluated, isTrue } from '../syntax/evaluate.ts'
import { isTruthy, mapOf, type Value, type ValueMap } from '../syntax/values.ts'
import { fieldOf, type JobDefinition } from '../syntax/workflow-file.ts'
import { noteConcurrency } from './concurrency.ts'
import { type Leg, runLeg } from './leg.ts'
import { type Combination, matrixCombinations } from './matrix.ts'
import { problem, recordJob } from './record-job.ts'
import {
  jobStatusFunctions,
  type NodeOutcome,
  needsContext,
  together,
  type WorkflowCall,
  workflowScope,
} from './workflow-run.ts'

/** All jobs of a workflow, each as soon as those it needs have ended. @returns how they ended, by id */
export async function runWorkflow(call: WorkflowCall): Promise<ReadonlyMap<string, NodeOutcome>> {
  const outcomes = new Map<string, NodeOutcome>()
  const started = new Map<string, Promise<void>>()
  const ended = async (job: JobDefinition): Promise<void> => {
    await Promise.all(job.needs.map(id => started.get(id)))
    outcomes.set(job.id, await runNode(call, job, outcomes))
  }
  noteConcurrency(call, call.workflow.root.find('concurrency'), workflowScope(call))
  for (const job of inOrderOfNeed(call.workflow.jobs)) started.set(job.id, ended(job))
  await Promise.all(started.values())
  return outcomes
}

/** A job of the file: skipped, or one leg, or the legs of its matrix. */
async function runNode(
  call: WorkflowCall,
  job: JobDefinition,
  outcomes: ReadonlyMap<string, NodeOutcome>,
): Promise<NodeOutcome> {
  const began = performance.now()
  const { run } = call
  const needs = needsContext(job, outcomes)
  const scope = workflowScope(call, { needs })
  const parent = `${call.prefix}${job.id}`
  const record = recordJob(call, job, { key: parent, name: `${call.label}${plainName(job)}`, began })
  const wanted = (): boolean => {
    const cancelled = run.cancelled.aborted || call.abandoned.aborted
    return isTrue(job.condition, { ...scope, functions: jobStatusFunctions(job, call.workflow, outcomes, cancelled) })
  }
  let plan: { combinations: readonly (Combination | undefined)[]; strategy: ValueMap }
  try {
    if (!wanted()) return record('skipped')
    plan = strategyOf(evaluated(job.fields.find('strategy'), scope))
  } catch (error) {
    return record('failure', { annotations: [problem(error)] })
  }

  const { combinations, strategy } = plan
  const abandon = new AbortController()
  const abandoned = AbortSignal.any([call.abandoned, abandon.signal])
  const outputs: Record<string, string> = {}
  const keys: string[] = []
  const results = await inParallel(combinations, Number(strategy['max-parallel']), async (combination, index) => {
    const suffix = combination === undefined || combination.label === '' ? '' : ` (${combination.label})`
    const key = ownKey(`${call.prefix}${job.id}${suffix}`, combination === undefined ? [] : [parent, ...keys])
    keys.push(key)
    const leg: Leg = {
      call,
      job,
      key,
      suffix,
      contexts: { needs, matrix: combination?.values ?? null, strategy: { ...strategy, 'job-index': index } },
      wanted,
      abandoned,
    }
    const ended = await runLeg(leg)
    if (ended.result === 'failure' && strategy['fail-fast'] !== false) abandon.abort()
    // The last one that sets an output counts (github/docs, reuse workflows: outputs of a matrix).
    Object.assign(outputs, ended.outputs)
    return ended.result
  })
  const result = together(results)
  return combinations[0] === undefined ? { result, outputs } : record(result, { outputs, parts: keys })
}

function strategyOf(value: Value): { combinations: readonly (Combination | undefined)[]; strategy: ValueMap } {
  const { matrix, 'fail-fast': failFast = true, 'max-parallel': most } = mapOf(value)
  const combinations = matrix === undefined ? [undefined] : matrixCombinations(matrix)
  const many = combinations.length
  return {
    combinations,
    strategy: {
      'fail-fast': isTruthy(failFast),
      'job-index': 0,
      'job-total': many,
      'max-parallel': typeof most === 'number' && most > 0 ? most : many,
    },
  }
}

/** Two legs may have one name, or that of their job; their keys are told apart. */
function ownKey(key: string, taken: readonly string[]): string {
  if (!taken.includes(key)) return key
  for (let number = taken.length; ; number++) if (!taken.includes(`${key} #${number}`)) return `${key} #${number}`
}

/** At most so many at a time, begun in order. */
async function inParallel<T, R>(
  items: readonly T[],
  most: number,
  body: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  const waiting = [...items.entries()]
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, item] = next
      results[index] = await body(item, index)
    }
  }
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker))
  return results
}

/** So that a job's needs have been started before it; the parser has refused circles. */
function inOrderOfNeed(jobs: readonly JobDefinition[]): JobDefinition[] {
  const order: JobDefinition[] = []
  const add = (job: JobDefinition): void => {
    if (order.includes(job)) return
    for (const id of job.needs) {
      const needed = jobs.find(other => other.id === id)
      if (needed !== undefined) add(needed)
    }
    order.push(job)
  }
  jobs.forEach(add)
  return order
}

/** Before its matrix is known: `name` where it has no expression, else the id. */
function plainName(job: JobDefinition): string {
  const name = fieldOf(job.fields, 'name')
  return name === undefined || name.isExpression ? job.id : name.toString()
}
