import type { ReportRecord } from './record.ts'

/** GitHub caps all outputs of a job at 1 MB; a matrix of reports must fit beside other outputs. */
const LIMIT_BYTES = 8 * 1024

// Digests, SHAs and UUIDs can hold twelve digits in a row by chance; any other such run is taken for an account id,
// also inside a name (`logs-123456789012`): GitHub masks parts of words.
const ID_OR_ACCOUNT =
  /(?<![0-9A-Za-z])([0-9a-f]{32,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![0-9A-Za-z])|(?<!\d)\d{12}(?!\d)/g
const PRIVATE_HOST = /(?<!\d)\d{12}\.dkr[.-]ecr(?:-fips)?(?:\.[a-z0-9-]+){2,}(\/?)/g
const PUBLIC_HOST = /\bpublic\.ecr\.aws\b(\/?)/g
// Not in a URL: there it is what a person asked for, not a registry.
const LOOPBACK_HOST = /(?<![\w./@-])(?:127(?:\.\d{1,3}){3}|localhost|\[::1\]):\d+\/(?=[a-z0-9])/g

/**
 * The text without account ids and registry hosts: GitHub drops a whole job output that contains a masked value, and
 * configure-aws-credentials can mask the account id.
 */
export function withoutAccount(text: string): string {
  return text
    .replace(PRIVATE_HOST, (_, slash: string) => (slash === '' ? 'ecr' : 'ecr:'))
    .replace(PUBLIC_HOST, (_, slash: string) => (slash === '' ? 'ecr-public' : 'ecr-public:'))
    .replace(LOOPBACK_HOST, 'ecr:')
    .replace(ID_OR_ACCOUNT, (_, id: string | undefined) => id ?? '************')
}

/** The record with {@link withoutAccount} and `redact` applied to every text in it but GitHub's own numbers of the run. */
export function publishable(record: ReportRecord, redact: (text: string) => string = text => text): ReportRecord {
  return { ...record, ...mapTexts(record, text => withoutAccount(redact(text))), run: record.run }
}

/**
 * The record as one line of JSON, at most 8 KiB: verdict and failures stay, the rest is cut and counted in `omitted`.
 * The longest lists and texts go first, at last the failures' details.
 */
export function reportLine(record: ReportRecord): string {
  for (const texts of [4000, 1000, 300, 120]) {
    for (const entries of [Number.POSITIVE_INFINITY, 50, 20, 10, 5, 2, 1, 0]) {
      const line = JSON.stringify(cut(record, { texts, entries, failures: Math.max(10, entries) }))
      if (Buffer.byteLength(line) <= LIMIT_BYTES) return line
    }
  }
  const least: ReportRecord = { ...record, failures: record.failures.map(({ what }) => ({ what })) }
  for (const texts of [1000, 500, 200, 100]) {
    for (const failures of [10, 5, 2, 1]) {
      const line = JSON.stringify(cut(least, { texts, entries: 0, failures }))
      if (Buffer.byteLength(line) <= LIMIT_BYTES) return line
    }
  }
  // Not reached: the few texts that are left have at most 100 characters, 600 bytes of JSON.
  throw new Error('The report does not fit into 8 KiB.')
}

/** The same for the record that a file holds whole and for the line that was cut from it, and for no other step. */
export function reportKey(record: ReportRecord): string {
  return record.omitted === undefined ? reportLine(record) : JSON.stringify(record)
}

interface Limits {
  /** characters of a text */
  readonly texts: number
  /** of a list; `failures` and their `next` steps have their own limit */
  readonly entries: number
  readonly failures: number
}

function cut(record: ReportRecord, { texts, entries, failures }: Limits): ReportRecord {
  const omitted: Record<string, number> = {}
  const shrink = (value: unknown, path: string): unknown => {
    if (typeof value === 'string') {
      if (value.length <= texts) return value
      // Never half of a surrogate pair: not every JSON reader takes one.
      const kept = value.slice(0, texts).replace(/[\ud800-\udbff]$/, '')
      omitted[path] = value.length - kept.length
      return `${kept}…`
    }
    if (Array.isArray(value)) {
      const keep = path === 'failures' || path.endsWith('.next') ? failures : entries
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
