import type { FunctionDefinition } from '@actions/expressions/funcs/info'
import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/template-token'
import { fromData, toData } from './expression-data.ts'
import { data, Evaluator, guards, Lexer, Parser } from './github-libraries.ts'
import { isMap, isTruthy, textOf, type Value, type ValueMap } from './values.ts'

/** Where an expression is evaluated. */
export interface Scope {
  /** github, inputs, needs, … */
  readonly contexts: ValueMap
  /** beside GitHub's own: status functions, hashFiles; names in lower case */
  readonly functions?: ReadonlyMap<string, FunctionDefinition>
}

/** @throws Error in the words of GitHub's evaluator */
export function evaluateExpression(expression: string, { contexts, functions = new Map() }: Scope): Value {
  const names = Object.keys(contexts)
  // The lexer takes only the first `''` in a text for one quote.
  const tokens = new Lexer(expression)
    .lex()
    .tokens.map(token =>
      token.lexeme.startsWith("'") ? { ...token, value: token.lexeme.slice(1, -1).replaceAll("''", "'") } : token,
    )
  const tree = new Parser(tokens, names, [...functions.values()]).parse()
  const context = new data.Dictionary(
    ...names.map(key => ({ key, value: toData(contexts[key] ?? null, key === 'env') })),
  )
  return fromData(new Evaluator(tree, context, new Map(functions)).evaluate())
}

/** A condition as the parser completed it (`success() && (…)` where it names no status). */
export function isTrue(condition: string, scope: Scope): boolean {
  return isTruthy(evaluateExpression(condition, scope))
}

/** A part of a workflow file with its expressions filled in. */
export function evaluated(token: TemplateToken | undefined, scope: Scope): Value {
  if (token === undefined) return null
  if (guards.isBasicExpression(token)) return evaluateExpression(token.expression, scope)
  if (guards.isSequence(token)) return [...token].map(item => evaluated(item, scope))
  if (guards.isMapping(token)) {
    const entries = [...token].flatMap(({ key, value }): [string, Value][] => {
      // `${{ insert }}` puts the entries of a map among the others (actions/runner, TemplateEvaluator).
      const inserted = key.isExpression && !guards.isBasicExpression(key) ? evaluated(value, scope) : undefined
      if (isMap(inserted)) return Object.entries(inserted)
      return [[textOf(evaluated(key, scope)), evaluated(value, scope)]]
    })
    return Object.fromEntries(entries)
  }
  if (guards.isString(token) || guards.isNumber(token) || guards.isBoolean(token)) return token.value
  return null
}

/** The same where GitHub wants a text. */
export function evaluatedText(token: TemplateToken | undefined, scope: Scope): string {
  return textOf(evaluated(token, scope))
}

/** The same for a map of texts, such as `env` and `with`. */
export function evaluatedTexts(token: TemplateToken | undefined, scope: Scope): Record<string, string> {
  const value = evaluated(token, scope)
  if (value === null) return {}
  if (!isMap(value)) throw new Error('A mapping was expected')
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, textOf(item)]))
}
