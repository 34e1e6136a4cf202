import type { Need } from './service.ts'

/** An IAM identity policy. */
export interface PolicyDocument {
  readonly Version?: string
  readonly Statement: PolicyStatement | readonly PolicyStatement[]
}

export interface PolicyStatement {
  readonly Sid?: string
  readonly Effect: 'Allow' | 'Deny'
  readonly Action?: string | readonly string[]
  readonly NotAction?: string | readonly string[]
  readonly Resource?: string | readonly string[]
  readonly NotResource?: string | readonly string[]
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | boolean | readonly string[]>>>>
}

export type Decision = 'allow' | 'implicit-deny' | 'explicit-deny'

/**
 * What an identity policy says about one need: an explicit deny wins, then an allow, else it is denied.
 * Policy variables and multivalued set operators are not served.
 * Source: IAM user guide, "Policy evaluation logic" and "IAM JSON policy elements: Condition operators".
 */
export function decide(document: PolicyDocument, need: Need): Decision {
  let decision: Decision = 'implicit-deny'
  for (const statement of statementsOf(document)) {
    if (!applies(statement, need)) continue
    if (statement.Effect === 'Deny') return 'explicit-deny'
    decision = 'allow'
  }
  return decision
}

/**
 * Refuses a document that IAM would refuse or that this evaluation does not understand, so that a test never passes
 * because of a misspelt condition.
 * @throws Error naming the statement
 */
export function checkPolicy(document: PolicyDocument): void {
  statementsOf(document).forEach((statement, index) => {
    const at = `Statement ${statement.Sid ?? index + 1}`
    if (statement.Effect !== 'Allow' && statement.Effect !== 'Deny')
      throw new Error(`${at}: Effect must be Allow or Deny`)
    if ((statement.Action === undefined) === (statement.NotAction === undefined))
      throw new Error(`${at}: one of Action, NotAction`)
    if ((statement.Resource === undefined) === (statement.NotResource === undefined)) {
      throw new Error(`${at}: one of Resource, NotResource`)
    }
    for (const action of listOf(statement.Action ?? statement.NotAction)) {
      if (action !== '*' && !/^[a-z0-9-]+:[A-Za-z0-9*?]+$/.test(action))
        throw new Error(`${at}: not an action: ${action}`)
    }
    for (const resource of listOf(statement.Resource ?? statement.NotResource)) {
      if (resource !== '*' && !/^arn:[^:]*:[^:]*:[^:]*:[^:]*:.+$/.test(resource))
        throw new Error(`${at}: not an ARN: ${resource}`)
    }
    for (const operator of Object.keys(statement.Condition ?? {})) {
      if (!operators.has(operator.replace(/IfExists$/, '')))
        throw new Error(`${at}: condition ${operator} is not served here`)
    }
  })
}

/** AWS's text for a denied request; https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html */
export function deniedText(caller: string, need: Need, decision: Decision): string {
  const why =
    decision === 'explicit-deny'
      ? 'with an explicit deny in an identity-based policy'
      : `because no identity-based policy allows the ${need.action} action`
  return `User: ${caller} is not authorized to perform: ${need.action} on resource: ${need.resource} ${why}`
}

function statementsOf(document: PolicyDocument): readonly PolicyStatement[] {
  return isList(document.Statement) ? document.Statement : [document.Statement]
}

function applies(statement: PolicyStatement, need: Need): boolean {
  // actions are compared without regard to case, ARNs with
  const matchesAction = (pattern: string) => wildcard(pattern.toLowerCase(), need.action.toLowerCase())
  const matchesResource = (pattern: string) => wildcard(pattern, need.resource)
  if (statement.Action !== undefined && !listOf(statement.Action).some(matchesAction)) return false
  if (statement.NotAction !== undefined && listOf(statement.NotAction).some(matchesAction)) return false
  if (statement.Resource !== undefined && !listOf(statement.Resource).some(matchesResource)) return false
  if (statement.NotResource !== undefined && listOf(statement.NotResource).some(matchesResource)) return false
  return Object.entries(statement.Condition ?? {}).every(([operator, keys]) =>
    Object.entries(keys).every(([key, values]) => holds(operator, contextValue(need, key), listOf(values))),
  )
}

function contextValue(need: Need, key: string): string | undefined {
  // condition keys are not case-sensitive
  const found = Object.entries(need.context ?? {}).find(([name]) => name.toLowerCase() === key.toLowerCase())
  return found?.[1]
}

const operators = new Map<string, (pattern: string, value: string) => boolean>([
  ['StringEquals', (pattern, value) => pattern === value],
  ['StringLike', wildcard],
  // ArnEquals and ArnLike behave alike: both take wildcards
  ['ArnEquals', wildcard],
  ['ArnLike', wildcard],
  ['Bool', (pattern, value) => pattern.toLowerCase() === value.toLowerCase()],
])

function holds(operator: string, value: string | undefined, patterns: readonly string[]): boolean {
  const ifExists = operator.endsWith('IfExists')
  const matches = operators.get(operator.replace(/IfExists$/, ''))
  if (value === undefined) return ifExists
  return matches !== undefined && patterns.some(pattern => matches(pattern, value))
}

/** `*` stands for any text, also an empty one and across `:` and `/`; `?` for one character. */
function wildcard(pattern: string, value: string): boolean {
  const expression = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '[\\s\\S]*')
    .replaceAll('?', '[\\s\\S]')
  return new RegExp(`^${expression}$`).test(value)
}

function listOf(value: string | boolean | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return []
  if (isList(value)) return value
  return [String(value)]
}

function isList<T>(value: unknown): value is readonly T[] {
  return Array.isArray(value)
}
