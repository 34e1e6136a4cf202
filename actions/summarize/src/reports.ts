import { readFile } from 'node:fs/promises'
import { publishable, type ReportRecord, readReports, reportKey } from '@aws-deploy-actions/pipeline-report'
import type { FoundFile } from './files.ts'
import { legible } from './legible.ts'
import type { NeededJob } from './needs.ts'
import type { RunJob } from './run-jobs.ts'

/** Larger than any record that an action leaves. */
const LARGEST_BYTES = 16 * 1024 * 1024

/** What one step did, and which job it belongs to. */
export interface Report {
  readonly record: ReportRecord
  /** the job's id; undefined when nothing says it */
  readonly job: string | undefined
  /** the same action of the same job left a record in a later attempt of this run, or it failed and the job succeeded since */
  readonly earlier: boolean
  /** earlier, and a failure: it was run again */
  readonly superseded: boolean
}

export interface Reports {
  /** in the order in which the steps began, each once */
  readonly reports: readonly Report[]
  /** one sentence for each report that is broken: of which file or job, and what is wrong */
  readonly problems: readonly string[]
}

type Found = Omit<Report, 'earlier' | 'superseded'>

interface Source {
  readonly name: string
  readonly text: string
  readonly job: string | undefined
}

/**
 * The records in report files and in the `report` outputs of needed jobs. The same one twice counts once.
 * @param runAttempt of this run, counted from 1; undefined where nothing says it
 * @param runJobs what the jobs API tells of this attempt
 */
export async function reportsFrom(
  files: readonly FoundFile[],
  jobs: readonly NeededJob[],
  runAttempt: string | undefined,
  runJobs: readonly RunJob[],
): Promise<Reports> {
  const problems: string[] = []
  const sources: Source[] = []
  for (const { path, name, bytes } of files) {
    if (bytes > LARGEST_BYTES) problems.push(`${name}: it has ${bytes} bytes, more than any report`)
    else {
      try {
        sources.push({ name, text: await readFile(path, 'utf8'), job: undefined })
      } catch (error) {
        problems.push(`${name}: it cannot be read (${error instanceof Error ? error.message : error})`)
      }
    }
  }
  for (const { id, outputs } of jobs) {
    for (const [output, text] of Object.entries(outputs)) {
      // A job of several steps names them after each, e.g. `smoke-report`; a step that did not run left nothing.
      if (/(?:^|-)report$/.test(output) && text.trim() !== '')
        sources.push({ name: `output ${output} of job ${id}`, text, job: id })
    }
  }
  const found = new Map<string, Found>()
  for (const { name, text, job } of sources) {
    const read = readReports(text)
    problems.push(...read.problems.map(problem => `${name}: ${problem}`))
    for (const record of read.records) {
      const key = reportKey(record)
      const known = found.get(key)
      // Inside a called workflow a record knows only the callee's job; the output tells the caller's.
      const whole = known?.record.omitted === undefined ? known?.record : undefined
      found.set(key, { record: whole ?? publishable(record, legible), job: job ?? known?.job ?? record.run.job })
    }
  }
  const reports = [...found.values()].sort(
    (a, b) =>
      Date.parse(a.record.startedAt) - Date.parse(b.record.startedAt) || (a.record.action < b.record.action ? -1 : 1),
  )
  return {
    reports: markSuperseded(reports, succeededJobs(jobs, runJobs), Number(runAttempt ?? 0) || 0),
    problems: problems.map(legible),
  }
}

// The other jobs of a matrix share id and action, and are not run again when they succeeded.
// A step may leave a record only when it fails: of a second attempt that succeeded, only the job's result tells.
function markSuperseded(reports: readonly Found[], succeeded: ReadonlySet<string>, runAttempt: number): Report[] {
  const latest = new Map<string, number>()
  for (const report of reports) latest.set(step(report), Math.max(latest.get(step(report)) ?? 0, attempt(report)))
  return reports.map(report => {
    const failed = report.record.failures.length > 0
    // A record that does not say its attempt is of this one.
    const isOld = attempt(report) > 0 && attempt(report) < runAttempt
    const mended = failed && isOld && succeeded.has(report.job ?? '')
    const earlier = mended || attempt(report) < (latest.get(step(report)) ?? 0)
    return { ...report, earlier, superseded: earlier && failed }
  })
}

/** Ids of jobs. A record from inside a called workflow knows that one's job, which only the jobs API has beside the needed one. */
function succeededJobs(jobs: readonly NeededJob[], runJobs: readonly RunJob[]): Set<string> {
  const inner = new Map<string, boolean>()
  for (const { name, state } of runJobs) {
    const id = (name.split(' / ').at(-1) ?? name).replace(/ \(.*\)?$/s, '')
    inner.set(id, state === 'success' && inner.get(id) !== false)
  }
  const needed = jobs.filter(({ result }) => result === 'success').map(({ id }) => id)
  const ids = new Set(jobs.map(({ id }) => id))
  return new Set([...needed, ...[...inner].flatMap(([id, all]) => (all && !ids.has(id) ? id : []))])
}

function step({ record: { run, action } }: Found): string {
  return JSON.stringify([run.id, run.job, action])
}

function attempt({ record }: Found): number {
  return Number(record.run.attempt ?? 0) || 0
}
