import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ActionTemplate } from '@actions/workflow-parser/actions/action-template'
import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/template-token'
import { convertActionTemplate, NoOperationTraceWriter, parseAction } from './github-libraries.ts'
import { onOneLine } from './one-line.ts'
import { type StepDefinition, stepDefinitions } from './step-definitions.ts'
import { fieldOf } from './workflow-file.ts'

/** An action's folder and what its action.yml says. */
export interface ActionDefinition {
  readonly folder: string
  readonly name: string
  /** name → default */
  readonly inputs: ReadonlyMap<string, TemplateToken | undefined>
  readonly deprecated: ReadonlyMap<string, string>
  readonly runs: JavaScriptRuns | CompositeRuns | { readonly using: 'docker' }
}

export interface JavaScriptRuns {
  readonly using: 'node'
  readonly main: string
  readonly pre: string | undefined
  readonly post: string | undefined
  readonly preCondition: string
  readonly postCondition: string
}

export interface CompositeRuns {
  readonly using: 'composite'
  readonly steps: readonly StepDefinition[]
  /** name → value */
  readonly outputs: ReadonlyMap<string, TemplateToken | undefined>
}

/**
 * @returns undefined when the folder has no action.yml or action.yaml
 * @throws Error with what GitHub's parser has to say
 */
export async function readAction(folder: string): Promise<ActionDefinition | undefined> {
  for (const name of ['action.yml', 'action.yaml']) {
    const content = await readFile(join(folder, name), 'utf8').catch(() => undefined)
    if (content !== undefined) return parsedAction(folder, join(folder, name), content)
  }
  return undefined
}

function parsedAction(folder: string, path: string, content: string): ActionDefinition {
  const checked = parseAction({ name: path, content }, new NoOperationTraceWriter())
  if (checked.value !== undefined) convertActionTemplate(checked.context, checked.value)
  const problems = checked.context.errors.getErrors().map(({ message }) => message)
  if (problems.length > 0) throw new Error(problems.join('\n'))
  // Once more in the form that can be carried out.
  const { context, value } = parseAction({ name: path, content: onOneLine(content) }, new NoOperationTraceWriter())
  if (value === undefined) throw new Error(`${path} is empty`)
  const template = convertActionTemplate(context, value)
  const inputs = template.inputs ?? []
  return {
    folder,
    name: template.name,
    inputs: new Map(inputs.map(input => [input.id, input.default])),
    deprecated: new Map(
      inputs.flatMap(({ id, deprecationMessage }) =>
        deprecationMessage === undefined ? [] : [[id, deprecationMessage]],
      ),
    ),
    runs: runsOf(template, value),
  }
}

function runsOf({ runs, outputs = [] }: ActionTemplate, root: TemplateToken): ActionDefinition['runs'] {
  if (runs.using === 'docker') return { using: 'docker' }
  if (runs.using === 'composite')
    return {
      using: 'composite',
      steps: stepDefinitions(runs.steps, fieldOf(root, 'runs', 'steps')),
      outputs: new Map(outputs.map(({ id, value }) => [id, value])),
    }
  // Both conditions are always() when they are absent (github/docs, metadata syntax: pre-if, post-if).
  return {
    using: 'node',
    main: runs.main,
    pre: runs.pre,
    post: runs.post,
    preCondition: runs.preIf ?? 'always()',
    postCondition: runs.postIf ?? 'always()',
  }
}
