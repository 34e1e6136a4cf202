import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'

/** An answer of the Docker Engine that is no success; `message` is the engine's own text. */
export class DockerApiError extends Error {
  override readonly name = 'DockerApiError'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export interface DockerCall {
  readonly query?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** where the Docker Engine listens: DOCKER_HOST as the docker command reads it, `unix://` and `tcp://` without TLS */
function listener(dockerHost: string | undefined): RequestOptions {
  if (dockerHost === undefined || dockerHost === '') return { socketPath: '/var/run/docker.sock' }
  const url = new URL(dockerHost)
  if (url.protocol === 'unix:') return { socketPath: url.pathname }
  if (url.protocol === 'tcp:' || url.protocol === 'http:') return { host: url.hostname, port: url.port || 2375 }
  throw new Error(`DOCKER_HOST '${dockerHost}' is neither unix:// nor tcp://`)
}

export async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of response) if (Buffer.isBuffer(chunk)) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

function messageOf(text: string): string {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && 'message' in value) return String(value.message)
  } catch {
    // not every error of the engine is JSON
  }
  return text.trim()
}

/** The Docker Engine API, at the version that Engine 20.10 and all later ones understand. */
export class DockerApi {
  readonly #listener: RequestOptions

  constructor(dockerHost: string | undefined) {
    this.#listener = listener(dockerHost)
  }

  /**
   * @returns the response as soon as its headers are there; the caller reads the body
   * @throws DockerApiError for a status of 400 and above
   */
  async open(method: string, path: string, call: DockerCall = {}): Promise<IncomingMessage> {
    const query = new URLSearchParams(call.query).toString()
    const body = call.body === undefined ? undefined : JSON.stringify(call.body)
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = httpRequest(
        {
          ...this.#listener,
          method,
          path: `/v1.41${path}${query === '' ? '' : `?${query}`}`,
          headers: {
            ...(body === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
            ...call.headers,
          },
          // no pool: attached streams hold their connection, and nothing may keep the process alive at the end
          agent: false,
          ...(call.signal === undefined ? {} : { signal: call.signal }),
        },
        resolve,
      )
      request.on('error', reject)
      request.end(body)
    })
    const status = response.statusCode ?? 0
    if (status >= 400) throw new DockerApiError(status, messageOf(await textOf(response)))
    return response
  }

  /** the body as JSON, undefined when it is empty */
  async json(method: string, path: string, call: DockerCall = {}): Promise<unknown> {
    const text = await textOf(await this.open(method, path, call))
    return text.trim() === '' ? undefined : JSON.parse(text)
  }
}

export function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {}
}

export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter(entry => typeof entry === 'string') : []
}
