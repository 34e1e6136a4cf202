import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js'
import schema from '../report.schema.json' with { type: 'json' }
import type { ReportRecord } from './record.ts'

const ajv = new Ajv2020({ formats: { 'date-time': isDateTime } })
const validate = ajv.compile<ReportRecord>(schema)

/** What a text with reports holds: records that are as the schema says, and what is wrong with the others. */
export interface ReadReports {
  readonly records: readonly ReportRecord[]
  /** one sentence each, in our words; names of fields come from the text */
  readonly problems: readonly string[]
}

/**
 * The records in a text: a `report` output, a file of `deploy-reports`, a JSON array of records, or one record a line
 * (what a workflow makes of several steps). Never throws.
 */
export function readReports(text: string): ReadReports {
  const records: ReportRecord[] = []
  const problems: string[] = []
  for (const value of valuesIn(text, problems)) {
    if (validate(value)) records.push(value)
    else problems.push(problemText(value, validate.errors?.[0]))
  }
  return { records, problems }
}

function valuesIn(text: string, problems: string[]): unknown[] {
  if (text.trim() === '') {
    problems.push('it is empty')
    return []
  }
  const whole = parsed(text)
  if (whole !== undefined) return Array.isArray(whole.value) ? whole.value : [whole.value]
  const lines = text.split('\n').filter(line => line.trim() !== '')
  const values = lines.map(parsed)
  if (lines.length === 1 || values.every(value => value === undefined)) {
    problems.push('it is no JSON')
    return []
  }
  return values.flatMap((value, index) => {
    if (value === undefined) problems.push(`line ${index + 1} is no JSON`)
    return value === undefined ? [] : [value.value]
  })
}

function parsed(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) }
  } catch {
    return undefined
  }
}

function problemText(value: unknown, error: ErrorObject | undefined): string {
  const version: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, 'schema') : undefined
  if (typeof version === 'number' && version !== schema.properties.schema.const)
    return `it has the form ${version} of a report, and this version reads form ${schema.properties.schema.const}`
  const where = error?.instancePath.slice(1).replaceAll('/', '.') || 'it'
  return `it is no report: ${where} ${error?.message ?? 'is not as the schema says'}`
}

function isDateTime(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/.test(text) && !Number.isNaN(Date.parse(text))
}
