import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect } from '@jest/globals'
import { commandsIn } from '../../../test/support/runner-commands.ts'
import { expectEnd, resultsOf, smoke, startSmoke, withServer } from './smoke.ts'

describe('a cancel', () => {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    withServer(
      `${signal} while a request hangs: at once, with what is known`,
      (request, response) => {
        if (request.url === '/up') response.end()
      },
      async (url, server) => {
        const running = await startSmoke({ urls: `${url}/up\n${url}/hangs`, timeout: '5m', 'request-timeout': '5m' })
        while (!running.output().includes('passed after') || server.open.size === 0) await sleep(10)
        const sent = performance.now()
        running.signal(signal)
        const result = await running.result
        expect(performance.now() - sent).toBeLessThan(5000)
        expect(result.exitCode).toBe(code)
        expectEnd(result, 'cancelled')
        expect(resultsOf(result).map(({ passed }) => passed)).toEqual([true, false])
        expect(server.open.size).toBe(0)
      },
    )
  }
})

withServer(
  'what a hostile server says is neither a command nor markup',
  (_, response) => {
    response.writeHead(500, {
      'content-type': 'text/html',
      'x-version': '::error::owned ##[error]owned <img src=x>',
      'x-other': '::add-mask::200',
    })
    response.end(
      '::error::owned\n##[set-output name=passed;]true\n::set-output name=passed::true\r::stop-commands::x\n<b>| @octocat</b>\n```',
    )
  },
  async url => {
    const result = await smoke({
      urls: url,
      'expect-version': '1',
      'version-path': 'header:X-Version',
      timeout: '1s',
    })
    expectEnd(result, 'failed')
    expect(commandsIn(result.stdout).map(({ name }) => name)).toEqual(['error'])
    expect(Object.keys(result.outputs).sort()).toEqual(['passed', 'report', 'results', 'status'])
    expect(result.summary).not.toContain('<img')
    expect(result.summary.split('```')[0]).not.toMatch(/<b>|\n::/)
  },
)

withServer(
  'a hostile redirect',
  (_, response) => response.writeHead(302, { location: '/?token=abc&x=::error::owned%0A::error::owned' }).end(),
  async url => {
    const result = await smoke({ urls: url, timeout: '1s' })
    expectEnd(result, 'failed')
    expect(commandsIn(result.stdout).map(({ name }) => name)).toEqual(['error'])
  },
)

withServer(
  'header values and passwords show nowhere, also when the server echoes them',
  (request, response) => {
    const { authorization, 'x-short': short, 'x-long': long } = request.headers
    const password = Buffer.from(authorization?.split(' ')[1] ?? '', 'base64').toString()
    response.writeHead(500, { 'content-type': 'text/plain', 'x-version': long })
    response.end(`${authorization} ${password} ${short} ${long}`)
  },
  async (url, { port }) => {
    const result = await smoke({
      urls: `http://someone:correct%20horse@127.0.0.1:${port}/?access_token=tok123\n${url}/?signature=sig456`,
      checks: `- { name: own, url: "${url}", headers: { X-Short: "q7z" } }`,
      headers: 'X-Short=pw1\nX-Long=battery-staple-0815',
      'expect-version': '1',
      'version-path': 'header:x-version',
      timeout: '1s',
    })
    expectEnd(result, 'failed')
    const { stdout, stderr, outputs, summary, reports } = result
    const everything = JSON.stringify({ stdout, stderr, outputs, summary, reports })
    const basic = Buffer.from('someone:correct horse').toString('base64')
    for (const secret of [
      'someone',
      'correct horse',
      'correct%20horse',
      basic,
      'pw1',
      'q7z',
      'battery',
      'tok123',
      'sig456',
    ]) {
      expect({ secret, shows: everything.includes(secret) }).toEqual({ secret, shows: false })
    }
    expect(resultsOf(result)[0]).toMatchObject({
      url: `http://***@127.0.0.1:${port}/?access_token=***`,
      error: 'up, but status 500 (expected 2xx); still version *** (expected 1)',
    })
  },
)
