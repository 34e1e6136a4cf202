import type { Answer, Check, Phases } from './check.ts'
import { unmetReason, versionOf } from './evaluate.ts'
import { type Exchange, type ExchangeOptions, exchange } from './exchange.ts'
import { ProbeFailure, type Reason } from './reason.ts'
import { type Hop, nextHop } from './redirect.ts'
import { secretsOf, withoutSecrets } from './shown.ts'

export interface ProbeOptions extends Omit<ExchangeOptions, 'timeoutMs'> {
  /** per request; each redirect is a request */
  readonly requestTimeoutMs: number
  readonly followRedirects: boolean
  readonly tlsMinDays: number
}

/** What one attempt found. Holds no secret of the check. */
export interface Attempt {
  /** undefined when it passed */
  readonly reason: Reason | undefined
  /** of the final answer */
  readonly status: number | undefined
  readonly version: string | undefined
  readonly latencyMs: number | undefined
  readonly phases: Phases | undefined
}

/**
 * Asks once, follows redirects, and compares the final answer with what is expected. Never throws for what the other
 * side does.
 * @throws the signal's reason
 */
export async function probe(check: Check, options: ProbeOptions): Promise<Attempt> {
  const secrets = secretsOf(check)
  const clean = (text: string): string => withoutSecrets(text, secrets)
  try {
    const answer = await finalAnswer(check, options)
    if ('kind' in answer) return { ...NOTHING, reason: { ...answer, text: clean(answer.text) } }
    const { status, latencyMs, phases } = answer
    const from = check.expect.version?.from
    const version = from === undefined ? undefined : versionOf(answer, from)
    return {
      reason: unmetReason(answer, check.expect, { minDays: options.tlsMinDays, now: Date.now() }, clean),
      status,
      version: version === undefined ? undefined : clean(version),
      latencyMs,
      phases,
    }
  } catch (error) {
    if (error instanceof ProbeFailure) return { ...NOTHING, reason: error.reason }
    throw error
  }
}

const NOTHING = { status: undefined, version: undefined, latencyMs: undefined, phases: undefined } as const

async function finalAnswer(
  { url, method, headers, body }: Check,
  { requestTimeoutMs, followRedirects, ...options }: ProbeOptions,
): Promise<Answer | Reason> {
  const hops: Hop[] = [{ url, method, headers, body }]
  const answers: Exchange[] = []
  for (let hop = hops[0]; hop !== undefined; hop = hops[answers.length]) {
    const answer = await exchange(hop, { ...options, timeoutMs: requestTimeoutMs })
    answers.push(answer)
    const next = followRedirects ? nextHop(hops, answer.status, answer.headers.get('location')) : undefined
    if (next === undefined) return summed(answer, answers)
    if ('kind' in next) return next
    hops.push(next)
  }
  throw new Error('A request without an answer and without an error.')
}

/** The final answer with the time and the certificates of the whole way. */
function summed({ status, headers, body, truncated }: Exchange, way: readonly Exchange[]): Answer {
  const sum = (phase: keyof Phases): number => way.reduce((total, { phases }) => total + phases[phase], 0)
  const phases: Phases = {
    dns: sum('dns'),
    connect: sum('connect'),
    tls: sum('tls'),
    firstByte: sum('firstByte'),
    body: sum('body'),
  }
  const ends = way.flatMap(({ certificateEnds }) => (certificateEnds === undefined ? [] : [certificateEnds]))
  return {
    status,
    headers,
    body,
    truncated,
    latencyMs: Object.values(phases).reduce((total, ms) => total + ms, 0),
    phases,
    certificateEnds: ends.length === 0 ? undefined : Math.min(...ends),
  }
}
