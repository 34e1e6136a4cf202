import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Action, Rule, RuleCondition } from '@aws-sdk/client-elastic-load-balancing-v2'
import { answerError, forward } from './proxy.ts'
import type { TargetGroup } from './target-group.ts'

/** A rule with what it does; the default rule has the priority `default`. */
export type ListenerRule = Rule & {
  readonly RuleArn: string
  Priority: string
  Conditions: RuleCondition[]
  Actions: Action[]
}

/** A listener: a real port of this machine, on loopback, with ordered rules before target groups. */
export class Listener {
  readonly arn: string
  readonly loadBalancerArn: string
  readonly rules: ListenerRule[] = []
  readonly #server: Server
  readonly #groupOf: (arn: string) => TargetGroup | undefined
  #port = 0

  constructor(arn: string, loadBalancerArn: string, groupOf: (arn: string) => TargetGroup | undefined) {
    this.arn = arn
    this.loadBalancerArn = loadBalancerArn
    this.#groupOf = groupOf
    this.#server = createServer((request, response) => this.#answer(request, response))
    // longer than clients keep idle connections, so that the server's side is not the one that closes
    this.#server.keepAliveTimeout = 65_000
  }

  get port(): number {
    return this.#port
  }

  /** @param port 0: any free one */
  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, '127.0.0.1', resolve)
    })
    const address = this.#server.address()
    this.#port = typeof address === 'object' && address !== null ? address.port : port
  }

  async close(): Promise<void> {
    const gone = new Promise(resolve => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await gone
  }

  /** in the order in which they are tried */
  ordered(): ListenerRule[] {
    const rank = ({ Priority }: ListenerRule) => (Priority === 'default' ? Number.POSITIVE_INFINITY : Number(Priority))
    return [...this.rules].sort((a, b) => rank(a) - rank(b))
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const rule = this.ordered().find(({ Conditions }) => Conditions.every(condition => holds(condition, request)))
    const action = rule?.Actions.at(-1)
    if (action?.Type === 'forward') {
      const target = this.#groupOf(chosenGroup(action) ?? '')?.next()
      if (target) forward(target, this.#port, request, response)
      else answerError(response, 503)
    } else if (action?.Type === 'fixed-response') answerFixed(action, response)
    else if (action?.Type === 'redirect') answerRedirect(action, request, response, this.#port)
    else answerError(response, 404)
  }
}

/** The target groups that an action forwards to, with their weights. */
export function forwardWeights(action: Action): Map<string, number> {
  const tuples = action.ForwardConfig?.TargetGroups ?? []
  if (tuples.length === 0) return new Map(action.TargetGroupArn === undefined ? [] : [[action.TargetGroupArn, 1]])
  return new Map(tuples.map(({ TargetGroupArn = '', Weight = 1 }) => [TargetGroupArn, Weight]))
}

function chosenGroup(action: Action): string | undefined {
  const weights = [...forwardWeights(action)].filter(([, weight]) => weight > 0)
  let rest = Math.random() * weights.reduce((total, [, weight]) => total + weight, 0)
  for (const [arn, weight] of weights) {
    rest -= weight
    if (rest < 0) return arn
  }
  return weights[0]?.[0]
}

/** https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-rules.html#rule-condition-types */
function holds(condition: RuleCondition, request: IncomingMessage): boolean {
  const { Field, Values, PathPatternConfig, HostHeaderConfig, HttpRequestMethodConfig } = condition
  const url = new URL(request.url ?? '/', 'http://localhost')
  if (Field === 'path-pattern') return anyMatches(PathPatternConfig?.Values ?? Values, url.pathname, false)
  if (Field === 'host-header') {
    const host = (request.headers.host ?? '').replace(/:\d+$/, '')
    return anyMatches(HostHeaderConfig?.Values ?? Values, host, true)
  }
  return HttpRequestMethodConfig?.Values?.includes(request.method ?? '') ?? false
}

/** `*` any number of characters, `?` exactly one */
function anyMatches(patterns: readonly string[] | undefined, text: string, ignoreCase: boolean): boolean {
  return (patterns ?? []).some(pattern => {
    const source = pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')
    return new RegExp(`^${source}$`, ignoreCase ? 'i' : '').test(text)
  })
}

function answerFixed({ FixedResponseConfig: fixed }: Action, response: ServerResponse): void {
  response.writeHead(Number(fixed?.StatusCode ?? 503), { 'content-type': fixed?.ContentType ?? 'text/plain' })
  response.end(fixed?.MessageBody ?? '')
}

function answerRedirect(
  { RedirectConfig: redirect }: Action,
  request: IncomingMessage,
  response: ServerResponse,
  port: number,
): void {
  const url = new URL(request.url ?? '/', 'http://localhost')
  const values: Readonly<Record<string, string>> = {
    protocol: 'http',
    host: (request.headers.host ?? '').replace(/:\d+$/, ''),
    port: String(port),
    path: url.pathname.slice(1),
    query: url.search.slice(1),
  }
  const filled = (text: string) => text.replace(/#\{(\w+)\}/g, (_, name: string) => values[name] ?? '')
  const protocol = filled(redirect?.Protocol ?? '#{protocol}').toLowerCase()
  const query = filled(redirect?.Query ?? '#{query}')
  const place = `${filled(redirect?.Host ?? '#{host}')}:${filled(redirect?.Port ?? '#{port}')}`
  const path = filled(redirect?.Path ?? '/#{path}')
  response.writeHead(redirect?.StatusCode === 'HTTP_301' ? 301 : 302, {
    location: `${protocol}://${place}${path}${query === '' ? '' : `?${query}`}`,
  })
  response.end()
}
