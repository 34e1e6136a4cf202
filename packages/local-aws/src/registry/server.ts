import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { expiredAnswer } from './access.ts'
import { type Answer, errorAnswer } from './answers.ts'
import { ConnectionBroken, type RegistryState } from './exchange.ts'
import { type Outcome, outcomeOf } from './gate.ts'
import type { RegistryFault, RegistryHooks, RegistryRecord } from './hooks.ts'
import type { RegistryScope } from './repositories.ts'
import { operationName, type Route, routeOf } from './routes.ts'

/** What the path, the query and the headers that matter say, for the journal. */
function inputOf(route: Route, url: URL, request: IncomingMessage): Record<string, string> {
  const { kind, ...parts } = route
  // a layer's link carries its signature there
  const input: Record<string, string> = kind === 'layer' ? {} : Object.fromEntries(url.searchParams)
  for (const [part, value] of Object.entries(parts)) if (typeof value === 'string') input[part] = value
  for (const header of ['range', 'content-range', 'content-length']) {
    const value = request.headers[header]
    if (typeof value === 'string') input[header] = value
  }
  return input
}

/** a fault's answer in place of the operation; undefined when the operation runs */
function answerInstead(fault: RegistryFault | undefined): Answer | undefined {
  switch (fault?.kind) {
    case 'throttle':
      // docker shows ECR's as "toomanyrequests: Rate exceeded" (aws/aws-cdk issue 16927)
      return errorAnswer('TOOMANYREQUESTS', fault.message ?? 'Rate exceeded', 429, { 'retry-after': 1 })
    case 'error':
      return errorAnswer(fault.code ?? 'UNKNOWN', fault.message ?? 'Internal Server Error', fault.status ?? 500)
    case 'expired':
      return expiredAnswer
    case 'answer': {
      const headers = { 'content-type': 'application/json' }
      return { status: fault.status ?? 200, headers, body: JSON.stringify(fault.body ?? {}) }
    }
    default:
      return undefined
  }
}

function errorCodeOf(answer: Answer): string | undefined {
  if (answer.status < 400 || typeof answer.body !== 'string') return undefined
  return /"code":"([^"]+)"/.exec(answer.body)?.[1]
}

/** Writes the answer; after `breakAfter` bytes of its body the socket is destroyed. */
async function write(response: ServerResponse, answer: Answer, head: boolean, breakAfter?: number): Promise<void> {
  const { status, headers = {}, body } = answer
  const length = typeof body === 'string' || Buffer.isBuffer(body) ? { 'content-length': Buffer.byteLength(body) } : {}
  response.writeHead(status, { 'docker-distribution-api-version': 'registry/2.0', ...length, ...headers })
  if (head || body === undefined) {
    response.end()
    return
  }
  let left = breakAfter ?? Number.POSITIVE_INFINITY
  const chunks: AsyncIterable<unknown> | Iterable<unknown> = body instanceof Readable ? body : [Buffer.from(body)]
  for await (const chunk of chunks) {
    if (!Buffer.isBuffer(chunk)) continue
    if (chunk.length > left) {
      await new Promise(flushed => response.write(chunk.subarray(0, left), flushed))
      throw new ConnectionBroken('fault')
    }
    left -= chunk.length
    if (!response.write(chunk)) await drained(response)
  }
  response.end()
}

/** @throws ConnectionBroken when the client went away */
async function drained(response: ServerResponse): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const gone = (): void => reject(new ConnectionBroken('client went away'))
    if (response.destroyed) return gone()
    response.once('close', gone)
    response.once('drain', () => {
      response.off('close', gone)
      resolve()
    })
  })
}

export interface RegistryPort {
  /** `127.0.0.1:PORT` */
  readonly address: string
  close(): Promise<void>
}

/** Opens a loopback port that speaks OCI distribution 1.1 for the private or for the public registry. */
export async function openRegistryPort(
  kind: RegistryScope['kind'],
  state: () => RegistryState,
  hooks: RegistryHooks,
): Promise<RegistryPort> {
  const stopping = new AbortController()

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', socket } = request
    const url = new URL(request.url ?? '/', `http://${request.headers.host ?? 'localhost'}`)
    const route = routeOf(method, url.pathname)
    if (route === undefined) {
      await write(response, errorAnswer('UNSUPPORTED', 'The operation is unsupported.', 404), method === 'HEAD')
      return
    }
    const operation = operationName(method, route)
    const input = inputOf(route, url, request)
    const fault = hooks.fault?.(operation, input)
    const entry = { operation, input, ...(fault === undefined ? {} : { fault: fault.kind }) }
    const dropped = (outcome?: Outcome): void => {
      hooks.record?.({ ...entry, status: 0, needs: outcome?.needs ?? [] })
      socket.destroy()
    }
    if (fault?.kind === 'delay') await sleep(fault.delayMs ?? 0, undefined, { signal: stopping.signal })
    const breakAfter = fault?.kind === 'reset' ? fault.afterBytes : undefined
    if (fault?.kind === 'reset' && breakAfter === undefined) return dropped()
    let outcome: Outcome | undefined
    try {
      const instead = answerInstead(fault)
      outcome =
        instead === undefined
          ? await outcomeOf(state(), hooks, { request, kind, route, url, breakAfter })
          : { answer: instead, needs: [] }
      if (fault?.kind === 'lost-answer') return dropped(outcome)
      const { answer, needs, denied } = outcome
      const broken = { ...answer, headers: { ...answer.headers, 'content-length': 12 }, body: '{"malformed:' }
      const error = errorCodeOf(answer)
      const record: RegistryRecord = {
        ...entry,
        status: answer.status,
        needs,
        ...(error === undefined ? {} : { error }),
        ...(denied === undefined ? {} : { denied }),
      }
      // before the answer leaves: whoever has it finds the request in the journal
      hooks.record?.(record)
      await write(response, fault?.kind === 'malformed' ? broken : answer, method === 'HEAD', breakAfter)
    } catch (error) {
      if (!(error instanceof ConnectionBroken)) throw error
      if (!response.headersSent) dropped(outcome)
      else socket.destroy()
    } finally {
      // what the client still sends of a refused upload must not block the connection
      request.resume()
    }
  }

  const server = createServer((request, response) => {
    const { socket } = request
    serve(request, response).catch((error: unknown) => {
      if (response.headersSent || stopping.signal.aborted) {
        socket.destroy()
        return
      }
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
      hooks.record?.({ operation: `${request.method} ${request.url}`, input: { message }, status: 500, needs: [] })
      response.writeHead(500).end()
    })
  })
  // a layer may take longer than Node's five minutes
  server.requestTimeout = 0
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('the registry has no port')
  return {
    address: `127.0.0.1:${bound.port}`,
    async close() {
      stopping.abort()
      const closed = new Promise(resolve => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}
