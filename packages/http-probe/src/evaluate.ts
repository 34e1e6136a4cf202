import { isDeepStrictEqual } from 'node:util'
import { runInNewContext } from 'node:vm'
import { durationText, shortened } from '@aws-deploy-actions/action-runtime'
import type { Answer, Expectations, VersionSource } from './check.ts'
import { jsonPathText, valueAt } from './json-path.ts'
import { type Reason, type ReasonKind, reason } from './reason.ts'
import { statusFits } from './status-pattern.ts'

const DAY_MS = 24 * 3_600_000
/** A regular expression that needs longer would hold up every other check, and the deadline. */
const MATCH_LIMIT_MS = 250
const EVIDENCE_CHARACTERS = 200

interface Unmet {
  readonly kind: ReasonKind
  readonly text: string
  readonly key?: string
}

export interface CertificateRule {
  readonly minDays: number
  /** ms since the epoch */
  readonly now: number
}

/**
 * Why the answer is not what is expected; undefined when it is. Pure.
 * @param clean takes what must not show out of what the answer says
 */
export function unmetReason(
  answer: Answer,
  expect: Expectations,
  certificate: CertificateRule,
  clean: (text: string) => string = text => text,
): Reason | undefined {
  const unmet = [
    ...unmetStatus(answer, expect),
    ...unmetVersion(answer, expect, clean),
    // What an error page lacks beside its status is no news.
    ...(statusFits(answer.status, expect.status)
      ? [...unmetBody(answer, expect), ...unmetJson(answer, expect, clean), ...unmetHeaders(answer, expect)]
      : []),
    ...unmetLatency(answer, expect),
    ...unmetCertificate(answer, certificate),
  ]
  const [first] = unmet
  if (first === undefined) return undefined
  const why = reason(
    first.kind,
    unmet.map(({ text }) => text).join('; '),
    unmet.map(({ text, key }) => key ?? text).join('; '),
  )
  const evidence = first.kind === 'status' || first.kind === 'body' ? clean(beginning(answer)) : ''
  return evidence === '' ? why : { ...why, evidence }
}

function* unmetStatus({ status }: Answer, { status: wanted }: Expectations): Generator<Unmet> {
  if (statusFits(status, wanted)) return
  yield { kind: 'status', text: `status ${status} (expected ${wanted.join(', ')})` }
}

function* unmetVersion(
  answer: Answer,
  { version, status }: Expectations,
  clean: (text: string) => string,
): Generator<Unmet> {
  if (version === undefined) return
  const found = versionOf(answer, version.from)
  if (found === version.wanted) return
  const expected = `(expected ${shortened(version.wanted)})`
  if (found !== undefined) yield { kind: 'version', text: `still version ${shortened(clean(found))} ${expected}` }
  else if (statusFits(answer.status, status))
    yield { kind: 'version', text: `no version ${whereOf(answer, version.from)} ${expected}` }
}

function whereOf(answer: Answer, from: VersionSource): string {
  if ('header' in from) return `in a header ${from.header}`
  return `at ${jsonPathText(from.json)}${notJson(answer)}`
}

/** The version that an answer tells; a number as it is written there (`1.10` is not 1.1). undefined when it tells none. */
export function versionOf({ headers, body }: Answer, from: VersionSource): string | undefined {
  if ('header' in from) return headers.get(from.header)?.trim()
  // The third argument is not in TypeScript's library yet (ECMAScript: "JSON.parse source text access").
  const verbatim = (...[, value, context]: unknown[]): unknown =>
    typeof value === 'number' && typeof context === 'object' && context !== null
      ? String(Reflect.get(context, 'source') ?? value)
      : value
  const found = valueAt(parsed(body, verbatim), from.json)
  return typeof found === 'string' || typeof found === 'boolean' ? String(found).trim() : undefined
}

