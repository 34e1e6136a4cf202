import { failureMarkdown } from '@aws-deploy-actions/action-runtime'
import type { FailureRecord, ReportRecord } from '@aws-deploy-actions/pipeline-report'
import { cutText } from '../legible.ts'
import type { Report } from '../reports.ts'
import type { JobFailure } from '../unstarted.ts'
import { evidence, type Limits, shown, shownCode } from './limits.ts'

/** What failed, with the words of who refused, the likely cause and what to do. */
export function failuresSection(reports: readonly Report[], unstarted: readonly JobFailure[], limits: Limits): string {
  const failures = [
    ...unstarted.map(({ job, failure }) => ({ record: undefined, job, failure })),
    ...reports.flatMap(({ record, job, superseded }) =>
      superseded ? [] : record.failures.map(failure => ({ record, job, failure })),
    ),
  ]
  if (failures.length === 0) return ''
  const parts = failures
    .slice(0, limits.rows)
    .map(({ record, job, failure }) => failurePart(record, job, failure, limits))
  const more = failures.length - parts.length
  if (more > 0) parts.push(`… and ${more} more`)
  return ['### What failed', ...parts].join('\n\n')
}

function failurePart(
  record: ReportRecord | undefined,
  job: string | undefined,
  failure: FailureRecord,
  limits: Limits,
): string {
  const { what, resource, seen = [] } = failure
  const where = [job, record?.action].flatMap(name => (name === undefined ? [] : [shown(name, limits)])).join(' · ')
  // The last lines of a task stand with the task.
  const elsewhere = record?.tasks?.some(({ lastLines: lines = [] }) => lines.length > 0) ?? false
  return [
    `❌ **${shown(what, limits)}**<br>${where}${resource === undefined ? '' : `: ${shownCode(resource, limits)}`}`,
    failureMarkdown(cutFailure(failure, limits)),
    elsewhere ? '' : evidence('Last seen', seen, limits),
  ]
    .filter(part => part !== '')
    .join('\n\n')
}

function cutFailure({ what, said, saidBy, cause, next }: FailureRecord, { rows, text }: Limits): FailureRecord {
  return {
    what,
    ...(said === undefined ? {} : { said: cutText(said, text) }),
    ...(saidBy === undefined ? {} : { saidBy: cutText(saidBy, text) }),
    ...(cause === undefined ? {} : { cause: cutText(cause, text) }),
    ...(next === undefined ? {} : { next: next.slice(0, Math.min(rows, 10)).map(step => cutText(step, text)) }),
  }
}
