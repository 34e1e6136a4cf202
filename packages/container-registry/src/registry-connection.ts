import { types } from 'node:util'
import { type Clock, Failure, type Log } from '@aws-deploy-actions/action-runtime'
import { RegistryAuthorization, type RegistryCredentials } from './authorization.ts'
import { parseJson } from './content.ts'
import {
  DamagedAnswer,
  type HttpAnswer,
  HttpConnections,
  type HttpDownload,
  type HttpRequest,
  isLoopback,
} from './http-exchange.ts'
import { RegistryUnavailable, registryWords } from './registry-error.ts'

/** What a registry is spoken to with. */
export interface RegistryContext {
  readonly clock: Clock
  readonly log: Log
  /** aborted on cancel and at the deadline */
  readonly signal: AbortSignal
  /** keeps a secret out of everything that is printed */
  readonly hide: (secret: string) => void
}

/**
 * Faults in a row (5xx, broken connections) after which one part of an upload is given up: the whole push may be attempted
 * again. Throttling is not counted, and what may be repeated at will is repeated until the step's signal aborts.
 */
export const UPLOAD_FAULTS = 6
/** Half a minute of faults that hardly pass by themselves: an unknown host name, answers that are not what they say. */
const STUBBORN_FAULTS = 12

/** One registry host: connections, authorization and patience for all its repositories. */
export class RegistryConnection {
  /** `host` or `host:port` */
  readonly host: string
  readonly context: RegistryContext
  readonly #connections: HttpConnections
  readonly #authorization: RegistryAuthorization
  #toldAt = Number.NEGATIVE_INFINITY

  /** @param credentials undefined for a registry that is open to all; or a connection whose sockets and token are shared */
  constructor(
    host: string,
    credentials: RegistryCredentials | RegistryConnection | undefined,
    context: RegistryContext,
  ) {
    const shared = credentials instanceof RegistryConnection ? credentials : undefined
    this.host = host
    this.context = context
    this.#connections = shared === undefined ? new HttpConnections() : shared.#connections
    this.#authorization =
      shared === undefined
        ? new RegistryAuthorization(credentials instanceof RegistryConnection ? undefined : credentials, context.hide)
        : shared.#authorization
  }

  /** The same registry, whose requests also end when `signal` aborts. */
  abortedBy(signal: AbortSignal): RegistryConnection {
    return new RegistryConnection(this.host, this, {
      ...this.context,
      signal: AbortSignal.any([this.context.signal, signal]),
    })
  }

  /** `/v2/…` on this registry; plain HTTP on a loopback address. */
  url(path: string): URL {
    return new URL(path, `${isLoopback(this.host) ? 'http' : 'https'}://${this.host}`)
  }

  close(): void {
    this.#connections.close()
  }

  /**
   * Sends a request once, with authorization; answers a challenge. A `Location` on another host gets no credentials.
   * @throws Node's errors for broken connections
   */
  async once(request: HttpRequest, scope: string): Promise<HttpAnswer> {
    return this.#authorized(request, scope, sent => this.#connections.exchange(sent, this.context.signal))
  }

  /**
   * Sends a request until an answer comes that is no passing fault.
   * @throws RegistryUnavailable after `mostFaults` faults in a row; the signal's reason
   */
  async send(request: HttpRequest, scope: string, mostFaults?: number): Promise<HttpAnswer> {
    return this.riding(label(request), () => this.once(request, scope), mostFaults)
  }