function* unmetBody({ body, truncated }: Answer, { bodyContains, bodyMatches }: Expectations): Generator<Unmet> {
  const where = truncated ? 'the first 1 MiB of the body' : 'the body'
  for (const text of bodyContains) {
    if (!body.includes(text)) yield { kind: 'body', text: `${where} does not contain "${shortened(text)}"` }
  }
  for (const source of bodyMatches) {
    const match = matches(source, body)
    if (match === true) continue
    const verb = match === false ? 'does not match' : 'took too long to match with'
    yield { kind: 'body', text: `${where} ${verb} /${shortened(source)}/` }
  }
}

/** Undefined when it takes too long. A context of its own is what lets V8 interrupt a regular expression. */
function matches(source: string, body: string): boolean | undefined {
  try {
    return runInNewContext('new RegExp(source, "m").test(body)', { source, body }, { timeout: MATCH_LIMIT_MS }) === true
  } catch {
    return undefined
  }
}

function* unmetJson(answer: Answer, { json }: Expectations, clean: (text: string) => string): Generator<Unmet> {
  if (json.length === 0) return
  const document = parsed(answer.body)
  for (const { path, value } of json) {
    const found = valueAt(document, path)
    if (isDeepStrictEqual(found, value)) continue
    const expected = `(expected ${asText(value)})`
    if (found === undefined)
      yield { kind: 'body', text: `nothing at ${jsonPathText(path)}${notJson(answer)} ${expected}` }
    else yield { kind: 'body', text: `${jsonPathText(path)} is ${clean(asText(found))} ${expected}` }
  }
}

function* unmetHeaders({ headers }: Answer, { headers: wanted }: Expectations): Generator<Unmet> {
  for (const [name, value] of wanted) {
    const found = headers.get(name)?.trim()
    // `application/json` also stands for `application/json; charset=utf-8`.
    if (found === value || (!value.includes(';') && found?.split(';')[0]?.trim() === value)) continue
    yield { kind: 'header', text: `the header ${name} is ${found === undefined ? 'missing' : 'not as expected'}` }
  }
}

function* unmetLatency({ latencyMs }: Answer, { maxLatencyMs }: Expectations): Generator<Unmet> {
  if (maxLatencyMs === undefined || latencyMs <= maxLatencyMs) return
  yield {
    kind: 'latency',
    text: `the answer took ${durationText(latencyMs)} (at most ${durationText(maxLatencyMs)})`,
    key: 'slow',
  }
}

function* unmetCertificate({ certificateEnds }: Answer, { minDays, now }: CertificateRule): Generator<Unmet> {
  if (certificateEnds === undefined || certificateEnds - now >= minDays * DAY_MS) return
  const days = Math.floor((certificateEnds - now) / DAY_MS)
  const end = new Date(certificateEnds).toISOString().slice(0, 10)
  yield { kind: 'certificate', text: `the TLS certificate ends in ${days} days, on ${end} (at least ${minDays} days)` }
}

function notJson({ body, truncated }: Answer): string {
  if (truncated) return ' (the body is longer than 1 MiB)'
  return parsed(body) === undefined ? ' (the body is no JSON)' : ''
}

function parsed(body: string, reviver?: (this: unknown, ...rest: unknown[]) => unknown): unknown {
  try {
    return JSON.parse(body, reviver)
  } catch {
    return undefined
  }
}

function asText(value: unknown): string {
  return shortened(JSON.stringify(value) ?? String(value))
}

/** The beginning of a body that a person can read, on one line. */
function beginning({ body, headers }: Answer): string {
  if (!/^$|text|json|xml|javascript|urlencoded/i.test(headers.get('content-type') ?? '')) return ''
  const line = body
    .slice(0, 4 * EVIDENCE_CHARACTERS)
    .replace(/\s+/g, ' ')
    .trim()
  return line.length > EVIDENCE_CHARACTERS
    ? `${line.slice(0, EVIDENCE_CHARACTERS).replace(/[\ud800-\udbff]$/, '')}…`
    : line
}
