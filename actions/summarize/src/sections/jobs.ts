import { durationText } from '@aws-deploy-actions/action-runtime'
import type { JobRow } from '../job-rows.ts'
import { type Limits, link, shown, shownTable } from './limits.ts'
import { mark } from './marks.ts'

/** The table of jobs; times only where the jobs API gave some. */
export function jobsTable(rows: readonly JobRow[], limits: Limits): string {
  if (rows.length === 0) return ''
  const timed = rows.some(({ took, waited }) => took !== undefined || waited !== undefined)
  return shownTable(
    timed ? ['Job', 'Result', 'Waited', 'Took'] : ['Job', 'Result'],
    rows.map(row => [
      nameCell(row, limits),
      resultCell(row, limits),
      ...(timed ? [time(row.waited), time(row.took)] : []),
    ]),
    limits,
  )
}

function nameCell({ name, url, isPart }: JobRow, limits: Limits): string {
  return `${isPart ? '└ ' : ''}${link(shown(name, limits), url)}`
}

function resultCell({ result, allowed, failedSteps, earlier }: JobRow, limits: Limits): string {
  const [step] = failedSteps
  const words = [
    `${mark(result)} ${result === undefined ? 'no known result' : shown(result.replaceAll('_', ' '), limits)}`,
  ]
  if (allowed) words.push('(allowed)')
  if (step !== undefined) words.push(`at “${shown(step, limits)}”`)
  if (earlier) words.push('(in an earlier attempt)')
  return words.join(' ')
}

// Under a second is a rounding of the API's whole seconds.
function time(ms: number | undefined): string {
  if (ms === undefined) return '–'
  return ms < 1000 ? '0s' : durationText(ms)
}
