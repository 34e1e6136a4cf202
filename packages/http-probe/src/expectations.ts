import { durationMs } from '@aws-deploy-actions/action-runtime'
import { isMap, isScalar, isSeq } from 'yaml'
import type { Expectations, VersionSource } from './check.ts'
import { jsonPath } from './json-path.ts'
import { statusPatterns } from './status-pattern.ts'
import { textOf, textsOf } from './yaml-node.ts'

/** The fields below `expect`. */
export const EXPECT_FIELDS = [
  'status',
  'body-contains',
  'body-matches',
  'json',
  'headers',
  'max-latency',
  'version',
  'version-path',
] as const
export type ExpectField = (typeof EXPECT_FIELDS)[number]

/** Any 2xx, and nothing else. */
export const ANY_SUCCESS: Expectations = {
  status: ['2xx'],
  bodyContains: [],
  bodyMatches: [],
  json: [],
  headers: new Map(),
  maxLatencyMs: undefined,
  version: undefined,
}

/**
 * The expectations of one entry.
 * @param given YAML nodes by field
 * @param versionFrom where a version is when the entry does not say
 * @param read turns what its second argument throws into a problem of the field
 */
export function expectationsFrom(
  given: ReadonlyMap<ExpectField, unknown>,
  versionFrom: VersionSource,
  read: <Value>(field: string, value: () => Value) => Value | undefined,
): Expectations {
  const field = <Value>(name: ExpectField, parse: (node: unknown) => Value): Value | undefined =>
    given.has(name) ? read(name, () => parse(given.get(name))) : undefined
  const from = field('version-path', node => versionSource(textOf(node) ?? '')) ?? versionFrom
  return {
    status: field('status', node => statusPatterns(isSeq(node) ? textsOf(node) : textOf(node))) ?? ANY_SUCCESS.status,
    bodyContains: field('body-contains', textsOf) ?? [],
    bodyMatches: field('body-matches', node => textsOf(node).map(regularExpression)) ?? [],
    json: field('json', jsonFrom) ?? [],
    headers: field('headers', headersFrom) ?? new Map(),
    maxLatencyMs: field('max-latency', node => durationMs(textOf(node) ?? '')),
    version: field('version', node => versionFromNode(node, from)),
  }
}

/** `header:NAME` or a JSON path. @throws Error that says what is allowed */
export function versionSource(text: string): VersionSource {
  const header = /^header:(.*)$/i.exec(text.trim())?.[1]?.trim()
  if (header === undefined) return { json: jsonPath(text) }
  if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(header)) throw new Error('allowed is header:NAME, or a JSON path')
  return { header: header.toLowerCase() }
}

function versionFromNode(node: unknown, from: VersionSource): { wanted: string; from: VersionSource } {
  if (isMap(node)) {
    const allowed = 'allowed is a text, or a map with value and path'
    const wanted = textOf(node.get('value', true))?.trim()
    const path = textOf(node.get('path', true))
    if (wanted === undefined || wanted === '' || node.items.some(({ key }) => !isKey(key, ['value', 'path'])))
      throw new Error(allowed)
    return { wanted, from: path === undefined ? from : versionSource(path) }
  }
  const wanted = textOf(node)?.trim() ?? ''
  if (wanted === '') throw new Error('is empty; allowed is a version')
  return { wanted, from }
}

function isKey(key: unknown, allowed: readonly string[]): boolean {
  return isScalar(key) && allowed.includes(String(key.value))
}

function regularExpression(source: string): string {
  try {
    new RegExp(source, 'm')
    return source
  } catch (error) {
    throw new Error(`is no JavaScript regular expression (${error instanceof Error ? error.message : error})`)
  }
}

function jsonFrom(node: unknown): { path: ReturnType<typeof jsonPath>; value: unknown }[] {
  if (!isMap(node)) throw new Error('allowed is a map of path to value')
  return node.items.map(({ key, value }) => {
    const path = isScalar(key) ? String(key.value) : ''
    return { path: jsonPath(path), value: plainValue(value) }
  })
}

function plainValue(node: unknown): unknown {
  return isScalar(node) || isMap(node) || isSeq(node) ? JSON.parse(JSON.stringify(node)) : null
}

function headersFrom(node: unknown): Map<string, string> {
  if (!isMap(node)) throw new Error('allowed is a map of header to value')
  return new Map(
    node.items.map(({ key, value }) => [
      isScalar(key) ? String(key.value).toLowerCase() : '',
      textOf(value)?.trim() ?? '',
    ]),
  )
}
