import type { ActionDefinition } from '../syntax/action-file.ts'
import { evaluatedText, evaluatedTexts, type Scope } from '../syntax/evaluate.ts'
import type { StepDefinition } from '../syntax/step-definitions.ts'
import type { StepLog } from './step-log.ts'

/** What a step gives, as it gives it. */
export function givenInputs(step: StepDefinition, scope: Scope): Record<string, string> {
  return evaluatedTexts(step.fields.find('with'), scope)
}

/**
 * The inputs of an action: what the step gives, else the default of action.yml. Names do not care for case. What
 * action.yml does not have is a warning, and `required` is for people only (actions/runner, ActionRunner).
 */
export function actionInputs(
  { inputs, deprecated }: ActionDefinition,
  given: Readonly<Record<string, string>>,
  scope: Scope,
  log: StepLog,
): Record<string, string> {
  const known = new Map([...inputs.keys()].map(name => [name.toLowerCase(), name]))
  const all: Record<string, string> = {}
  for (const [name, value] of Object.entries(given)) {
    all[known.get(name.toLowerCase()) ?? name] = value
    const message = deprecated.get(known.get(name.toLowerCase()) ?? name)
    if (message !== undefined) log.annotate('warning', `Input '${name}' has been deprecated with message: ${message}`)
  }
  for (const [name, fallback] of inputs) all[name] ??= evaluatedText(fallback, scope)
  const unexpected = Object.keys(given).filter(name => !known.has(name.toLowerCase()))
  if (unexpected.length > 0)
    log.annotate(
      'warning',
      `Unexpected input(s) '${unexpected.join("', '")}', valid inputs are ['${[...inputs.keys()].join("', '")}']`,
    )
  return all
}

/** `INPUT_` and the name in upper case, blanks as `_` (github/docs, metadata syntax: inputs). */
export function inputVariables(inputs: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => [`INPUT_${name.replaceAll(' ', '_').toUpperCase()}`, value]),
  )
}
