import type { NeededJob, Needs, Result } from './needs.ts'

/** What counts. */
export interface Rules {
  readonly failOn: ReadonlySet<Result>
  readonly allowedToFail: ReadonlySet<string>
  readonly allowedToSkip: ReadonlySet<string>
}

export interface Verdict {
  readonly status: Result
  /** this job must fail too */
  readonly fails: boolean
  /** one sentence; holds job ids */
  readonly sentence: string
}

/**
 * The verdict over all jobs: failure beats cancelled beats skipped. A job without a known result is a failure whatever
 * the rules say, and so are needs that hold no job: nothing is green that was not seen.
 */
export function verdictOf({ jobs, problem }: Needs, rules: Rules): Verdict {
  if (problem !== undefined) return { status: 'failure', fails: true, sentence: problem }
  const sentence = sentenceOf(jobs, rules)
  if (jobs.some(({ result }) => result === undefined)) return { status: 'failure', fails: true, sentence }
  const counting = jobs.filter(job => !isAllowedFailure(job, rules))
  const has = (result: Result): boolean => counting.some(job => job.result === result)
  if (has('failure')) return { status: 'failure', fails: fails(counting, rules), sentence }
  if (has('cancelled')) return { status: 'cancelled', fails: fails(counting, rules), sentence }
  if (jobs.every(({ result }) => result === 'skipped'))
    return { status: 'skipped', fails: fails(counting, rules), sentence }
  if (fails(counting, rules)) return { status: 'skipped', fails: true, sentence }
  return { status: 'success', fails: false, sentence }
}

/** It failed, and that counts for nothing. */
export function isAllowedFailure({ id, result }: NeededJob, { allowedToFail }: Rules): boolean {
  return result === 'failure' && allowedToFail.has(id)
}

/** It was skipped, and that fails this job. */
export function isForbiddenSkip({ id, result }: NeededJob, { failOn, allowedToSkip }: Rules): boolean {
  return result === 'skipped' && failOn.has('skipped') && !allowedToSkip.has(id)
}

function fails(counting: readonly NeededJob[], rules: Rules): boolean {
  return counting.some(job => {
    if (job.result === 'skipped') return isForbiddenSkip(job, rules)
    return job.result !== undefined && rules.failOn.has(job.result)
  })
}

function sentenceOf(jobs: readonly NeededJob[], rules: Rules): string {
  const forbidden = jobs.filter(job => isForbiddenSkip(job, rules))
  const groups: readonly (readonly [readonly NeededJob[], (names: string) => string])[] = [
    [jobs.filter(job => job.result === 'failure' && !isAllowedFailure(job, rules)), names => `${names} failed`],
    [jobs.filter(job => job.result === undefined), names => `${names} ended without a known result`],
    [jobs.filter(job => job.result === 'cancelled'), names => `${names} ${are(names)} cancelled`],
    [forbidden, names => `${names} ${are(names)} skipped, and must not be`],
    [jobs.filter(job => isAllowedFailure(job, rules)), names => `${names} failed, which is allowed`],
  ]
  const parts = groups.flatMap(([group, text]) => (group.length === 0 ? [] : [text(listed(group))]))
  const succeeded = jobs.filter(job => job.result === 'success').length
  const skipped = jobs.filter(job => job.result === 'skipped' && !forbidden.includes(job)).length
  const rest: string[] = []
  if (succeeded > 0) rest.push(`${jobCount(succeeded, jobs.length)} succeeded`)
  if (skipped > 0) {
    const some = succeeded > 0 ? String(skipped) : jobCount(skipped, jobs.length)
    rest.push(`${some} ${skipped === 1 ? 'was' : 'were'} skipped`)
  }
  if (rest.length > 0) parts.push(rest.join(', '))
  // Ids of jobs stay as they are.
  return `${parts.join('; ').replace(/^(?=all \d|both jobs|the only job)./, first => first.toUpperCase())}.`
}

function jobCount(some: number, all: number): string {
  if (some < all) return `${some} of ${all} jobs`
  return all === 1 ? 'the only job' : all === 2 ? 'both jobs' : `all ${all} jobs`
}

const NAMES = 5

function listed(jobs: readonly NeededJob[]): string {
  const names = jobs.slice(0, NAMES).map(({ id }) => id)
  const more = jobs.length - names.length
  if (more > 0) return `${names.join(', ')} and ${more} more`
  const last = names.pop() ?? ''
  return names.length === 0 ? last : `${names.join(', ')} and ${last}`
}

function are(names: string): string {
  return / and /.test(names) ? 'were' : 'was'
}
