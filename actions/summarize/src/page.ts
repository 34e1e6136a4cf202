import { durationText } from '@aws-deploy-actions/action-runtime'
import type { Coverage } from './coverage.ts'
import type { JobRow } from './job-rows.ts'
import type { TestResults } from './junit.ts'
import type { Reports } from './reports.ts'
import type { RunFacts } from './run-facts.ts'
import type { RunJob } from './run-jobs.ts'
import { checksSection } from './sections/checks.ts'
import { hostsSection, servicesSection } from './sections/deployments.ts'
import { failuresSection } from './sections/failures.ts'
import { imagesSection } from './sections/images.ts'
import { jobsTable } from './sections/jobs.ts'
import { LIMITS, type Limits, link, shown, shownCode, shownTable } from './sections/limits.ts'
import { mark } from './sections/marks.ts'
import { migrationsSection, migrationsThatStay, otherTasksSection } from './sections/tasks.ts'
import { coverageSection, testsSection } from './sections/tests.ts'
import { timeline } from './sections/timeline.ts'
import type { JobFailure } from './unstarted.ts'
import type { Verdict } from './verdict.ts'

/** All that a page is made of. */
export interface Contents {
  readonly title: string
  readonly verdict: Verdict
  readonly facts: RunFacts
  readonly environmentUrl: string | undefined
  readonly rows: readonly JobRow[]
  readonly runJobs: readonly RunJob[]
  readonly unstarted: readonly JobFailure[]
  readonly reports: Reports
  readonly tests: readonly TestResults[]
  readonly coverage: readonly Coverage[]
  /** what the page lacks, and why, and what was given in vain; one sentence each */
  readonly notes: readonly string[]
  /** milliseconds since the epoch */
  readonly now: number
}

/** The page in at most so many bytes of markdown, as complete as it can be; verdict first. */
export function page(contents: Contents, bytes: number): string {
  for (const limits of LIMITS) {
    const markdown = wholePage(contents, limits)
    if (Buffer.byteLength(markdown) <= bytes) return markdown
  }
  const [least] = LIMITS.slice(-1)
  return least === undefined ? '' : [...head(contents, least), '_More did not fit._'].join('\n\n')
}

function wholePage(contents: Contents, limits: Limits): string {
  const { rows, runJobs, unstarted, reports, tests, coverage } = contents
  // A summary of a called workflow says nothing that the records which it read do not say.
  const steps = reports.reports.filter(({ record }) => record.action !== 'summarize')
  return [
    ...head(contents, limits),
    migrationsThatStay(steps, limits),
    jobsSection(rows, runJobs, limits),
    failuresSection(steps, unstarted, limits),
    imagesSection(steps, limits),
    migrationsSection(steps, limits),
    servicesSection(steps, limits),
    hostsSection(steps, limits),
    otherTasksSection(steps, limits),
    checksSection(steps, limits),
    testsSection(tests, limits),
    coverageSection(coverage, limits),
    otherSteps(steps, limits),
    notesSection(contents, limits),
  ]
    .filter(part => part !== '')
    .join('\n\n')
}

function head({ title, verdict, facts, environmentUrl, runJobs, now }: Contents, limits: Limits): string[] {
  const { number, attempt, runUrl, commitUrl, sha, subject, ref, actor } = facts
  const parts: string[] = []
  if (number !== undefined) {
    const run = `Run ${shown(number, limits)}${attempt === undefined || attempt === '1' ? '' : `, attempt ${shown(attempt, limits)}`}`
    parts.push(link(run, runUrl))
  }
  const began = Math.min(
    ...runJobs.flatMap(({ started, earlier }) => (started === undefined || earlier ? [] : started)),
  )
  if (Number.isFinite(began) && now > began) parts.push(durationText(now - began))
  if (sha !== undefined) {
    const commit = link(shownCode(sha.slice(0, 7), limits), commitUrl)
    parts.push(subject === undefined || subject === '' ? commit : `${commit} ${shown(subject, limits)}`)
  }
  if (ref !== undefined) parts.push(shownCode(ref, limits))
  if (actor !== undefined) parts.push(`by ${shown(actor, limits)}`)
  return [
    `## ${mark(verdict.status)} ${shown(title, limits)}: ${verdict.status}`,
    `**${shown(verdict.sentence, limits)}**${environmentUrl === undefined ? '' : `<br>🌐 ${link(shown(environmentUrl, limits), environmentUrl)}`}`,
    parts.join(' · '),
  ].filter(part => part !== '')
}

function jobsSection(rows: readonly JobRow[], runJobs: readonly RunJob[], limits: Limits): string {
  if (rows.length === 0) return ''
  return ['### Jobs', jobsTable(rows, limits), timeline(runJobs, limits)].filter(part => part !== '').join('\n\n')
}

/** Steps that left a verdict and nothing that has a section of its own. */
function otherSteps(reports: Reports['reports'], limits: Limits): string {
  const rows = reports.flatMap(({ record, job }) => {
    const { images, tasks, checks, services, instances, failures, action, status, verdict, seconds } = record
    const told = [images, tasks, checks, services, instances, failures].some(list => (list ?? []).length > 0)
    if (told) return []
    return [
      [
        shownCode(action, limits),
        job === undefined ? '–' : shown(job, limits),
        `${mark(status)} ${shown(verdict, limits)}`,
        durationText(seconds * 1000),
      ],
    ]
  })
  if (rows.length === 0) return ''
  return `### Other steps\n\n${shownTable(['Action', 'Job', 'Verdict', 'Took'], rows, limits)}`
}

function notesSection({ notes, reports }: Contents, limits: Limits): string {
  const broken = reports.problems.map(problem => `Skipped a report. ${problem}`)
  const all = [...notes, ...broken]
  const kept = all.slice(0, limits.rows).map(text => `- ${shown(text, limits)}`)
  if (all.length > kept.length) kept.push(`- … and ${all.length - kept.length} more`)
  return kept.length === 0 ? '' : `### Notes\n\n${kept.join('\n')}`
}
