import { createServer } from 'node:https'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type Authority, startAuthority } from '../../../test/support/certificates.ts'
import { describeWith } from '../../../test/support/parts.ts'
import { listening } from '../../../test/support/servers.ts'
import { expectEnd, resultsOf, smoke, withServer } from './smoke.ts'

describeWith(['openssl'], 'TLS', () => {
  let authority: Authority
  beforeAll(async () => {
    authority = await startAuthority()
  })
  afterAll(() => authority.remove())

  test.each<[string, Parameters<Authority['certificate']>[0], Record<string, string>, string | undefined]>([
    ['a certificate of an authority that is trusted', { days: 30 }, { 'tls-min-days': '20' }, undefined],
    [
      'one that ends too soon',
      { days: 10 },
      { 'tls-min-days': '20' },
      'up, but the TLS certificate ends in 9 days, on ',
    ],
    ['one that has expired', { days: -1 }, {}, 'down: the TLS certificate of localhost has expired'],
    ['one that ends soon, and may', { days: 10 }, {}, undefined],
    ['a self-signed one', { days: 30, selfSigned: true }, {}, 'down: the TLS certificate of localhost is self-signed'],
    [
      'one for another name',
      { days: 30, names: 'DNS:a.test' },
      {},
      'down: the TLS certificate of localhost is for another name',
    ],
  ])('%s', async (_, options, inputs, error) => {
    const server = await listening(
      createServer(await authority.certificate(options), (_, response) => response.end('ok')),
    )
    const result = await smoke(
      { urls: `https://localhost:${server.port}/`, ...inputs, ...(error === undefined ? {} : { timeout: '1s' }) },
      // The latter must change nothing: TLS is verified.
      { NODE_EXTRA_CA_CERTS: authority.file, NODE_TLS_REJECT_UNAUTHORIZED: '0', NODE_NO_WARNINGS: '1' },
    )
    await server.close()
    expectEnd(result, error === undefined ? 'passed' : 'failed')
    if (error === undefined) expect(resultsOf(result)[0]?.phasesMs?.['tls']).toBeGreaterThan(0)
    else expect(resultsOf(result)[0]?.error).toContain(error)
  })

  test('an authority that nobody knows', async () => {
    const server = await listening(
      createServer(await authority.certificate({ days: 30 }), (_, response) => response.end()),
    )
    const result = await smoke({ urls: `https://127.0.0.1:${server.port}/`, timeout: '1s' })
    await server.close()
    expectEnd(result, 'failed')
    expect(resultsOf(result)[0]?.error).toContain('is signed by nobody we trust')
    expect(result.annotations[0]?.message).toContain('NODE_EXTRA_CA_CERTS')
  })
})

withServer(
  'a port that does not speak TLS',
  (_, response) => response.end(),
  async url => {
    const result = await smoke({ urls: url.replace('http:', 'https:'), timeout: '1s' })
    expectEnd(result, 'failed')
    expect(resultsOf(result)[0]?.error).toMatch(/^down: .* TLS/)
  },
)
