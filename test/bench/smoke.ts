import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { runJavaScriptAction } from '@aws-deploy-actions/rehearsal'
import { listening } from '../support/servers.ts'
import { inParallel, median, quantile, type Row, seconds } from './measure.ts'

const ACTION = new URL('../../actions/smoke-test', import.meta.url).pathname
const RUNS = 30
const ADDRESSES = 200
const SLOWEST_MS = 1000
const ROUNDS = 5

/** How late smoke-test notices that something is up, and how long it takes for many addresses; beside curl. */
export async function smoke(): Promise<Row[]> {
  return [...(await readiness()), ...(await manyAddresses())]
}

async function readiness(): Promise<Row[]> {
  const runs = Array.from({ length: RUNS }, (_, run) => run)
  const ours = await inParallel(2, runs, () =>
    lateness(async url => {
      let passedAt = 0
      await runJavaScriptAction(ACTION, {
        inputs: { urls: url, interval: '500ms' },
        onOutput: text => {
          if (text.includes('passed after')) passedAt = performance.now()
        },
      })
      return passedAt
    }),
  )
  const others = await inParallel(2, runs, () =>
    lateness(async url => {
      const loop = spawn('sh', ['-c', 'until curl -sf -o /dev/null "$0"; do sleep 0.5; done', url], { stdio: 'ignore' })
      await once(loop, 'close')
      return performance.now()
    }),
  )
  const row = (what: string, part: number, aimMs: number): Row => ({
    what: `From listening to "passed" with \`interval: 500ms\`, ${what} of ${RUNS}, beside \`until curl; do sleep 0.5; done\``,
    ours: seconds(quantile(ours, part)),
    other: seconds(quantile(others, part)),
    ratio: (quantile(ours, part) / quantile(others, part)).toFixed(2),
    aim: `at most ${aimMs / 1000} s`,
    met: quantile(ours, part) <= aimMs,
  })
  return [row('median', 0.5, 500), row('latest', 1, 500)]
}

/** Milliseconds from the moment at which a server begins to listen until `noticed` says when it saw that. */
async function lateness(noticed: (url: string) => Promise<number>): Promise<number> {
  const before = await listening(createServer())
  await before.close()
  const seen = noticed(`http://127.0.0.1:${before.port}/`)
  await sleep(1000 + 1000 * Math.random())
  const server = await listening(
    createServer((_, response) => response.end()),
    '127.0.0.1',
    before.port,
  )
  const since = performance.now()
  const late = (await seen) - since
  await server.close()
  return late
}

async function manyAddresses(): Promise<Row[]> {
  // The first takes longest; the others anything up to it.
  const server = await listening(
    createServer((request, response) => {
      const at = Number(request.url?.slice(1))
      setTimeout(() => response.end(), at === 0 ? SLOWEST_MS : (SLOWEST_MS * ((at * 7919) % ADDRESSES)) / ADDRESSES)
    }),
  )
  const urls = Array.from({ length: ADDRESSES }, (_, at) => `http://127.0.0.1:${server.port}/${at}`)
  const ours: number[] = []
  const others: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const { outputs, took } = await runJavaScriptAction(ACTION, {
      inputs: { urls: urls.join('\n'), 'max-parallel': String(ADDRESSES) },
    })
    if (outputs['passed'] !== 'true') throw new Error(`not passed: ${outputs['results']}`)
    ours.push(took)
    const began = performance.now()
    const all = `printf '%s\\n' "$@" | xargs -P ${ADDRESSES} -n 1 curl -sf -o /dev/null`
    await promisify(execFile)('sh', ['-c', all, 'sh', ...urls])
    others.push(performance.now() - began)
  }
  await server.close()
  return [
    {
      what: `${ADDRESSES} addresses in parallel, the slowest takes ${SLOWEST_MS / 1000} s, start of the process included, beside \`xargs -P ${ADDRESSES} curl\` (median of ${ROUNDS})`,
      ours: seconds(median(ours)),
      other: seconds(median(others)),
      ratio: (median(ours) / median(others)).toFixed(2),
      aim: `at most ${(1.5 * SLOWEST_MS) / 1000} s`,
      met: median(ours) <= 1.5 * SLOWEST_MS,
    },
  ]
}
