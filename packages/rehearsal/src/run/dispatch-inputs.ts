import { mapOf, type Value, type ValueMap } from '../syntax/values.ts'

/** The inputs of a manual run, twice. */
export interface DispatchInputs {
  /** the `inputs` context: booleans and numbers are what they are */
  readonly typed: ValueMap
  /** `github.event.inputs`: all texts */
  readonly texts: Readonly<Record<string, string>>
}

/** github/docs, workflow syntax: on.workflow_dispatch.inputs */
const MOST = 25

/**
 * What somebody gave in the menu of a manual run, with the defaults of the rest (github/docs, events:
 * workflow_dispatch, providing inputs; contexts: inputs).
 * @param declared `on.workflow_dispatch.inputs`
 * @throws Error listing everything that GitHub would refuse
 */
export function dispatchInputs(declared: Value | undefined, given: Readonly<Record<string, string>>): DispatchInputs {
  const definitions = Object.entries(mapOf(declared))
  const problems: string[] = []
  if (definitions.length > MOST) problems.push(`you may only define up to ${MOST} inputs for a workflow_dispatch event`)
  const unexpected = Object.keys(given).filter(name => !definitions.some(([known]) => known === name))
  if (unexpected.length > 0) problems.push(`Unexpected inputs provided: ${JSON.stringify(unexpected)}`)
  const typed: Record<string, Value> = {}
  const texts: Record<string, string> = {}
  for (const [name, definition] of definitions) {
    const { type = 'string', default: fallback, required, options } = mapOf(definition)
    const chosen = Array.isArray(options) && type === 'choice' ? String(options[0]) : ''
    const nothing = type === 'boolean' ? 'false' : chosen
    const text = given[name] ?? (fallback === undefined || fallback === null ? undefined : String(fallback)) ?? nothing
    if (required === true && text === '') problems.push(`Required input '${name}' not provided`)
    if (type === 'choice' && Array.isArray(options) && !options.map(String).includes(text))
      problems.push(
        `Provided value '${text}' for input '${name}' not in the list of allowed values: ${options.join(', ')}`,
      )
    if (type === 'boolean' && text !== 'true' && text !== 'false')
      problems.push(`Provided value '${text}' for input '${name}' is not a boolean: true or false`)
    if (type === 'number' && text !== '' && Number.isNaN(Number(text)))
      problems.push(`Provided value '${text}' for input '${name}' is not a number`)
    texts[name] = text
    typed[name] = type === 'boolean' ? text === 'true' : type === 'number' && text !== '' ? Number(text) : text
  }
  if (problems.length > 0) throw new Error(problems.join('\n'))
  return { typed, texts }
}
