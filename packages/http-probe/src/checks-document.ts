import { shortened } from '@aws-deploy-actions/action-runtime'
import { isMap, isScalar, isSeq, parseDocument, type YAMLMap } from 'yaml'
import type { Check, VersionSource } from './check.ts'
import { EXPECT_FIELDS, type ExpectField, expectationsFrom } from './expectations.ts'
import { checkedMethod, checkedUrl, headerProblem } from './request-rules.ts'
import { shownUrl } from './shown.ts'
import { isNothing, resolveAliases, textOf, unknownKeys } from './yaml-node.ts'

/** What holds for every check that does not say otherwise. */
export interface CheckDefaults {
  /** names in lower case */
  readonly headers: ReadonlyMap<string, string>
  readonly versionFrom: VersionSource
}

const FIELDS = ['name', 'url', 'method', 'headers', 'body', 'expect'] as const
const EMPTY = 'is empty; give a value, or leave the field out'
const JSON_TYPE = ['content-type', 'application/json'] as const

/**
 * Reads a list of checks, YAML or JSON. Every problem names the entry and the field, and says what is allowed; none
 * holds the value of a header or a password.
 */
export function checksFrom(text: string, defaults: CheckDefaults): { checks: Check[]; problems: string[] } {
  const document = parseDocument(text, { version: '1.2', schema: 'core' })
  const [error] = document.errors
  // Its message quotes the line, which may hold the value of a header.
  if (error !== undefined) {
    const line = error.linePos?.[0].line ?? 1
    return { checks: [], problems: [`line ${line} is not valid YAML or JSON (${error.code})`] }
  }
  resolveAliases(document)
  const list = document.contents
  if (!isSeq(list) || list.items.length === 0)
    return { checks: [], problems: ['allowed is a list of checks, each a map with a url'] }
  const problems: string[] = []
  const checks = list.items.flatMap((item, index) => {
    const entry = new Entry(item, index, problems)
    return entry.map === undefined ? [] : (checkFrom(entry.map, entry, defaults) ?? [])
  })
  return { checks, problems }
}

/** One entry while it is read; names its problems. */
class Entry {
  readonly map: YAMLMap | undefined
  readonly #problems: string[]
  readonly #label: string

  constructor(node: unknown, index: number, problems: string[]) {
    this.map = isMap(node) ? node : undefined
    const name: unknown = this.map?.get('name')
    this.#label = `entry ${index + 1}${typeof name === 'string' ? ` (${shortened(name)})` : ''}`
    this.#problems = problems
    if (this.map === undefined) this.#problems.push(`${this.#label}: allowed is a map with a url`)
  }

  problem(field: string, what: string): void {
    this.#problems.push(`${this.#label}, ${field}: ${what}`)
  }

  /** The value, or undefined after a problem of the field. */
  read<Value>(field: string, value: () => Value): Value | undefined {
    try {
      return value()
    } catch (error) {
      this.problem(field, error instanceof Error ? error.message : String(error))
      return undefined
    }
  }
}

function checkFrom(map: YAMLMap, entry: Entry, defaults: CheckDefaults): Check | undefined {
  for (const { key, problem } of unknownKeys(map, FIELDS)) entry.problem(key, problem)
  const url = entry.read('url', () => checkedUrl(textOf(map.get('url', true)) ?? ''))
  const name = entry.read('name', () => textOf(map.get('name', true))?.trim())
  const body = entry.read('body', () => bodyFrom(map.get('body', true)))
  const method = entry.read('method', () =>
    checkedMethod(textOf(map.get('method', true)) ?? (body === undefined ? 'GET' : 'POST')),
  )
  const headers = headersFrom(map.get('headers', true), entry)
  const given = givenExpectations(map.get('expect', true), entry)
  const expect = expectationsFrom(given, defaults.versionFrom, (field, value) => entry.read(`expect.${field}`, value))
  if (url === undefined || method === undefined) return undefined
  return {
    name: name || shownUrl(url),
    url,
    method,
    headers: new Map([...(body?.json === true ? [JSON_TYPE] : []), ...defaults.headers, ...headers]),
    body: body?.text,
    expect,
  }
}

function headersFrom(node: unknown, entry: Entry): Map<string, string> {
  const headers = new Map<string, string>()
  if (isNothing(node)) return headers
  if (!isMap(node)) {
    entry.problem('headers', 'allowed is a map of header to value')
    return headers
  }
  for (const { key, value } of node.items) {
    const name = isScalar(key) ? String(key.value).toLowerCase() : ''
    const field = `headers.${shortened(name)}`
    const text = entry.read(field, () => textOf(value) ?? '') ?? ''
    const problem = headers.has(name) ? 'is given twice; allowed is once' : headerProblem(name, text)
    if (problem === undefined) headers.set(name, text)
    else entry.problem(field, problem)
  }
  return headers
}

function givenExpectations(node: unknown, entry: Entry): Map<ExpectField, unknown> {
  const given = new Map<ExpectField, unknown>()
  if (isNothing(node)) return given
  if (!isMap(node)) {
    entry.problem('expect', `allowed is a map with ${EXPECT_FIELDS.join(', ')}`)
    return given
  }
  for (const { key, problem } of unknownKeys(node, EXPECT_FIELDS)) entry.problem(`expect.${key}`, problem)
  for (const field of EXPECT_FIELDS) {
    const value: unknown = node.get(field, true)
    // A variable that came out empty leaves nothing: what was to be proven must not fall away unsaid.
    if (node.has(field) && isNothing(value)) entry.problem(`expect.${field}`, EMPTY)
    else if (!isNothing(value)) given.set(field, value)
  }
  return given
}

function bodyFrom(node: unknown): { text: string; json: boolean } | undefined {
  if (isMap(node) || isSeq(node)) return { text: JSON.stringify(node), json: true }
  const text = textOf(node)
  return text === undefined ? undefined : { text, json: false }
}
