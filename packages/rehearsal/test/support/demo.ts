import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect } from '@jest/globals'

const DEMO = new URL('../../../../scripts/demo', import.meta.url).pathname
/** as on a machine without Docker */
export const NO_DOCKER = { DOCKER_HOST: 'unix:///nowhere/docker.sock' }

/** The demo, as it runs. */
export interface Demo {
  /** everything it has printed so far */
  output(): string
  /** waits until it has printed this; @throws Error when it ended before */
  until(words: string): Promise<void>
  /** as Ctrl-C does */
  interrupt(): void
  readonly exitCode: Promise<number | null>
  /** what it left in the folder for temporary files */
  left(): string[]
  /** the page that it left */
  page(): string
}

const ended: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ended.splice(0)) await end()
}, 60_000)

/** Starts scripts/demo; it is gone after the test. */
export function startedDemo(environment: Readonly<Record<string, string>> = {}): Demo {
  const folder = mkdtempSync(join(tmpdir(), 'demo-test-'))
  const temporary = mkdtempSync(join(folder, 'tmp-'))
  // As root the database server runs as another user.
  for (const path of [folder, temporary]) chmodSync(path, 0o711)
  const page = join(folder, 'rehearsal.html')
  const child = spawn(DEMO, ['--speed', '40', '--page', page], {
    env: { ...process.env, ...environment, TMPDIR: temporary, NODE_DISABLE_COMPILE_CACHE: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  let running = true
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', part => {
      text += part
    })
  }
  const exitCode = new Promise<number | null>(resolve => child.once('close', resolve)).finally(() => {
    running = false
  })
  ended.push(async () => {
    child.kill('SIGINT')
    await exitCode
    rmSync(folder, { recursive: true, force: true })
  })
  return {
    output: () => text,
    async until(words) {
      while (!text.includes(words)) {
        if (!running) throw new Error(`ended without "${words}":\n${text}`)
        await new Promise(resolve => setTimeout(resolve, 20))
      }
    },
    interrupt: () => child.kill('SIGINT'),
    exitCode,
    left: () => readdirSync(temporary),
    page: () => readFileSync(page, 'utf8'),
  }
}

/** Waits for the end, and looks at what somebody would see who reads along. */
export async function expectDelivered(demo: Demo, engine: string): Promise<void> {
  const exitCode = await demo.exitCode
  const output = demo.output()
  if (exitCode !== 0) throw new Error(`exit code ${exitCode}\n${output}`)
  expect(output).toContain(engine)
  // the deliveries, in order, and all the time requests: also during the rolling deployment and the rollback
  const ends = [
    ...output.matchAll(/^(\w+) after .* (\d+) requests through the load balancer meanwhile, (\d+) failed$/gm),
  ]
  expect(ends.map(([, status, , failed]) => [status, failed])).toEqual([
    ['success', '0'],
    ['failure', '0'],
    ['failure', '0'],
  ])
  for (const [, , requests] of ends) expect(Number(requests)).toBeGreaterThan(100)
  // what failed, where it failed, with the evidence
  expect(output).toMatch(
    /✗ deliver \/ migrate \/ migrate › Migrate shop[\s\S]*column "email" of relation "customers" contains/,
  )
  expect(output).toMatch(
    /✗ deliver \/ deploy \/ deploy › Deploy[\s\S]*exit code 1[\s\S]*api \| cannot start: PAYMENT_KEY is not set[\s\S]*2 of 2 services did not get the new version/,
  )
  expect(output).toContain('8 passed, 0 failed')
  const page = demo.page()
  expect(page).toContain('api | cannot start: PAYMENT_KEY is not set')
  expect(page.match(/<header/g)).toHaveLength(3)
  expect(demo.left()).toEqual([])
}
