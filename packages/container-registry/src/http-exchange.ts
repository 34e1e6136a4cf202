import http from 'node:http'
import https from 'node:https'

/** One HTTP request; a body that is a function gives fresh bytes for every try. */
export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: URL
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | HttpBody
}

/** A body too large for memory. */
export interface HttpBody {
  readonly bytes: number
  /**
   * The bytes, piece by piece; a piece is asked for when the one before it is in the kernel's hands, so its memory may be
   * used again.
   * @param gone aborted when nobody waits for the bytes any more
   */
  readonly open: (gone: AbortSignal) => AsyncIterable<Buffer>
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly body: Buffer
}

/** An answer whose body is still to be read; `body` is empty. Of one that is no success, `body` has the words and there is no stream. */
export interface HttpDownload extends HttpAnswer {
  readonly stream: AsyncIterable<Buffer> | undefined
}

/** An answer that arrived, but is not what it says it is: another try may get it whole. */
export class DamagedAnswer extends Error {}

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
  async exchange(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    return this.#answered(request, signal, whole)
  }

  /** Sends one request and leaves the body of a success to be read. @throws as {@link exchange} */
  async download(request: HttpRequest, signal: AbortSignal): Promise<HttpDownload> {
    return this.#answered(request, signal, async (sent, response) => {
      const status = response.statusCode ?? 0
      if (status !== 200 && status !== 206) return { ...(await whole(sent, response)), stream: undefined }
      return { status, headers: response.headers, body: Buffer.alloc(0), stream: response }
    })
  }

  async #answered<Answer>(
    { method, url, headers = {}, body }: HttpRequest,
    signal: AbortSignal,
    read: (request: http.ClientRequest, response: http.IncomingMessage) => Promise<Answer>,
  ): Promise<Answer> {
    signal.throwIfAborted()
    const plain = url.protocol === 'http:'
    const length = body === undefined ? undefined : Buffer.isBuffer(body) ? body.length : body.bytes
    try {
      return await new Promise((resolve, reject) => {
        const request = (plain ? http : https).request(url, {
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
        })
        request.on('response', response => read(request, response).then(resolve, reject))
        request.setTimeout(IDLE_MS, () =>
          request.destroy(Object.assign(new Error(`no byte for ${IDLE_MS / 1000} s`), { code: 'ETIMEDOUT' })),
        )
        request.on('error', reject)
        if (body === undefined || Buffer.isBuffer(body)) request.end(body)
        else
          sendPieces(request, body).catch((error: unknown) => {
            reject(error)
            request.destroy()
          })
      })
    } catch (error) {
      signal.throwIfAborted()
      throw error
    }
  }
}

async function whole(request: http.ClientRequest, response: http.IncomingMessage): Promise<HttpAnswer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response) {
    bytes += chunk.length
    if (bytes > ANSWER_LIMIT_BYTES) throw new Error('the answer is too long')
    chunks.push(chunk)
  }
  // An answer before all was sent is a refusal: the rest need not be sent, and the connection cannot be used again.
  if (!request.writableFinished) request.destroy()
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }
}

async function sendPieces(request: http.ClientRequest, body: HttpBody): Promise<void> {
  const gone = new AbortController()
  request.once('close', () => gone.abort())
  try {
    for await (const piece of body.open(gone.signal)) {
      if (!(await isFlushed(request, piece))) return
    }
  } catch (error) {
    // Bytes that nobody waits for any more: why is known where the request ended.
    if (gone.signal.aborted) return
    throw error
  }
  request.end()
}

/** @returns false when the connection is gone; its own error tells why */
function isFlushed(request: http.ClientRequest, piece: Buffer): Promise<boolean> {
  return new Promise(resolve => {
    if (request.destroyed) {
      resolve(false)
      return
    }
    const lost = (): void => resolve(false)
    request.once('close', lost)
    request.write(piece, error => {
      request.off('close', lost)
      resolve(error === null || error === undefined)
    })
  })
}

/** `127.0.0.0/8`, `[::1]` and `localhost`: the addresses that Docker, too, speaks plain HTTP to. */
export function isLoopback(host: string): boolean {
  return /^(?:127(?:\.\d{1,3}){3}|localhost|\[::1\])(?::\d+)?$/.test(host)
}
