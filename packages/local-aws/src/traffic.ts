import { Agent, request as httpRequest } from 'node:http'

/** Requests that are under way all the time, none tried twice. */
export interface Traffic {
  /** so far, in every state */
  total(): number
  failed(): number
  /** at most 20, in words: when, which path, what came instead of an answer */
  failures(): readonly string[]
  /** what the answers' version header said, in order of appearance */
  versions(): readonly string[]
  /** settles when the last request has ended */
  stop(): Promise<void>
}

export interface TrafficOptions {
  /** asked in turn by every client */
  readonly paths: readonly string[]
  /** clients that ask at the same time, each with a connection of its own that it keeps open; default 4 */
  readonly clients?: number
  /** from an answer to the client's next request (ms); default 0 */
  readonly pauseMs?: number
  /** an answer that takes longer counts as failed (ms); default 10,000 */
  readonly timeoutMs?: number
  /** name of the header, in small letters, in which an answer tells its version; default `x-version` */
  readonly versionHeader?: string
}

const REMEMBERED = 20

/**
 * Asks an address over and over, as people do while a service is being deployed. A request fails when it has no complete
 * answer, or one that is not 2xx. Nothing is asked again, not even over a connection that the other side closed: that is
 * why it is node:http, whose agent never repeats a request (its documentation, `request.reusedSocket`).
 */
export function startTraffic(url: string, options: TrafficOptions): Traffic {
  const { paths, clients = 4, pauseMs = 0, timeoutMs = 10_000, versionHeader = 'x-version' } = options
  const versions = new Set<string>()
  const failures: string[] = []
  let total = 0
  let failed = 0
  let stopping = false

  async function ask(path: string, agent: Agent): Promise<void> {
    total += 1
    const began = new Date().toISOString()
    try {
      const { status, headers } = await answerOf(url + path, agent, timeoutMs)
      if (status < 200 || status > 299) throw new Error(`HTTP ${status}`)
      const version = headers[versionHeader]
      if (typeof version === 'string') versions.add(version)
    } catch (error) {
      failed += 1
      if (failures.length < REMEMBERED) failures.push(`${began} ${path}: ${error}`)
    }
  }

  async function client(): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    try {
      for (let turn = 0; !stopping; turn += 1) {
        await ask(paths[turn % paths.length] ?? '/', agent)
        if (pauseMs > 0) await new Promise(resolve => setTimeout(resolve, pauseMs))
      }
    } finally {
      agent.destroy()
    }
  }

  const running = Promise.all(Array.from({ length: clients }, client))
  return {
    total: () => total,
    failed: () => failed,
    failures: () => failures,
    versions: () => [...versions],
    async stop() {
      stopping = true
      await running
    },
  }
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** Settles when the whole body is there. */
function answerOf(url: string, agent: Agent, timeoutMs: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { agent }, response => {
      response.once('error', reject)
      response.once('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers }))
      response.resume()
    })
    const timer = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
    request.once('error', reject)
    request.once('close', () => {
      clearTimeout(timer)
      reject(new Error('the connection ended before the answer did'))
    })
    request.end()
  })
}
