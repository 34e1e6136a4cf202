import type { Traffic } from '@aws-deploy-actions/local-aws'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { until } from '../../../test/support/task-cloud.ts'
import { startWebCloud, type WebCloud } from '../../../test/support/web-cloud.ts'

let cloud: WebCloud
beforeAll(async () => {
  cloud = await startWebCloud()
})
afterAll(async () => {
  await cloud.stop()
})

const REQUESTS = 5_000
/** Many at the same time: the way back is over in a second or two, and each round of it takes several, whatever the traffic. */
const CLIENTS = 32
const SLOW_CLIENTS = 8
const images = (tag: string): string => `api/api=ecr:api:${tag}\nweb/web=ecr:web:${tag}`
const SERVICES = ['api', 'web'] as const

/** The part of a round in which requests count; what comes before it (start-up, planning, the version that fails) does not. */
type Window = { readonly opens: () => void; readonly closes: () => Promise<void> }

/** Rolls until so many requests fell into the windows. Fewer go on all the time, and may not fail either. */
async function underTraffic(
  round: (number: number, window: Window) => Promise<void>,
  rounds = 1,
): Promise<{ during: number; versions: string[] }> {
  const always = cloud.traffic(['/slow?ms=50', '/api/slow?ms=50'], SLOW_CLIENTS)
  const streams = [always]
  let during = 0
  let opened: { readonly stream: Traffic; readonly before: number } | undefined
  const window: Window = {
    opens: () => {
      opened = { stream: cloud.traffic(['/', '/api/items'], CLIENTS), before: always.total() }
      streams.push(opened.stream)
    },
    closes: async () => {
      during += always.total() - (opened?.before ?? always.total())
      await opened?.stream.stop()
      during += opened?.stream.total() ?? 0
      opened = undefined
    },
  }
  try {
    for (let number = 0; number < rounds || during < REQUESTS; number += 1) await round(number, window)
  } finally {
    await Promise.all(streams.map(stream => stream.stop()))
  }
  expect(streams.flatMap(stream => stream.failures())).toEqual([])
  expect(streams.reduce((sum, stream) => sum + stream.failed(), 0)).toBe(0)
  return { during, versions: [...new Set(streams.flatMap(stream => stream.versions()))].sort() }
}

/** Runs the bundle; the window is open from what it prints until it, and the services, have settled. */
async function countedFrom(
  sign: string | RegExp,
  inputs: Readonly<Record<string, string>>,
  { opens, closes }: Window,
  onSign: (action: Awaited<ReturnType<WebCloud['startStep']>>) => void = () => {},
) {
  const action = await cloud.startStep(inputs)
  await until(`${sign}`, () => action.output().search(sign) >= 0)
  opens()
  onSign(action)
  const result = await action.result
  await Promise.all(SERVICES.map(name => cloud.settled(name)))
  await closes()
  return result
}

const UPDATED = /^(?:api|web): .* → .*, deployment/m

test('a rolling deployment of two services loses none of 5,000 requests', async () => {
  const { during, versions } = await underTraffic(async (number, window) => {
    for (const name of SERVICES) await cloud.push(name, `v2-${number}`, { version: `2-${number}` })
    const inputs = { services: 'api\nweb', images: images(`v2-${number}`) }
    const { exitCode, outputs } = await countedFrom(UPDATED, inputs, window)
    expect([exitCode, outputs['status']]).toEqual([0, 'deployed'])
  })
  expect(during).toBeGreaterThanOrEqual(REQUESTS)
  expect(versions).toEqual(expect.arrayContaining(['1', '2-0']))
}, 300_000)

test('a broken version, and its rollback, lose none of 5,000 requests, and nobody sees it', async () => {
  const { during, versions } = await underTraffic(async (number, window) => {
    await cloud.push('api', `v3-${number}`, { version: '3', health: 500 })
    await cloud.push('web', `v3-${number}`, { version: '3', crash: 1 })
    const inputs = { services: 'api\nweb', images: images(`v3-${number}`) }
    const { exitCode, outputs, summary } = await countedFrom(UPDATED, inputs, window)
    expect([exitCode, outputs['status']]).toEqual([1, 'rolled-back'])
    expect(summary).toContain('### ❌ 2 of 2 services did not get the new version; each of them runs what ran before.')
    // what matters is not behind ids that are wider than the page
    expect(summary.replace(/\(https?:[^)]*\)/g, '')).not.toMatch(/[0-9a-f]{32}|targetgroup\//)
  })
  expect(during).toBeGreaterThanOrEqual(REQUESTS)
  expect(versions).toHaveLength(1)
  expect(versions[0]).toMatch(/^2-/)
}, 300_000)

const BREAKER_ONLY = { enable: true, rollback: false, thresholdConfiguration: { type: 'COUNT' as const, value: 1 } }
/** How a version comes to be taken back by us, not by ECS: the status of the step, and when its way back begins. */
const OUR_WAYS_BACK = [
  { status: 'cancelled', sign: 'api | deployed', breaker: { enable: false, rollback: false } },
  { status: 'timed-out', sign: /rollback requested|going back/, breaker: { enable: false, rollback: false } },
  { status: 'rolled-back', sign: 'going back', breaker: BREAKER_ONLY },
] as const

test('a rollback that we request, of a version that takes requests already, loses none of 5,000', async () => {
  const { during, versions } = await underTraffic(async (number, window) => {
    const { status, sign, breaker } = OUR_WAYS_BACK[number % OUR_WAYS_BACK.length] ?? OUR_WAYS_BACK[0]
    // One task at a time, so that both versions serve for a while.
    const deploymentConfiguration = {
      deploymentCircuitBreaker: breaker,
      minimumHealthyPercent: 100,
      maximumPercent: 150,
    }
    await Promise.all(SERVICES.map(name => cloud.update(name, { deploymentConfiguration })))
    await cloud.push('api', `v4-${number}`, { version: '4' })
    // `web` never gets there, so the step goes on until it is told to end; `api` has been deployed by then.
    await cloud.push('web', `v4-${number}`, { version: '4', hang: true })
    const timeout = status === 'timed-out' ? '8s' : '1m'
    const inputs = { services: 'api\nweb', images: images(`v4-${number}`), rollback: 'all', timeout }
    const { outputs } = await countedFrom(sign, inputs, window, action => {
      if (status === 'cancelled') action.signal('SIGINT')
    })
    expect(outputs['status']).toBe(status)
  }, OUR_WAYS_BACK.length)
  expect(during).toBeGreaterThanOrEqual(REQUESTS)
  expect(versions).toEqual(expect.arrayContaining(['4']))
}, 300_000)

test('a rollback that is asked for loses none of 5,000 either', async () => {
  const { during, versions } = await underTraffic(async (number, window) => {
    for (const name of SERVICES) await cloud.push(name, `v5-${number}`, { version: `5-${number}` })
    expect((await cloud.run({ services: 'api\nweb', images: images(`v5-${number}`) })).exitCode).toBe(0)
    const inputs = { services: 'api\nweb', operation: 'rollback' }
    const { exitCode, outputs } = await countedFrom(UPDATED, inputs, window)
    expect([exitCode, outputs['status']]).toEqual([0, 'rolled-back'])
  })
  expect(during).toBeGreaterThanOrEqual(REQUESTS)
  expect(versions.length).toBeGreaterThanOrEqual(2)
}, 300_000)
