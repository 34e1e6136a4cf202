import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runJavaScriptAction } from '@aws-deploy-actions/rehearsal'
import { expect, test } from '@jest/globals'
import { listening } from '../../../test/support/servers.ts'
import { expectEnd, FOLDER, resultsOf, smoke, withServer } from './smoke.ts'

withServer(
  'a redirect to 500 is no success',
  (request, response) =>
    request.url === '/'
      ? response.writeHead(302, { location: '/broken' }).end()
      : response.writeHead(500).end('out of order'),
  async url => {
    const result = await smoke({ urls: url, timeout: '1s' })
    expectEnd(result, 'failed')
    expect(resultsOf(result)[0]).toMatchObject({ status: 500, error: 'up, but status 500 (expected 2xx)' })
    expect(result.annotations[0]?.message).toContain('it answered: out of order')
  },
)

withServer(
  'a redirect loop',
  (request, response) => response.writeHead(301, { location: request.url === '/a' ? '/b' : '/a' }).end(),
  async url => {
    const result = await smoke({ urls: `${url}/a`, timeout: '1s' })
    expectEnd(result, 'failed')
    expect(resultsOf(result)[0]?.error).toBe(`up, but redirects in a loop: ${url}/a → ${url}/b → ${url}/a`)
  },
)

withServer(
  'a redirect that is expected',
  (_, response) => response.writeHead(301, { location: 'https://nope.invalid/' }).end(),
  async url => {
    expectEnd(await smoke({ urls: url, 'follow-redirects': 'false', 'expect-status': '[301, 308]' }), 'passed')
  },
)

withServer(
  'HEAD refused: GET is asked, and the body read',
  (request, response) => (request.method === 'GET' ? response.end('Welcome') : response.writeHead(405).end()),
  async url => {
    expectEnd(await smoke({ urls: url, 'expect-body': 'Welcome' }), 'passed')
    const head = await smoke({ checks: `[{ url: "${url}", method: HEAD }]`, timeout: '1s' })
    expectEnd(head, 'failed')
    expect(resultsOf(head)[0]?.error).toBe('up, but status 405 (expected 2xx)')
  },
)

for (const host of ['127.0.0.1', '::1']) {
  withServer(
    `localhost where only ${host} listens`,
    (_, response) => response.end(),
    async (url, { port }) => {
      const result = await smoke({ urls: `http://localhost:${port}/\n${url}` })
      expectEnd(result, 'passed')
      expect(resultsOf(result).map(({ attempts }) => attempts)).toEqual([1, 1])
    },
    host,
  )
}

test.concurrent('200 addresses at a time', async () => {
  const server = await listening(createServer((_, response) => setTimeout(() => response.end(), 300)))
  const urls = Array.from({ length: 200 }, (_, at) => `http://127.0.0.1:${server.port}/${at}`).join('\n')
  const result = await smoke({ urls, 'max-parallel': '200' })
  await server.close()
  expectEnd(result, 'passed')
  expect(resultsOf(result).filter(({ passed, attempts }) => passed && attempts === 1)).toHaveLength(200)
  expect(Buffer.byteLength(result.outputs['report'] ?? '')).toBeLessThanOrEqual(8192)
  expect(result.reports[0]).toHaveProperty('checks.199.passed', true)
})

withServer(
  'checks of a file, with all that can be expected',
  (request, response) => {
    let sent = ''
    request.setEncoding('utf8').on('data', text => {
      sent += text
    })
    request.once('end', () => {
      const { method, headers } = request
      response.writeHead(201, { 'content-type': 'application/json; charset=utf-8', 'x-version': '7' })
      response.end(
        JSON.stringify({ sent: JSON.parse(sent), method, key: headers['x-key'], type: headers['content-type'] }),
      )
    })
  },
  async url => {
    const workspace = await mkdtemp(join(tmpdir(), 'workspace-'))
    await writeFile(
      join(workspace, 'checks.yml'),
      `- name: search
  url: ${url}/search
  method: PUT
  headers: { X-Key: from-the-entry }
  body: { query: [shoes] }
  expect:
    status: [200, 201]
    body-contains: shoes
    body-matches: '"method":"P\\w+"'
    json: { "sent.query[0]": shoes, key: from-the-entry, type: application/json }
    headers: { Content-Type: application/json }
    max-latency: 10s
    version: 7
    version-path: header:x-version
`,
    )
    const result = await runJavaScriptAction(FOLDER, {
      workspace,
      inputs: { checks: 'checks.yml', headers: 'X-Key=for-all', timeout: '5s' },
    })
    await rm(workspace, { recursive: true })
    expectEnd(result, 'passed')
    expect(resultsOf(result)[0]).toMatchObject({ name: 'search', url: `${url}/search`, status: 201, version: '7' })
  },
)
