import { evaluated, type Scope } from '../syntax/evaluate.ts'
import { isMap, mapOf, textOf, textsOf, type Value, type ValueMap } from '../syntax/values.ts'
import { fieldOf, type JobDefinition, type WorkflowDefinition } from '../syntax/workflow-file.ts'

/**
 * The `inputs` of a called workflow: as typed as it declares them (github/docs, workflow syntax:
 * on.workflow_call.inputs). A missing boolean is false, a number 0, a string empty.
 * @param scope where the caller's `with` is evaluated
 * @param own where the called workflow's defaults are
 * @throws Error naming an input of the wrong type
 */
export function calledInputs(called: WorkflowDefinition, job: JobDefinition, scope: Scope, own: Scope): ValueMap {
  const given = mapOf(evaluated(job.fields.find('with'), scope))
  const declared = fieldOf(called.root, 'on', 'workflow_call', 'inputs')
  const inputs: Record<string, Value> = {}
  for (const [name, definition] of Object.entries(mapOf(declared === undefined ? null : evaluated(declared, own)))) {
    const { type, default: fallback } = mapOf(definition)
    const value = given[name] ?? fallback ?? (type === 'boolean' ? false : type === 'number' ? 0 : '')
    const right = type === 'string' ? !isMap(value) && !Array.isArray(value) : typeof value === type
    if (!right)
      throw new Error(
        `Unexpected value '${isMap(value) ? 'mapping' : String(value)}' for the input ${name}, which is a ${type}`,
      )
    inputs[name] = type === 'string' ? textOf(value) : value
  }
  return inputs
}

export interface CalledSecrets {
  readonly secrets: Readonly<Record<string, string>>
  /** whether jobs of the called workflow see the secrets of their environment */
  readonly ofEnvironments: boolean
}

/**
 * The secrets of a called workflow: all of the caller's with `inherit`, else those that are passed. Without `inherit`
 * the secrets of an environment are empty there (actions/runner#1490).
 */
export function calledSecrets(job: JobDefinition, above: CalledSecrets, scope: Scope): CalledSecrets {
  const given = evaluated(job.fields.find('secrets'), scope)
  if (given === 'inherit') return above
  const { GITHUB_TOKEN = '' } = above.secrets
  return { secrets: { GITHUB_TOKEN, ...textsOf(given) }, ofEnvironments: false }
}

/** `outputs` of a called workflow; what is empty is not set. */
export function calledOutputs(called: WorkflowDefinition, scope: Scope): Record<string, string> {
  const declared = fieldOf(called.root, 'on', 'workflow_call', 'outputs')
  const found = Object.entries(mapOf(declared === undefined ? null : evaluated(declared, scope)))
  return Object.fromEntries(
    found
      .map(([name, definition]) => [name, textOf(mapOf(definition)['value'] ?? null)])
      .filter(([, value]) => value !== ''),
  )
}
