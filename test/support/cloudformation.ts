import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { filesBelow, root } from './module-graph.ts'

/** A statement of a policy, in JSON or in a template. `Resource` is as it is written there. */
export interface PolicyStatement {
  readonly Sid: string
  readonly Effect: string
  readonly Action: readonly string[]
  readonly Resource: readonly unknown[]
  readonly Condition: unknown
}

/** A policy of a template, and the actions of ours that it is made for. */
export interface TemplatePolicy {
  readonly actions: readonly string[]
  readonly statements: readonly PolicyStatement[]
  /** characters of the document, without spaces: IAM takes 6,144 in a managed policy */
  readonly size: number
}

/** The templates that users deploy, from the repository's root. */
export const templates = filesBelow('cloudformation').filter(path => path.endsWith('.yml'))

/** A template as plain data. `!Ref X` and `!Sub X` become X, `!If [C, A, B]` the list of the three. */
export function templateAt(path: string): Record<string, unknown> {
  // CloudFormation's short forms are tags that YAML does not know.
  return recordOf(parse(readFileSync(join(root, path), 'utf8'), { logLevel: 'error' }))
}

/** The managed policies of a template whose metadata say for which actions they are. */
export function policiesOf(template: Record<string, unknown>): TemplatePolicy[] {
  return Object.values(recordOf(template['Resources']))
    .map(recordOf)
    .flatMap(resource => {
      const actions = recordOf(resource['Metadata'])['Actions']
      if (!Array.isArray(actions)) return []
      const document = recordOf(resource['Properties'])['PolicyDocument']
      const size = JSON.stringify(document).length
      return [{ actions: actions.map(String), statements: statementsOf(document), size }]
    })
}

/** The statements of a policy document, also those that are there on a condition. */
export function statementsOf(document: unknown): PolicyStatement[] {
  const statements = recordOf(document)['Statement']
  if (!Array.isArray(statements)) throw new TypeError('a policy without a list of statements')
  return statements.map((entry: unknown) => {
    const statement = recordOf(Array.isArray(entry) ? entry[1] : entry)
    return {
      Sid: String(statement['Sid']),
      Effect: String(statement['Effect']),
      Action: [statement['Action']].flat().map(String),
      Resource: [statement['Resource']].flat(),
      Condition: statement['Condition'],
    }
  })
}

/** The keys of a condition, `OPERATOR KEY`. */
export function conditionKeys(condition: unknown): string[] {
  if (condition === undefined) return []
  return Object.entries(recordOf(condition))
    .flatMap(([operator, keys]) => Object.keys(recordOf(keys)).map(key => `${operator} ${key}`))
    .sort()
}

export function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {}
}
