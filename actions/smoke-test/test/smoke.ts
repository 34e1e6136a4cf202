import { createServer, type RequestListener } from 'node:http'
import { type JavaScriptActionResult, type RunningAction, startJavaScriptAction } from '@aws-deploy-actions/rehearsal'
import { expect, test } from '@jest/globals'
import { type Listening, listening } from '../../../test/support/servers.ts'

export const FOLDER = new URL('..', import.meta.url).pathname

/** One entry of `results`. */
export interface Result {
  readonly name: string
  readonly url: string
  readonly passed: boolean
  readonly attempts: number
  readonly status: number | null
  readonly version: string | null
  readonly latencyMs: number | null
  readonly phasesMs: Readonly<Record<string, number>> | null
  readonly error: string | null
}

/** Quick where the test does not say otherwise. */
const QUICK = { interval: '100ms', timeout: '30s' }

/**
 * Runs the bundle; whatever it waits for, its process is gone 5 s after its deadline. Its time begins when the step does:
 * starting a process can take long on a busy machine.
 */
export async function smoke(
  inputs: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string>> = {},
): Promise<JavaScriptActionResult> {
  const all = { ...QUICK, ...inputs }
  const action = await startJavaScriptAction(FOLDER, { inputs: all, environment })
  const spawnedAt = Date.now()
  const result = await action.result
  const { status, report = '' } = result.outputs
  if (status !== undefined) {
    const began = Date.parse(JSON.parse(report).startedAt)
    expect(spawnedAt + result.took - began).toBeLessThan(milliseconds(all.timeout) + 5000)
  }
  return result
}

function milliseconds(duration: string): number {
  const [, amount, unit] = /^(\d+)(ms|s|m)$/.exec(duration) ?? []
  return Number(amount) * (unit === 'ms' ? 1 : unit === 's' ? 1000 : 60_000)
}

export function startSmoke(inputs: Readonly<Record<string, string>>): Promise<RunningAction> {
  return startJavaScriptAction(FOLDER, { inputs: { ...QUICK, ...inputs } })
}

/** The output `results`, parsed. */
export function resultsOf({ outputs }: JavaScriptActionResult): Result[] {
  return JSON.parse(outputs['results'] ?? 'null')
}

/** What is owed however it ends. */
export function expectEnd(result: JavaScriptActionResult, status: 'passed' | 'failed' | 'cancelled'): void {
  const { exitCode, outputs, reports, annotations, stderr, stdout } = result
  if (outputs['status'] !== status) throw new Error(`status ${outputs['status']}\n${stdout}\n${stderr}`)
  expect(outputs['passed']).toBe(String(status === 'passed'))
  expect(stderr).toBe('')
  expect(reports).toHaveLength(1)
  expect(JSON.parse(outputs['report'] ?? '')).toMatchObject({ action: 'smoke-test', status })
  expect(annotations.filter(({ level }) => level === 'error')).toHaveLength(status === 'passed' ? 0 : 1)
  if (status !== 'cancelled') expect(exitCode).toBe(status === 'passed' ? 0 : 1)
}

/** One test with a server of its own; those of a file run side by side. */
export function withServer(
  name: string,
  answer: RequestListener,
  body: (url: string, server: Listening) => Promise<void>,
  host?: string,
): void {
  test.concurrent(name, async () => {
    const server = await listening(createServer(answer), host)
    try {
      await body(`http://${host === '::1' ? '[::1]' : '127.0.0.1'}:${server.port}`, server)
    } finally {
      await server.close()
    }
  })
}

/** A port at which nothing listens. */
export async function freePort(): Promise<number> {
  const server = await listening(createServer())
  await server.close()
  return server.port
}