  /**
   * As {@link send}, but the body of a success is left to be read. Follows redirects: ECR keeps its layers in S3.
   * @throws RegistryUnavailable, Failure for a redirect to nowhere
   */
  async download(request: HttpRequest, scope: string, mostFaults?: number): Promise<HttpDownload> {
    const follow = async (): Promise<HttpDownload> => {
      let { url } = request
      for (let redirects = 0; ; redirects++) {
        const answer = await this.#authorized({ ...request, url }, scope, sent =>
          this.#connections.download(sent, this.context.signal),
        )
        const { location } = answer.headers
        if (![301, 302, 303, 307, 308].includes(answer.status) || location === undefined) return answer
        url = new URL(location, url)
        if (redirects === 5 || (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.host)))) {
          throw new Failure(`The registry ${this.host} sends us to a place that is not to be used.`, {
            resource: label(request),
            cause: redirects === 5 ? 'It redirects in circles.' : `It redirects to ${url.origin}.`,
          })
        }
      }
    }
    return this.riding(label(request), follow, mostFaults)
  }

  async #authorized<Answer extends HttpAnswer>(
    request: HttpRequest,
    scope: string,
    send: (request: HttpRequest) => Promise<Answer>,
  ): Promise<Answer> {
    const ours = request.url.origin === this.url('/').origin
    for (let challenges = 0; ; challenges++) {
      const used = ours ? this.#authorization.header : undefined
      const authorization = used === undefined ? {} : { authorization: used }
      const answer = await send({ ...request, headers: { ...request.headers, ...authorization } })
      if (answer.status !== 401 || !ours || challenges === 2) return answer
      const challenge = answer.headers['www-authenticate']
      const better = await this.#authorization.answer(challenge, used, scope, ask => this.#exchangeRiding(ask))
      if (!better) return answer
    }
  }

  /**
   * Repeats `attempt` with jittered back-off while it meets passing faults.
   * @param mostFaults in a row; default: until the signal aborts
   * @throws RegistryUnavailable, the signal's reason
   */
  async riding<Answer extends HttpAnswer>(
    label: string,
    attempt: () => Promise<Answer>,
    mostFaults = Number.POSITIVE_INFINITY,
  ): Promise<Answer> {
    const { clock, signal } = this.context
    for (let faults = 0, throttles = 0, stubborn = 0; ; ) {
      const { answer, problem, isStubborn } = await attempt().then(
        found => ({ answer: found, problem: passingProblem(found), isStubborn: false }),
        (error: unknown) => {
          signal.throwIfAborted()
          return { answer: undefined, problem: brokenConnection(error), isStubborn: isStubbornFault(error) }
        },
      )
      if (answer !== undefined && problem === undefined) return answer
      const throttled = answer?.status === 429
      if (throttled) throttles++
      else faults++
      stubborn = isStubborn ? stubborn + 1 : 0
      if (faults >= mostFaults || stubborn >= STUBBORN_FAULTS) {
        throw new RegistryUnavailable(
          `The registry ${this.host} did not answer as it should, ${faults} times in a row.`,
          {
            resource: label,
            said: problem ?? '',
            ...(answer === undefined ? { saidBy: 'The connection' } : {}),
            next: ['Look at the registry’s health and run the step again; what was sent already is not sent again.'],
          },
        )
      }
      this.#tell(`${label}: ${problem}; trying again.`)
      await clock.sleep(backoffMs(throttled ? throttles : faults, throttled, retryAfterMs(answer)), signal)
    }
  }

  async #exchangeRiding(request: HttpRequest): Promise<HttpAnswer> {
    return this.riding('asking for a registry token', async () => {
      const answer = await this.#connections.exchange(request, this.context.signal)
      if (answer.status === 200 && !isJson(answer.body)) throw new DamagedAnswer('the token arrived damaged')
      return answer
    })
  }

  /** One line at the start of a bad spell, then one every ten seconds. */
  #tell(text: string): void {
    const now = this.context.clock.now()
    if (now - this.#toldAt < 10_000) return
    this.#toldAt = now
    this.context.log.info(`Registry: ${text}`)
  }
}

function isJson(bytes: Buffer): boolean {
  try {
    parseJson(bytes)
    return true
  } catch {
    return false
  }
}

function label({ method, url }: HttpRequest): string {
  return `${method} ${url.pathname}`
}

const PASSING = new Set([408, 429, 500, 502, 503, 504])
const BROKEN =
  /^(?:ECONNRESET|ECONNREFUSED|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENETDOWN|EAI_AGAIN|ENOTFOUND|HPE_.+)$/

/** The words of an answer that another try may not meet; undefined for one that counts. */
export function passingProblem(answer: HttpAnswer): string | undefined {
  return PASSING.has(answer.status) ? registryWords(answer).text : undefined
}

/** The words of a broken connection. @throws the error itself when it is something else */
export function brokenConnection(error: unknown): string {
  if (error instanceof DamagedAnswer) return error.message
  if (types.isNativeError(error) && !(error instanceof Failure)) {
    const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
    if (BROKEN.test(code)) return `${code}: ${error.message}`
    if (/socket hang up|aborted/.test(error.message)) return error.message
  }
  throw error
}

function isStubbornFault(error: unknown): boolean {
  return error instanceof DamagedAnswer || (types.isNativeError(error) && 'code' in error && error.code === 'ENOTFOUND')
}

function retryAfterMs(answer: HttpAnswer | undefined): number {
  const seconds = Number(answer?.headers['retry-after'])
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds * 1000, 20_000) : 0
}

/** Full jitter over the upper half: 0.1–0.2 s, doubling up to 2.5–5 s; throttling starts at half a second. */
export function backoffMs(tries: number, throttled: boolean, askedMs: number): number {
  const most = Math.min(5000, (throttled ? 500 : 200) * 2 ** Math.min(tries - 1, 6))
  return Math.max(most / 2 + (Math.random() * most) / 2, askedMs)
}
