import type { CommonStatus, FailureRecord } from '@aws-deploy-actions/pipeline-report'

/**
 * A failure that a person must be told of. Made where the knowledge is, shown once by the runtime. Subclasses say how
 * to react: correct the inputs, grant a permission, look at the application, try again.
 */
export class Failure extends Error {
  override readonly name: string = 'Failure'
  /** the status that the action ends with: a common one, or one of the action's own such as `not-started` */
  readonly status: CommonStatus | (string & {}) = 'failed'
  readonly details: Omit<FailureRecord, 'what'>
  /** true when its parts have been annotated already: then it is a line of the log, not one more annotation */
  readonly annotated: boolean = false

  /** @param what one sentence: what failed */
  constructor(what: string, details: Omit<FailureRecord, 'what'> = {}, options?: ErrorOptions) {
    super(what, options)
    this.details = details
  }

  get record(): FailureRecord {
    return { what: this.message, ...this.details }
  }
}

/** One wrong input. */
export interface InputProblem {
  readonly input: string
  readonly problem: string
}

/** Inputs that are wrong, all of them; nothing has been touched yet. */
export class InputError extends Failure {
  override readonly name = 'InputError'
  readonly problems: readonly InputProblem[]

  constructor(problems: readonly InputProblem[]) {
    super(problems.length === 1 ? 'An input is wrong.' : `${problems.length} inputs are wrong.`, {
      next: problems.map(({ input, problem }) => `${input}: ${problem}`),
    })
    this.problems = problems
  }
}

/** The time that the user allowed is over. */
export class DeadlineExceeded extends Failure {
  override readonly name = 'DeadlineExceeded'
  override readonly status = 'timed-out'
}

/** SIGINT or SIGTERM arrived: the run was cancelled, or the job ran into its own time-out. */
export class Cancelled extends Failure {
  override readonly name = 'Cancelled'
  override readonly status = 'cancelled'
  readonly signal: 'SIGINT' | 'SIGTERM'

  constructor(signal: 'SIGINT' | 'SIGTERM', what = 'The step was cancelled.') {
    super(what, { cause: `The runner sent ${signal}.` })
    this.signal = signal
  }
}

/** Any thrown value as a Failure: what nobody foresaw is shown as it is, never swallowed. */
export function asFailure(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  return new Failure(
    `${error.name}: ${error.message}`,
    { next: ['This was not foreseen; please report it with the debug log.'] },
    { cause: error },
  )
}

/** The failure as the text of one annotation. */
export function failureText({ what, resource, said, saidBy = 'AWS', seen, cause, next }: FailureRecord): string {
  const lines = [what]
  if (resource !== undefined) lines.push(`Resource: ${resource}`)
  if (said !== undefined) lines.push(`${saidBy} says: ${said}`)
  if (seen !== undefined && seen.length > 0) lines.push('Last seen:', ...seen.map(line => `  ${line}`))
  if (cause !== undefined) lines.push(`Likely cause: ${cause}`)
  if (next !== undefined && next.length > 0) {
    const [first] = next
    if (next.length === 1 && first !== undefined) lines.push(`What to do: ${first}`)
    else lines.push('What to do:', ...next.map(step => `- ${step}`))
  }
  return lines.join('\n')
}
