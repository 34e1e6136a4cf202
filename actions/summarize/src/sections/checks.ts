import { durationText } from '@aws-deploy-actions/action-runtime'
import type { Report } from '../reports.ts'
import { type Limits, shown, shownCode, shownTable } from './limits.ts'

/** Smoke tests, failed ones first. */
export function checksSection(reports: readonly Report[], limits: Limits): string {
  const checks = reports
    .flatMap(({ record, superseded }) => (superseded ? [] : (record.checks ?? [])))
    .sort((a, b) => Number(a.passed) - Number(b.passed))
  if (checks.length === 0) return ''
  const rows = checks.map(({ name, url, passed, attempts, status, version, latencyMs, error }) => [
    `${passed ? '✅' : '❌'} ${name === url ? shownCode(url, limits) : `${shown(name, limits)}<br>${shownCode(url, limits)}`}`,
    status === undefined ? '–' : String(status),
    version === undefined ? '–' : shownCode(version, limits),
    latencyMs === undefined ? '–' : durationText(latencyMs),
    String(attempts),
    error === undefined ? '' : shown(error, limits),
  ])
  const header = ['Check', 'Status', 'Version', 'Latency', 'Attempts', 'Reason']
  return `### Smoke tests\n\n${shownTable(header, rows, limits)}`
}
