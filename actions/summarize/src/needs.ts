/** Results of a job, in GitHub's words (the `needs` context). */
export const RESULTS = ['success', 'failure', 'cancelled', 'skipped'] as const
export type Result = (typeof RESULTS)[number]

/** One job that this one needs. */
export interface NeededJob {
  /** its id in the workflow */
  readonly id: string
  /** undefined when GitHub did not say any that we know */
  readonly result: Result | undefined
  readonly outputs: Readonly<Record<string, string>>
}

export interface Needs {
  readonly jobs: readonly NeededJob[]
  /** why it is no map of jobs; then there are none */
  readonly problem: string | undefined
}

/** The `needs` context out of its JSON. Never throws. */
export function needsFrom(json: string): Needs {
  const value = parsed(json)
  if (!isMap(value)) return { jobs: [], problem: 'needs is no map of jobs; give it ${{ toJSON(needs) }}.' }
  const jobs = Object.entries(value).map(([id, job]) => neededJob(id, job))
  return {
    jobs,
    problem: jobs.length > 0 ? undefined : 'needs holds no job; list the jobs that this one waits for in its `needs`.',
  }
}

function neededJob(id: string, job: unknown): NeededJob {
  const map = isMap(job) ? job : {}
  const outputs = isMap(map['outputs']) ? map['outputs'] : {}
  return {
    id,
    result: RESULTS.find(entry => entry === map['result']),
    outputs: Object.fromEntries(
      Object.entries(outputs).flatMap(([name, text]) => (typeof text === 'string' ? [[name, text]] : [])),
    ),
  }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
