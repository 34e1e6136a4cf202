import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http'
import type { Target } from './target-group.ts'

/** https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1 */
const hopByHop = ['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade']

/** an application load balancer's default idle time-out (ms) */
const IDLE_MS = 60_000

/**
 * Hands one request to one target, and its answer back. Nothing is ever tried again: what a target breaks, the client
 * sees as 502, as behind an application load balancer.
 */
export function forward(target: Target, port: number, request: IncomingMessage, response: ServerResponse): void {
  if (target.hostPort === undefined) {
    answerError(response, 504)
    return
  }
  target.inFlight += 1
  response.once('close', () => {
    target.inFlight -= 1
  })
  const upstream = httpRequest({
    host: '127.0.0.1',
    port: target.hostPort,
    method: request.method,
    path: request.url,
    headers: forwardedHeaders(request, port),
    agent: target.agent,
  })
  upstream.on('response', answer => {
    const { 'transfer-encoding': _encoding, ...headers } = endToEnd(answer.headers)
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, headers)
    answer.pipe(response)
    answer.on('error', () => response.destroy())
  })
  upstream.on('error', () => {
    if (response.headersSent) response.destroy()
    else answerError(response, 502)
  })
  upstream.setTimeout(IDLE_MS, () => {
    if (!response.headersSent) answerError(response, 504)
    upstream.destroy()
  })
  response.once('close', () => {
    if (!response.writableFinished) upstream.destroy()
  })
  request.pipe(upstream)
}

/** An application load balancer's own error page. */
export function answerError(response: ServerResponse, status: 502 | 503 | 504 | 404): void {
  const titles = {
    404: 'Not Found',
    502: 'Bad Gateway',
    503: 'Service Temporarily Unavailable',
    504: 'Gateway Time-out',
  }
  const title = `${status} ${titles[status]}`
  const page = `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n</body>\r\n</html>\r\n`
  response.writeHead(status, { server: 'awselb/2.0', 'content-type': 'text/html' })
  response.end(page)
}

function endToEnd(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHop.includes(name)))
}

function forwardedHeaders(request: IncomingMessage, port: number): OutgoingHttpHeaders {
  const before = request.headers['x-forwarded-for']
  const client = request.socket.remoteAddress ?? ''
  return {
    ...endToEnd(request.headers),
    'x-forwarded-for': before === undefined ? client : `${String(before)}, ${client}`,
    'x-forwarded-proto': 'http',
    'x-forwarded-port': String(port),
  }
}
