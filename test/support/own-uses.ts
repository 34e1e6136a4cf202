import { parse } from 'yaml'

/** One step of ours, or one job that calls a workflow of ours, in a document or workflow. */
export interface Use {
  readonly kind: 'action' | 'workflow'
  readonly name: string
  readonly id: string | undefined
  readonly inputs: Readonly<Record<string, unknown>>
}

const OURS = /^OWNER\/aws-deploy-actions\/(?:actions\/([a-z0-9-]+)|\.github\/workflows\/([a-z0-9-]+)\.yml)@v1$/

/** What is ours in a piece of YAML: a workflow, a job, a list of steps. @throws for what is no YAML */
export function ownUsesIn(yaml: string): Use[] {
  return within(parse(yaml))
}

function within(value: unknown): Use[] {
  if (typeof value !== 'object' || value === null) return []
  const { uses, id, with: inputs } = Object.fromEntries(Object.entries(value))
  const [, action, workflow] = (typeof uses === 'string' ? OURS.exec(uses) : undefined) ?? []
  const name = action ?? workflow
  const inside = Object.values(value).flatMap(within)
  if (name === undefined) return inside
  const given = typeof inputs === 'object' && inputs !== null ? Object.fromEntries(Object.entries(inputs)) : {}
  const kind = action === undefined ? 'workflow' : 'action'
  return [{ kind, name, id: typeof id === 'string' ? id : undefined, inputs: given }, ...inside]
}
