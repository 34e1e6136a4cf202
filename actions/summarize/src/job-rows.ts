import type { NeededJob, Needs } from './needs.ts'
import type { RunJob } from './run-jobs.ts'
import { isAllowedFailure, type Rules } from './verdict.ts'

/** One line of the table of jobs. */
export interface JobRow {
  readonly name: string
  /** a result or conclusion in GitHub's words; undefined when it is not known */
  readonly result: string | undefined
  readonly allowed: boolean
  /** milliseconds */
  readonly waited: number | undefined
  readonly took: number | undefined
  readonly url: string | undefined
  readonly failedSteps: readonly string[]
  readonly earlier: boolean
  /** a part of the needed job above it: of its matrix, or of the workflow that it calls */
  readonly isPart: boolean
}

/**
 * The needed jobs, each with what the jobs API tells of it and its parts below it; then the other jobs of the run. The
 * API knows jobs by the names they show, not by their ids, so a job whose `name` has nothing of its id stands among the
 * others.
 */
export function jobRows({ jobs: needed }: Needs, runJobs: readonly RunJob[], rules: Rules): JobRow[] {
  const left = new Set(runJobs)
  const rows: JobRow[] = []
  for (const need of needed) {
    const own = runJobs.filter(job => left.has(job) && belongsTo(job.name, need.id))
    for (const job of own) left.delete(job)
    rows.push(...rowsOf(need, own, isAllowedFailure(need, rules)))
  }
  return [...rows, ...[...left].map(job => runJobRow(job, false))]
}

function rowsOf(need: NeededJob, own: readonly RunJob[], allowed: boolean): JobRow[] {
  const [only] = own
  const whole = { name: need.id, result: need.result, allowed, isPart: false }
  if (only === undefined)
    return [{ ...whole, waited: undefined, took: undefined, url: undefined, failedSteps: [], earlier: false }]
  if (own.length === 1) return [{ ...runJobRow(only, false), ...whole, name: only.name }]
  // A skipped job has times too, which mean nothing.
  const ran = own.filter(({ state }) => state !== 'skipped')
  const began = least(ran.map(({ started }) => started))
  const created = least(ran.map(job => job.created))
  const ended = ran.some(({ completed }) => completed === undefined)
    ? undefined
    : Math.max(...ran.flatMap(({ completed }) => completed ?? []))
  return [
    {
      ...whole,
      waited: between(created, began),
      took: between(began, ended),
      url: undefined,
      failedSteps: [],
      earlier: own.every(({ earlier }) => earlier),
    },
    ...own.map(job => runJobRow(job, true)),
  ]
}

function runJobRow(job: RunJob, isPart: boolean): JobRow {
  const { name, state, created, started, completed, url, failedSteps, earlier } = job
  const ran = state !== 'skipped'
  return {
    name,
    result: state,
    allowed: false,
    waited: ran ? between(created, started) : undefined,
    took: ran ? between(started, completed) : undefined,
    url,
    failedSteps,
    earlier,
    isPart,
  }
}

/** `deploy`, `deploy (eu-west-1)`, `deploy / smoke test`; also `Deploy` and `Unit tests` for the id `unit-tests`. */
export function belongsTo(name: string, id: string): boolean {
  const first = name.split(' / ')[0] ?? name
  const withoutMatrix = first.replace(/ \(.*\)?$/s, '')
  return first === id || withoutMatrix === id || sluggish(withoutMatrix) === sluggish(id)
}

function sluggish(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '-')
}

function least(times: readonly (number | undefined)[]): number | undefined {
  const known = times.flatMap(time => time ?? [])
  return known.length === 0 ? undefined : Math.min(...known)
}

function between(from: number | undefined, to: number | undefined): number | undefined {
  return from === undefined || to === undefined ? undefined : Math.max(0, to - from)
}
