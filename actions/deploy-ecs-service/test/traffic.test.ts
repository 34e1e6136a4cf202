import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startWebCloud, type WebCloud } from '../../../test/support/web-cloud.ts'

let cloud: WebCloud
beforeAll(async () => {
  cloud = await startWebCloud()
})
afterAll(async () => {
  await cloud.stop()
})

const REQUESTS = 5_000
const images = (tag: string): string => `api/api=ecr:api:${tag}\nweb/web=ecr:web:${tag}`

/** Rolls until so many requests fell into it; the streams go on between the rounds, but only what is inside is counted. */
async function underTraffic(round: (number: number) => Promise<void>): Promise<{ during: number; versions: string[] }> {
  const streams = [cloud.traffic(['/', '/api/items'], 6), cloud.traffic(['/slow?ms=50', '/api/slow?ms=50'], 2)]
  const total = (): number => streams.reduce((sum, stream) => sum + stream.total(), 0)
  const before = total()
  let during = 0
  try {
    for (let number = 0; number === 0 || total() - before < REQUESTS; number += 1) await round(number)
    during = total() - before
  } finally {
    await Promise.all(streams.map(stream => stream.stop()))
  }
  expect(streams.flatMap(stream => stream.failures())).toEqual([])
  expect(streams.reduce((sum, stream) => sum + stream.failed(), 0)).toBe(0)
  return { during, versions: [...new Set(streams.flatMap(stream => stream.versions()))].sort() }
}

test('a rolling deployment of two services loses none of 5,000 requests', async () => {
  const { during, versions } = await underTraffic(async number => {
    for (const name of ['api', 'web'] as const) await cloud.push(name, `v2-${number}`, { version: `2-${number}` })
    const { exitCode, outputs } = await cloud.run({ services: 'api\nweb', images: images(`v2-${number}`) })
    expect([exitCode, outputs['status']]).toEqual([0, 'deployed'])
  })
  expect(during).toBeGreaterThanOrEqual(REQUESTS)
  expect(versions).toEqual(expect.arrayContaining(['1', '2-0']))
}, 90_000)

test('a broken version, and its rollback, lose none of 5,000 requests, and nobody sees it', async () => {
  const { during, versions } = await underTraffic(async number => {
    await cloud.push('api', `v3-${number}`, { version: '3', health: 500 })
    await cloud.push('web', `v3-${number}`, { version: '3', crash: 1 })
    const { exitCode, outputs, summary } = await cloud.run({
      services: 'api\nweb',
      images: images(`v3-${number}`),
    })
    expect([exitCode, outputs['status']]).toEqual([1, 'rolled-back'])
    expect(summary).toContain('### ❌ 2 of 2 services did not get the new version; each of them runs what ran before.')
    // what matters is not behind ids that are wider than the page
    expect(summary.replace(/\(https?:[^)]*\)/g, '')).not.toMatch(/[0-9a-f]{32}|targetgroup\//)
  })
  expect(during).toBeGreaterThanOrEqual(REQUESTS)
  expect(versions).toHaveLength(1)
  expect(versions[0]).toMatch(/^2-/)
}, 90_000)

test('a rollback that is asked for loses none either', async () => {
  const { versions } = await underTraffic(async () => {
    const { exitCode, outputs } = await cloud.run({ services: 'api\nweb', operation: 'rollback' })
    expect([exitCode, outputs['status']]).toEqual([0, 'rolled-back'])
  })
  expect(versions.length).toBeGreaterThanOrEqual(2)
}, 90_000)
