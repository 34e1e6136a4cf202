import type { ExpressionData } from '@actions/expressions/data/expressiondata'
import { data } from './github-libraries.ts'
import { isMap, type Value } from './values.ts'

/** A value for GitHub's evaluator. The `env` context is case-sensitive on Linux (actions/runner, StepsRunner). */
export function toData(value: Value, caseSensitive = false): ExpressionData {
  if (value === null) return new data.Null()
  if (typeof value === 'string') return new data.StringData(value)
  if (typeof value === 'number') return new data.NumberData(value)
  if (typeof value === 'boolean') return new data.BooleanData(value)
  if (!isMap(value)) return new data.Array(...value.map(item => toData(item)))
  const pairs = Object.entries(value).map(([key, item]) => ({ key, value: toData(item) }))
  return caseSensitive ? new CaseSensitiveDictionary(...pairs) : new data.Dictionary(...pairs)
}

/** What GitHub's evaluator returned. */
export function fromData(from: ExpressionData): Value {
  if (from instanceof data.StringData || from instanceof data.NumberData || from instanceof data.BooleanData)
    return from.value
  if (from instanceof data.Array) return from.values().map(fromData)
  if (from instanceof data.Dictionary)
    return Object.fromEntries(from.pairs().map(({ key, value }) => [key, fromData(value)]))
  return null
}

class CaseSensitiveDictionary extends data.Dictionary {
  override get(key: string): ExpressionData | undefined {
    return this.pairs().find(pair => pair.key === key)?.value
  }

  override pairs(): { key: string; value: ExpressionData }[] {
    return this.exact
  }

  override values(): ExpressionData[] {
    return this.exact.map(({ value }) => value)
  }

  // Set before the constructor of the parent, which calls add, would initialise a field.
  declare private exact: { key: string; value: ExpressionData }[]

  override add(key: string, value: ExpressionData): void {
    this.exact ??= []
    this.exact.push({ key, value })
  }
}
