import { isObject, textAt, textsAt } from './plain-data.ts'
import { codeSpan, table } from './tables.ts'

/** The statements of an IAM policy, one a row. */
export function permissionsTable(policy: unknown): string {
  return table(
    ['Statement', 'Actions', 'Resources', 'Condition'],
    statementsOf(policy).map(statement => [
      textAt(statement, 'Sid') ?? '',
      lines(textsAt(statement, 'Action')),
      lines(textsAt(statement, 'Resource')),
      lines(conditionsOf(statement)),
    ]),
  )
}

function statementsOf(policy: unknown): unknown[] {
  const found = isObject(policy) ? policy['Statement'] : undefined
  return Array.isArray(found) ? found : [found]
}

function conditionsOf(statement: unknown): string[] {
  const condition = isObject(statement) ? statement['Condition'] : undefined
  if (!isObject(condition)) return []
  return Object.entries(condition).flatMap(([operator, keys]) =>
    isObject(keys) ? Object.keys(keys).map(key => `${operator} ${key}: ${textsAt(keys, key).join(', ')}`) : [],
  )
}

function lines(texts: readonly string[]): string {
  return texts.map(codeSpan).join('<br>')
}
