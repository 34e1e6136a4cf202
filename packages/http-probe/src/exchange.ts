import { type IncomingMessage, request } from 'node:http'
import { isIP, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { durationText } from '@aws-deploy-actions/action-runtime'
import { ACCEPT_ENCODING, bodyOf } from './body.ts'
import type { Phases } from './check.ts'
import { firstConnection } from './connect.ts'
import { addressesOf, type Lookup } from './lookup.ts'
import { codeOf, networkReason, type Phase, ProbeFailure, reason, timeoutReason } from './reason.ts'
import type { Hop } from './redirect.ts'
import { basicCredentials } from './shown.ts'

/** One request's answer, redirects not followed. */
export interface Exchange {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
  readonly truncated: boolean
  readonly certificateEnds: number | undefined
  readonly phases: Phases
}

export interface ExchangeOptions {
  readonly timeoutMs: number
  readonly lookup: Lookup
  /** its reason is thrown as it is */
  readonly signal: AbortSignal
}

class TimedOut extends Error {}

/**
 * Makes one request on a connection of its own, which is closed at the end whatever happens.
 * @throws ProbeFailure saying why there is no answer; the signal's reason
 */
export async function exchange(hop: Hop, { timeoutMs, lookup, signal }: ExchangeOptions): Promise<Exchange> {
  signal.throwIfAborted()
  const { hostname, protocol } = hop.url
  const host = hostname.replace(/^\[|\]$/g, '')
  const port = Number(hop.url.port) || (protocol === 'https:' ? 443 : 80)
  const stop = new AbortController()
  const abort = (): void => stop.abort(signal.reason)
  signal.addEventListener('abort', abort)
  const timer = setTimeout(() => stop.abort(new TimedOut()), timeoutMs)
  const watch = new Stopwatch()
  const tried: string[] = []
  let socket: Socket | undefined
  try {
    const addresses = await unlessAborted(addressesOf(host, isIP(host), lookup), stop.signal)
    tried.push(
      ...addresses.map(({ address, family }) => (family === 6 ? `[${address}]:${port}` : `${address}:${port}`)),
    )
    watch.begin('connect')
    const plain = await firstConnection(addresses, port, stop.signal)
    socket = plain
    let certificateEnds: number | undefined
    if (protocol === 'https:') {
      watch.begin('tls')
      const secured = connectTls({
        socket: plain,
        host,
        ...(isIP(host) === 0 ? { servername: host } : {}),
        ALPNProtocols: ['http/1.1'],
        // Said here, so that NODE_TLS_REJECT_UNAUTHORIZED cannot turn it off.
        rejectUnauthorized: true,
      })
      socket = secured
      await unlessAborted(secureConnection(secured), stop.signal)
      certificateEnds = endOf(secured)
    }
    watch.begin('answer')
    const message = await unlessAborted(answerOn(socket, hop), stop.signal)
    watch.begin('body')
    const { body, truncated } = await unlessAborted(bodyOf(message), stop.signal)
    return {
      status: message.statusCode ?? 0,
      headers: headersOf(message),
      body,
      truncated,
      certificateEnds,
      phases: watch.end(),
    }
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof ProbeFailure) throw error
    const asked = { host, port, phase: watch.phase, addresses: tried }
    if (error instanceof TimedOut) throw new ProbeFailure(timeoutReason(asked, durationText(timeoutMs)))
    throw new ProbeFailure(networkReason(tellingError(error), asked), { cause: error })
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
    socket?.destroy()
  }
}

/** Of one error per address the one that tells most: a machine without IPv6 says so for every name that has it. */
function tellingError(error: unknown): unknown {
  const errors: readonly unknown[] = error instanceof AggregateError ? error.errors : [error]
  return errors.find(entry => !/^(?:ENETUNREACH|EADDRNOTAVAIL|EAFNOSUPPORT)$/.test(codeOf(entry))) ?? errors[0]
}

function unlessAborted<Value>(value: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((settle, fail) => {
    const abort = (): void => fail(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort)
    value.then(settle, fail).finally(() => signal.removeEventListener('abort', abort))
  })
}

function secureConnection(socket: TLSSocket): Promise<void> {
  return new Promise((settle, fail) => {
    // 'error' stays: the request on top has its own, and a broken socket may say it twice.
    socket.on('error', fail)
    socket.once('close', () => fail(Object.assign(new Error('closed'), { code: 'ECONNRESET' })))
    socket.once('secureConnect', settle)
  })
}

function endOf(socket: TLSSocket): number | undefined {
  const end = Date.parse(socket.getPeerCertificate().valid_to)
  return Number.isNaN(end) ? undefined : end
}

function answerOn(socket: Socket, { url, method, headers, body }: Hop): Promise<IncomingMessage> {
  return new Promise((settle, fail) => {
    const sent: Record<string, string> = {
      host: url.host,
      accept: '*/*',
      'accept-encoding': ACCEPT_ENCODING,
      'user-agent': 'aws-deploy-actions smoke-test',
      ...(url.username === '' && url.password === '' ? {} : { authorization: `Basic ${basicCredentials(url)}` }),
      ...Object.fromEntries(headers),
      ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
    }
    // Without an agent: one connection, one request, `Connection: close`.
    const asking = request({
      createConnection: () => socket,
      method,
      path: `${url.pathname}${url.search}`,
      headers: sent,
      setHost: false,
    })
    asking.on('error', fail)
    asking.once('response', settle)
    asking.once('upgrade', () => fail(new ProbeFailure(reason('not-http', 'it switches to another protocol (101)'))))
    asking.end(body)
  })
}

function headersOf({ rawHeaders }: IncomingMessage): Map<string, string> {
  const headers = new Map<string, string>()
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase()
    const value = rawHeaders[at + 1] ?? ''
    const earlier = headers.get(name)
    headers.set(name, earlier === undefined ? value : `${earlier}, ${value}`)
  }
  return headers
}

class Stopwatch {
  phase: Phase = 'dns'
  #began = performance.now()
  readonly #took: Record<Phase, number> = { dns: 0, connect: 0, tls: 0, answer: 0, body: 0 }

  begin(phase: Phase): void {
    const now = performance.now()
    this.#took[this.phase] += now - this.#began
    this.#began = now
    this.phase = phase
  }

  end(): Phases {
    this.begin(this.phase)
    const { dns, connect, tls, answer, body } = this.#took
    return { dns, connect, tls, firstByte: answer, body }
  }
}
