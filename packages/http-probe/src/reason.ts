/** Kinds of reasons for which something is not there at all. */
const DOWN = ['dns', 'refused', 'unreachable', 'timeout', 'closed', 'tls'] as const
type Down = (typeof DOWN)[number]

export type ReasonKind =
  | Down
  | 'not-http'
  | 'redirect'
  | 'status'
  | 'version'
  | 'body'
  | 'header'
  | 'latency'
  | 'certificate'

/** Why an attempt did not pass. */
export interface Reason {
  readonly kind: ReasonKind
  /** `down: …` or `up, but …`; holds no secret */
  readonly text: string
  /** the same for attempts that fail in the same way, whatever figures are in the text */
  readonly key: string
  /** nothing came within the time that there was */
  readonly timedOut?: true
  /** the beginning of the answer's body, where it helps */
  readonly evidence?: string
}

const isDown = (kind: ReasonKind): kind is Down => DOWN.some(entry => entry === kind)

export function reason(kind: ReasonKind, text: string, key = text): Reason {
  return { kind, text: `${isDown(kind) ? 'down: ' : 'up, but '}${text}`, key: `${kind} ${key}` }
}

/** An attempt that ended without an answer to judge. */
export class ProbeFailure extends Error {
  override readonly name = 'ProbeFailure'
  readonly reason: Reason

  constructor(why: Reason, options?: ErrorOptions) {
    super(why.text, options)
    this.reason = why
  }
}

/** How far a request had come. */
export type Phase = 'dns' | 'connect' | 'tls' | 'answer' | 'body'

/** What was asked, for the words. */
export interface Asked {
  readonly host: string
  readonly port: number
  readonly phase: Phase
  /** those that were tried, `address:port` */
  readonly addresses: readonly string[]
}

/** The reason behind an error of Node's DNS, sockets, TLS (OpenSSL's names) or HTTP parser (`HPE_…`). */
export function networkReason(error: unknown, asked: Asked): Reason {
  const code = codeOf(error)
  const at = asked.addresses.length === 0 ? `${asked.host}:${asked.port}` : asked.addresses.join(' and ')
  if (asked.phase === 'dns') {
    if (code === 'EAI_AGAIN') return reason('dns', `the name ${asked.host} could not be looked up (${code})`)
    return reason('dns', `the name ${asked.host} does not resolve (${code})`)
  }
  const certificate = CERTIFICATE[code]
  if (certificate !== undefined) return reason('tls', `the TLS certificate of ${asked.host} ${certificate} (${code})`)
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG')
    return reason('tls', `port ${asked.port} of ${asked.host} does not speak TLS (${code})`)
  if (code.startsWith('HPE_')) return reason('not-http', `the answer is not valid HTTP (${code})`)
  if (code === 'ECONNREFUSED') return reason('refused', `nothing listens at ${at} (${code})`)
  if (asked.phase === 'connect') return reason('unreachable', `no connection to ${at} (${code})`)
  if (asked.phase === 'tls') {
    if (code === 'ECONNRESET')
      return reason('closed', `${asked.host} closed the connection during the TLS handshake (${code})`)
    return reason('tls', `no TLS with ${asked.host} (${code})`)
  }
  if (asked.phase === 'body') return reason('closed', `the connection was closed in the middle of the answer (${code})`)
  return reason('closed', `the connection was closed without an answer (${code})`)
}

const WAITED_FOR: Readonly<Record<Phase, string>> = {
  dns: 'the name was not looked up',
  connect: 'no connection',
  tls: 'connected, but no TLS handshake',
  answer: 'connected, but no answer',
  body: 'the answer began, but did not end',
}

/** @param within e.g. `10s` */
export function timeoutReason({ phase, host, port }: Asked, within: string): Reason {
  const kind = phase === 'dns' ? 'dns' : phase === 'connect' ? 'unreachable' : 'timeout'
  return {
    ...reason(kind, `${WAITED_FOR[phase]} within ${within} (${host}:${port})`, `timeout ${phase}`),
    timedOut: true,
  }
}

/** Node's `error.code`, the first inside an AggregateError; else the error's name. */
export function codeOf(error: unknown): string {
  const first = member(member(error, 'errors'), '0') ?? error
  const code = member(first, 'code') ?? member(first, 'name')
  return typeof code === 'string' ? code : 'unknown error'
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

const UNTRUSTED = 'is signed by nobody we trust'
const CERTIFICATE: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not valid yet',
  CERT_REVOKED: 'was revoked',
  CERT_SIGNATURE_FAILURE: 'has a wrong signature',
  CERT_UNTRUSTED: UNTRUSTED,
  CERT_REJECTED: 'was rejected',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: `${UNTRUSTED}, or the server does not send the certificate in between`,
  INVALID_CA: UNTRUSTED,
  INVALID_PURPOSE: 'is not made for a server',
  ERR_TLS_CERT_ALTNAME_INVALID: 'is for another name',
  ERR_TLS_CERT_ALTNAME_FORMAT: 'has a malformed name',
}
