import type { ActionMetadata } from './action-metadata.ts'
import { grantTable, inputsTable, outputsTable, secretsTable } from './tables.ts'
import type { WorkflowMetadata } from './workflow-metadata.ts'

/**
 * The README with its input and output tables as action.yml has them now.
 * @throws Error naming the marker that is missing
 */
export function withTables(readme: string, { inputs, outputs }: Pick<ActionMetadata, 'inputs' | 'outputs'>): string {
  return withSection(withSection(readme, 'inputs', inputsTable(inputs)), 'outputs', outputsTable(outputs))
}

/**
 * A workflow's page with its tables as the file has them now: inputs, outputs, what the caller grants, and secrets where it
 * has some.
 * @throws Error naming the marker that is missing
 */
export function withWorkflowTables(page: string, workflow: WorkflowMetadata): string {
  const { permissions, secrets } = workflow
  const tables = withSection(withTables(page, workflow), 'permissions', grantTable(permissions))
  return secrets.length === 0 ? tables : withSection(tables, 'secrets', secretsTable(secrets))
}

/** The first fenced block in YAML, with its fences; undefined when there is none. */
export function firstYamlBlock(readme: string): string | undefined {
  return /^(`{3,})ya?ml[^\n]*\n[\s\S]*?^\1`*$/m.exec(readme)?.[0]
}

function withSection(text: string, name: string, content: string): string {
  const start = `<!-- ${name}:start -->`
  const end = `<!-- ${name}:end -->`
  const from = text.indexOf(start)
  const to = text.indexOf(end, from)
  if (from < 0 || to < 0) throw new Error(`the line ${from < 0 ? start : end} is missing`)
  return `${text.slice(0, from + start.length)}\n${content}\n${text.slice(to)}`
}
