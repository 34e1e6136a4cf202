import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { NoOperationTraceWriter, parseWorkflow } from '@actions/workflow-parser'
import { parse } from 'yaml'
import { root } from './module-graph.ts'

export type Mapping = Readonly<Record<string, unknown>>

/** `uses` of a step or job, and where it stands. */
export interface Use {
  readonly file: string
  /** job, and of a step its id, name or number */
  readonly where: string
  readonly uses: string
  readonly with: readonly string[]
  readonly secrets: readonly string[]
}

/** `.github/workflows/*.yml`, from the repository's root. */
export const WORKFLOW_FILES = readdirSync(join(root, '.github/workflows'))
  .filter(name => name.endsWith('.yml'))
  .map(name => `.github/workflows/${name}`)
  .sort()

/** Composite actions that only the workflows use. */
export const INTERNAL_ACTIONS = readdirSync(join(root, '.github/actions')).map(name => `.github/actions/${name}`)

/** What GitHub's own parser has against a workflow file. */
export function problemsOf(file: string): string[] {
  return problemsIn(file, textOf(file))
}

/** The same of a workflow that is not a file of its own. */
export function problemsIn(name: string, content: string): string[] {
  const { context } = parseWorkflow({ name, content }, new NoOperationTraceWriter())
  return context.errors.getErrors().map(({ message }) => message)
}

export function textOf(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}

export function documentOf(file: string): Mapping {
  return mapOf(parse(textOf(file)))
}

export function mapOf(value: unknown): Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

export function jobsOf(file: string): [string, Mapping][] {
  return Object.entries(mapOf(documentOf(file)['jobs'])).map(([id, job]) => [id, mapOf(job)])
}

/** The steps of a workflow's jobs, or of a composite action, with what to call them. */
export function stepsOf(file: string): { job: string; where: string; step: Mapping }[] {
  const lists: [string, unknown][] = file.startsWith('.github/workflows/')
    ? jobsOf(file).map(([id, job]) => [id, job['steps']])
    : [['runs', mapOf(documentOf(file)['runs'])['steps']]]
  return lists.flatMap(([job, steps]) =>
    listOf(steps)
      .map(mapOf)
      .map((step, index) => ({ job, where: `${job} › ${step['id'] ?? step['name'] ?? index + 1}`, step })),
  )
}

export function usesIn(file: string): Use[] {
  const calls = file.startsWith('.github/workflows/') ? jobsOf(file).map(([id, job]) => ({ where: id, at: job })) : []
  const steps = stepsOf(file).map(({ where, step }) => ({ where, at: step }))
  return [...calls, ...steps].flatMap(({ where, at }) =>
    typeof at['uses'] === 'string'
      ? [
          {
            file,
            where,
            uses: at['uses'],
            with: Object.keys(mapOf(at['with'])),
            secrets: Object.keys(mapOf(at['secrets'])),
          },
        ]
      : [],
  )
}

/** What can be called: an action of this repository, or one of its workflows. */
export interface Callee {
  readonly inputs: readonly string[]
  readonly required: readonly string[]
  readonly secrets: readonly string[]
  readonly outputs: readonly string[]
}

/** undefined for what is not in this repository. */
export function calleeOf(uses: string): Callee | undefined {
  if (!uses.startsWith('$/') && !uses.startsWith('./')) return undefined
  const path = uses.slice(2)
  const isWorkflow = path.endsWith('.yml')
  const file = isWorkflow ? path : `${path}/action.yml`
  if (!existsSync(join(root, file))) return { inputs: [], required: [], secrets: [], outputs: [] }
  const document = documentOf(file)
  const contract = isWorkflow ? mapOf(mapOf(document['on'])['workflow_call']) : document
  const inputs = Object.entries(mapOf(contract['inputs']))
  return {
    inputs: inputs.map(([name]) => name),
    required: inputs.flatMap(([name, input]) => (mapOf(input)['required'] === true ? [name] : [])),
    secrets: Object.keys(mapOf(contract['secrets'])),
    outputs: Object.keys(mapOf(contract['outputs'])),
  }
}
