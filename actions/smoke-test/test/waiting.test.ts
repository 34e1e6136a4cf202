import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import { listening } from '../../../test/support/servers.ts'
import { expectEnd, freePort, resultsOf, smoke, startSmoke, withServer } from './smoke.ts'

describe('it waits until things are right', () => {
  test.concurrent('refused, then up', async () => {
    const port = await freePort()
    const running = await startSmoke({ urls: `http://127.0.0.1:${port}/health` })
    while (!running.output().includes('nothing listens')) await sleep(10)
    await sleep(500)
    const server = await listening(
      createServer((_, response) => response.end('ok')),
      '127.0.0.1',
      port,
    )
    const result = await running.result
    await server.close()
    expectEnd(result, 'passed')
    expect(result.stdout).toContain(`| down: nothing listens at 127.0.0.1:${port} (ECONNREFUSED)\n`)
    expect(result.stdout).toMatch(/\| passed after \d+ attempts: status 200 in \d+ms\n/)
    expect(result.summary).toContain('| Attempts |\n')
    // The same is not said twice.
    expect(result.stdout.match(/nothing listens/g)).toHaveLength(1)
    const [check] = resultsOf(result)
    expect(check).toMatchObject({ passed: true, status: 200, version: null, error: null })
    expect(Object.keys(check ?? {}).join()).toBe('name,url,passed,attempts,status,version,latencyMs,phasesMs,error')
    expect(Object.keys(check?.phasesMs ?? {}).join()).toBe('dns,connect,tls,firstByte,body')
    expect(check?.attempts).toBeGreaterThan(3)
  })

  let deployed = 0
  withServer(
    'the old version, then the new one',
    (_, response) => response.setHeader('x-version', ++deployed > 5 ? '1.10' : '1.1').end('{"version":1.1}'),
    async url => {
      const result = await smoke({ urls: url, 'expect-version': '1.10', 'version-path': 'header:X-Version' })
      expectEnd(result, 'passed')
      expect(result.stdout).toContain('| up, but still version 1.1 (expected 1.10)\n')
      expect(resultsOf(result)[0]).toMatchObject({ version: '1.10', attempts: 6 })
    },
  )

  let flaps = 0
  withServer(
    'flapping: three in a row',
    (_, response) => response.writeHead([200, 200, 503, 200, 503, 200, 200, 200, 503][flaps++] ?? 500).end(),
    async url => {
      const result = await smoke({ urls: url, successes: '3' })
      expectEnd(result, 'passed')
      expect(resultsOf(result)[0]?.attempts).toBe(8)
    },
  )

  withServer(
    'one that is wrong holds up no other',
    (request, response) => response.writeHead(request.url === '/wrong' ? 404 : 200).end(),
    async url => {
      const result = await smoke({ urls: `${url}/wrong\n${url}/right`, timeout: '1s', 'max-parallel': '1' })
      expectEnd(result, 'failed')
      expect(resultsOf(result).map(({ passed }) => passed)).toEqual([false, true])
      expect(result.annotations[0]?.message).toContain('1 of 2 checks did not pass within 1s')
    },
  )
})

describe('it stops at the deadline, with the last reason', () => {
  const nothing = 'http://nope.invalid/'
  test.concurrent.each([
    [
      'a name that does not resolve',
      nothing,
      /^down: the name nope\.invalid (?:does not resolve|could not be looked up)/,
    ],
    ['nothing there', 'http://127.0.0.1:1/', /^down: nothing listens at 127\.0\.0\.1:1 \(ECONNREFUSED\)$/],
  ])('%s', async (_, url, reason) => {
    const result = await smoke({ urls: url, timeout: '2s' })
    expectEnd(result, 'failed')
    expect(resultsOf(result)[0]?.error).toMatch(reason)
    expect(result.took).toBeGreaterThan(800)
  })

  withServer(
    'a server that hangs, although it may take longer than the whole step',
    () => {},
    async (url, server) => {
      const result = await smoke({ urls: url, timeout: '2s', 'request-timeout': '10m' })
      expectEnd(result, 'failed')
      expect(resultsOf(result)[0]).toMatchObject({ attempts: 1, status: null, latencyMs: null })
      expect(resultsOf(result)[0]?.error).toMatch(/^down: connected, but no answer within/)
      expect(server.open.size).toBe(0)
    },
  )

  for (const host of ['127.0.0.1', '::1']) {
    withServer(
      `localhost where only ${host} listens, and hangs`,
      () => {},
      async (_, server) => {
        const urls = `http://localhost:${server.port}/`
        const result = await smoke({ urls, timeout: '1s', 'request-timeout': '10m' })
        expectEnd(result, 'failed')
        expect(resultsOf(result)[0]?.error).toMatch(/^down: connected, but no answer within/)
        expect(server.open.size).toBe(0)
      },
      host,
    )
  }

  withServer(
    '200 addresses, none of which answers',
    () => {},
    async (url, server) => {
      const urls = Array.from({ length: 200 }, (_, at) => `${url}/${at}`).join('\n')
      const result = await smoke({ urls, timeout: '2s', 'request-timeout': '10m', 'max-parallel': '200' })
      expectEnd(result, 'failed')
      expect(resultsOf(result).filter(({ passed }) => !passed)).toHaveLength(200)
      expect(server.open.size).toBe(0)
    },
  )

  withServer(
    'flapping for ever',
    (_, response) => response.writeHead(flapping++ % 2 === 0 ? 200 : 503).end(),
    async url => {
      const result = await smoke({ urls: url, successes: '3', timeout: '1500ms' })
      expectEnd(result, 'failed')
      expect(resultsOf(result)[0]?.error).toMatch(/status 503/)
    },
  )
  let flapping = 0

  withServer(
    'the old version for ever: up, but old',
    (_, response) => response.end('{"build":{"version":"1.2.2"}}'),
    async url => {
      const result = await smoke({
        urls: url,
        'expect-version': '1.2.3',
        'version-path': 'build.version',
        timeout: '1s',
      })
      expectEnd(result, 'failed')
      expect(resultsOf(result)[0]).toMatchObject({ status: 200, version: '1.2.2' })
      expect(result.annotations[0]?.message).toContain(
        `${url}/ did not pass within 1s: up, but still version 1.2.2 (expected 1.2.3).`,
      )
      expect(result.summary).toContain('still version 1.2.2')
      expect(result.summary).toContain('| Attempts | Reason |')
      expect(JSON.parse(result.outputs['report'] ?? '')).toMatchObject({
        checks: [
          { passed: false, status: 200, version: '1.2.2', error: 'up, but still version 1.2.2 (expected 1.2.3)' },
        ],
      })
    },
  )

  withServer(
    'answers that are too slow',
    (_, response) => setTimeout(() => response.end(), 120),
    async url => {
      const result = await smoke({ urls: url, 'max-latency': '100ms', timeout: '1s' })
      expectEnd(result, 'failed')
      expect(resultsOf(result)[0]?.error).toMatch(/^up, but the answer took \d+ms \(at most 100ms\)$/)
      expect(result.stdout.match(/\| up, but the answer took/g)).toHaveLength(1)
    },
  )
})
