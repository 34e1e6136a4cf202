import http from 'node:http'
import https from 'node:https'
import type { Readable } from 'node:stream'

/** One HTTP request; a body that is a function gives a fresh stream for every try. */
export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: URL
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | { readonly bytes: number; readonly open: () => Readable }
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly body: Buffer
}

/** A connection without a byte in either direction for so long is given up. Committing a large layer takes ECR a while. */
const IDLE_MS = 90_000
const ANSWER_LIMIT_BYTES = 8 * 1024 * 1024

/** Connections are kept: a push of many small layers would spend most of its time on handshakes. */
export class HttpConnections {
  readonly #plain = new http.Agent({ keepAlive: true, maxSockets: 16, scheduling: 'lifo' })
  readonly #tls = new https.Agent({ keepAlive: true, maxSockets: 16, scheduling: 'lifo' })

  close(): void {
    this.#plain.destroy()
    this.#tls.destroy()
  }

  /** Sends one request and reads the whole answer. @throws Node's errors for broken connections, the signal's reason */
  async exchange({ method, url, headers = {}, body }: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    signal.throwIfAborted()
    const plain = url.protocol === 'http:'
    const length = body === undefined ? undefined : Buffer.isBuffer(body) ? body.length : body.bytes
    try {
      return await new Promise((resolve, reject) => {
        const request = (plain ? http : https).request(
          url,
          {
            method,
            signal,
            agent: plain ? this.#plain : this.#tls,
            headers: {
              'user-agent': 'aws-deploy-actions',
              ...headers,
              ...(length === undefined && (method === 'GET' || method === 'HEAD' || method === 'DELETE')
                ? {}
                : { 'content-length': String(length ?? 0) }),
            },
          },
          response => {
            const chunks: Buffer[] = []
            let bytes = 0
            response.on('data', (chunk: Buffer) => {
              bytes += chunk.length
              if (bytes > ANSWER_LIMIT_BYTES) request.destroy(new Error('the answer is too long'))
              else chunks.push(chunk)
            })
            response.on('error', reject)
            response.on('end', () =>
              resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
            )
            // An answer before all was sent is a refusal: the rest need not be sent, and the connection cannot be used again.
            response.on('end', () => {
              if (!request.writableFinished) request.destroy()
            })
          },
        )
        request.setTimeout(IDLE_MS, () =>
          request.destroy(Object.assign(new Error(`no byte for ${IDLE_MS / 1000} s`), { code: 'ETIMEDOUT' })),
        )
        request.on('error', reject)
        if (body === undefined || Buffer.isBuffer(body)) {
          request.end(body)
          return
        }
        const stream = body.open()
        stream.on('error', error => {
          reject(error)
          request.destroy()
        })
        request.on('close', () => stream.destroy())
        stream.pipe(request)
      })
    } catch (error) {
      signal.throwIfAborted()
      throw error
    }
  }
}

/** `127.0.0.0/8`, `[::1]` and `localhost`: the addresses that Docker, too, speaks plain HTTP to. */
export function isLoopback(host: string): boolean {
  return /^(?:127(?:\.\d{1,3}){3}|localhost|\[::1\])(?::\d+)?$/.test(host)
}
