import type { ReportRecord } from './record.ts'

/** GitHub caps all outputs of a job at 1 MB; a matrix of reports must fit beside other outputs. */
const LIMIT_BYTES = 8 * 1024

const ACCOUNT = /(?<![0-9A-Za-z-])\d{12}(?![0-9A-Za-z-])/g
const PRIVATE_HOST = /\b\d{12}\.dkr[.-]ecr(?:-fips)?\.[a-z0-9-]+\.[a-z0-9.-]+\//g
const PUBLIC_HOST = /\bpublic\.ecr\.aws\//g
const LOOPBACK_HOST = /\b(?:127(?:\.\d{1,3}){3}|localhost|\[::1\]):\d+\/(?=[a-z0-9])/g

/**
 * The text without account ids and registry hosts: GitHub drops a whole job output that contains a masked value, and
 * configure-aws-credentials can mask the account id.
 */
export function withoutAccount(text: string): string {
  return text
    .replace(PRIVATE_HOST, 'ecr:')
    .replace(PUBLIC_HOST, 'ecr-public:')
    .replace(LOOPBACK_HOST, 'ecr:')
    .replace(ACCOUNT, '************')
}

/** The record with {@link withoutAccount} and `redact` applied to every text in it but GitHub's own numbers of the run. */
export function publishable(record: ReportRecord, redact: (text: string) => string = text => text): ReportRecord {
  return { ...record, ...mapTexts(record, text => withoutAccount(redact(text))), run: record.run }
}

/** The record as one line of JSON, at most 8 KiB: verdict and failures stay, the rest is cut and counted in `omitted`. */
export function reportLine(record: ReportRecord): string {
  for (const texts of [4000, 1000, 300, 120]) {
    for (const entries of [Number.POSITIVE_INFINITY, 50, 20, 10, 5, 2, 1, 0]) {
      const line = JSON.stringify(cut(record, texts, entries))
      if (Buffer.byteLength(line) <= LIMIT_BYTES) return line
    }
  }
  const [failure] = record.failures
  return JSON.stringify({
    schema: record.schema,
    action: record.action,
    status: record.status,
    verdict: record.verdict.slice(0, 1000),
    startedAt: record.startedAt,
    seconds: record.seconds,
    run: {},
    failures: failure === undefined ? [] : [{ what: failure.what.slice(0, 1000) }],
    omitted: { failures: Math.max(0, record.failures.length - 1) },
  } satisfies ReportRecord)
}

/** Lists other than `failures` shrink to `entries`; failures shrink to 10 and their texts to `texts` characters. */
function cut(record: ReportRecord, texts: number, entries: number): ReportRecord {
  const omitted: Record<string, number> = {}
  const shrink = (value: unknown, path: string): unknown => {
    if (typeof value === 'string') {
      if (value.length <= texts) return value
      omitted[path] = value.length - texts
      return `${value.slice(0, texts)}…`
    }
    if (Array.isArray(value)) {
      const keep = path === 'failures' || path.endsWith('.next') ? Math.max(10, entries) : entries
      if (value.length > keep) omitted[path] = value.length - keep
      const kept = path.endsWith('lastLines') && keep > 0 ? value.slice(-keep) : value.slice(0, keep)
      return kept.map((entry, index) => shrink(entry, `${path}[${index}]`))
    }
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(
        Object.entries(value).map(([key, entry]) => [key, shrink(entry, path === '' ? key : `${path}.${key}`)]),
      )
    }
    return value
  }
  const shrunk = { ...record }
  Object.assign(shrunk, shrink(record, ''))
  return Object.keys(omitted).length === 0 ? shrunk : { ...shrunk, omitted }
}

function mapTexts(value: unknown, change: (text: string) => string): object {
  const visit = (entry: unknown): unknown => {
    if (typeof entry === 'string') return change(entry)
    if (Array.isArray(entry)) return entry.map(visit)
    if (typeof entry === 'object' && entry !== null) {
      return Object.fromEntries(Object.entries(entry).map(([key, inner]) => [key, visit(inner)]))
    }
    return entry
  }
  const mapped = visit(value)
  return typeof mapped === 'object' && mapped !== null ? mapped : {}
}
