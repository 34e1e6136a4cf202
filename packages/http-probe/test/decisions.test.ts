import { describe, expect, test } from '@jest/globals'
import type { Answer, Expectations } from '../src/check.ts'
import { unmetReason, versionOf } from '../src/evaluate.ts'
import { ANY_SUCCESS, versionSource } from '../src/expectations.ts'
import { jsonPath, jsonPathText, valueAt } from '../src/json-path.ts'
import { pauseMs } from '../src/poll.ts'
import { networkReason, timeoutReason } from '../src/reason.ts'
import { type Hop, nextHop } from '../src/redirect.ts'
import { secretsOf, shownAddress, shownUrl, withoutSecrets } from '../src/shown.ts'
import { statusFits, statusPatterns } from '../src/status-pattern.ts'

describe('JSON paths', () => {
  const document = { a: { b: 1, 'c.d': 2 }, items: [{ id: 7 }, [8]], 'x-y': null, constructor: 'own' }
  test.each([
    ['a.b', 1],
    ['$.a.b', 1],
    ['a["c.d"]', 2],
    ["a['c.d']", 2],
    ['items[0].id', 7],
    ['items[1][0]', 8],
    ['x-y', null],
    ['$', document],
    ['constructor', 'own'],
    ['items.length', 2],
    ['a.toString', undefined],
    ['a.b.c', undefined],
    ['items[9].id', undefined],
    ['nope', undefined],
  ])('%s', (text, value) => {
    expect(valueAt(document, jsonPath(text))).toEqual(value)
    expect(jsonPath(jsonPathText(jsonPath(text)))).toEqual(jsonPath(text))
  })

  test.each(['', ' ', '.', '.a', 'a.', 'a..b', 'a[', 'a[]', 'a[-1]', 'a[x]', 'a]', 'a b', '["a]', 'a[0]b'])(
    '"%s" is none',
    text => {
      expect(() => jsonPath(text)).toThrow('allowed is a path')
    },
  )

  test('a version is in a JSON path or a header', () => {
    expect(versionSource('build.version')).toEqual({ json: ['build', 'version'] })
    expect(versionSource('header: X-Version')).toEqual({ header: 'x-version' })
    expect(() => versionSource('header:')).toThrow('allowed is header:NAME')
    expect(() => versionSource('header:a b')).toThrow('allowed is header:NAME')
  })
})

describe('statuses', () => {
  test.each<[unknown, unknown]>([
    [200, [200]],
    ['200', [200]],
    ['2xx', ['2xx']],
    ['2XX', ['2xx']],
    [
      [200, '3xx', '404'],
      [200, '3xx', 404],
    ],
    ['[200, 204]', [200, 204]],
    ['200,204', [200, 204]],
    ['200\n204', [200, 204]],
    ['["2xx", 301]', ['2xx', 301]],
  ])('%j', (value, patterns) => {
    expect(statusPatterns(value)).toEqual(patterns)
  })

  test.each<[unknown]>([
    [''],
    ['20'],
    ['2x'],
    ['6xx'],
    ['600'],
    ['ok'],
    [[]],
    [[200, 'x']],
    [null],
    [{}],
    [20.5],
    ['[]'],
  ])('%j is none', value => {
    expect(() => statusPatterns(value)).toThrow('allowed is a status')
  })

  test('a class is its hundred', () => {
    for (const status of [200, 204, 299]) expect(statusFits(status, ['2xx'])).toBe(true)
    for (const status of [199, 300, 500]) expect(statusFits(status, ['2xx', 404])).toBe(false)
    expect(statusFits(404, ['2xx', 404])).toBe(true)
  })
})

const ok: Answer = {
  status: 200,
  headers: new Map([
    ['content-type', 'application/json; charset=utf-8'],
    ['x-version', ' 1.2.3 '],
  ]),
  body: '{"version": 1.10, "build": {"version": "1.2.3", "id": 12345678901234567890}, "items": [{"id": 7}], "ok": true}',
  truncated: false,
  latencyMs: 120,
  phases: { dns: 1, connect: 2, tls: 3, firstByte: 100, body: 14 },
  certificateEnds: undefined,
}
const DAY = 24 * 3_600_000
const now = Date.UTC(2026, 10, 20)
const reasonFor = (answer: Partial<Answer>, expectations: Partial<Expectations>, minDays = 0) =>
  unmetReason({ ...ok, ...answer }, { ...ANY_SUCCESS, ...expectations }, { minDays, now })
const version = (wanted: string, from: string): Partial<Expectations> => ({
  version: { wanted, from: versionSource(from) },
})

describe('what an answer lacks', () => {
  test.each<[string, Partial<Answer>, Partial<Expectations>, string | undefined]>([
    ['any 2xx', {}, {}, undefined],
    ['status', { status: 503 }, {}, 'up, but status 503 (expected 2xx)'],
    ['one of several', { status: 404 }, { status: [200, '3xx'] }, 'up, but status 404 (expected 200, 3xx)'],
    ['text', {}, { bodyContains: ['"ok": true'] }, undefined],
    ['no text', {}, { bodyContains: ['shoes'] }, 'up, but the body does not contain "shoes"'],
    ['cut', { truncated: true }, { bodyContains: ['z'] }, 'up, but the first 1 MiB of the body does not contain "z"'],
    ['match', {}, { bodyMatches: ['"id": \\d+', '^\\{'] }, undefined],
    ['no match', {}, { bodyMatches: ['^shoes$'] }, 'up, but the body does not match /^shoes$/'],
    ['match of a line', { body: 'a\nb' }, { bodyMatches: ['^b$'] }, undefined],
    ['JSON', {}, { json: [{ path: ['items', 0, 'id'], value: 7 }] }, undefined],
    ['JSON list', {}, { json: [{ path: ['items'], value: [{ id: 7 }] }] }, undefined],
    ['JSON other', {}, { json: [{ path: ['items', 0, 'id'], value: '7' }] }, 'up, but items[0].id is 7 (expected "7")'],
    ['JSON gone', {}, { json: [{ path: ['nope'], value: null }] }, 'up, but nothing at nope (expected null)'],
    [
      'no JSON',
      { body: '<p>' },
      { json: [{ path: ['a'], value: 1 }] },
      'up, but nothing at a (the body is no JSON) (expected 1)',
    ],
    ['header', {}, { headers: new Map([['content-type', 'application/json']]) }, undefined],
    ['whole header', {}, { headers: new Map([['content-type', 'application/json; charset=utf-8']]) }, undefined],
    [
      'other header',
      {},
      { headers: new Map([['content-type', 'text/html']]) },
      'up, but the header content-type is not as expected',
    ],
    ['no header', {}, { headers: new Map([['x-a', 'b']]) }, 'up, but the header x-a is missing'],
    ['fast', {}, { maxLatencyMs: 120 }, undefined],
    ['slow', {}, { maxLatencyMs: 119 }, 'up, but the answer took 120ms (at most 119ms)'],
    ['version', {}, version('1.2.3', 'build.version'), undefined],
    ['version in a header', {}, version('1.2.3', 'header:X-Version'), undefined],
    ['number as version', {}, version('1.10', 'version'), undefined],
    ['exact numbers', {}, version('12345678901234567890', 'build.id'), undefined],
    ['1.1 is not 1.10', {}, version('1.1', 'version'), 'up, but still version 1.10 (expected 1.1)'],
    ['no prefix', {}, version('1.2', 'build.version'), 'up, but still version 1.2.3 (expected 1.2)'],
    ['no version', {}, version('1', 'nope'), 'up, but no version at nope (expected 1)'],
    ['no version header', {}, version('1', 'header:x'), 'up, but no version in a header x (expected 1)'],
    ['page', { body: '<p>' }, version('1', 'v'), 'up, but no version at v (the body is no JSON) (expected 1)'],
    [
      'status and version',
      { status: 500 },
      version('2', 'build.version'),
      'up, but status 500 (expected 2xx); still version 1.2.3 (expected 2)',
    ],
    [
      'status alone',
      { status: 500, body: '' },
      { ...version('2', 'v'), bodyContains: ['x'] },
      'up, but status 500 (expected 2xx)',
    ],
    [
      'two things',
      {},
      { bodyContains: ['x'], maxLatencyMs: 1 },
      'up, but the body does not contain "x"; the answer took 120ms (at most 1ms)',
    ],
  ])('%s', (_, answer, expectations, text) => {
    expect(reasonFor(answer, expectations)?.text).toBe(text)
  })

  test('the days that a certificate has left', () => {
    const ends = now + 10.5 * DAY
    expect(reasonFor({ certificateEnds: ends }, {}, 10)).toBeUndefined()
    expect(reasonFor({ certificateEnds: ends }, {}, 11)?.text).toBe(
      'up, but the TLS certificate ends in 10 days, on 2026-11-30 (at least 11 days)',
    )
    expect(reasonFor({}, {}, 11)).toBeUndefined()
  })

  test('the beginning of a readable body is evidence', () => {
    expect(reasonFor({ status: 500, body: `no\n database ${'x'.repeat(500)}` }, {})?.evidence).toMatch(
      /^no database x{188}…$/,
    )
    expect(reasonFor({ status: 500, headers: new Map([['content-type', 'image/png']]) }, {})?.evidence).toBeUndefined()
  })

  test('the key stays when only figures change', () => {
    const slow = (latencyMs: number) => reasonFor({ latencyMs }, { maxLatencyMs: 1 })?.key
    expect(slow(20)).toBe(slow(30))
    expect(reasonFor({ status: 500 }, {})?.key).not.toBe(reasonFor({ status: 502 }, {})?.key)
  })

  test('a regular expression that never ends is given up', () => {
    const began = performance.now()
    expect(reasonFor({ body: `${'a'.repeat(50)}b` }, { bodyMatches: ['^(a+)+$'] })?.text).toContain(
      'took too long to match',
    )
    expect(performance.now() - began).toBeLessThan(30_000)
  })

  test('what was sent and comes back does not show', () => {
    const clean = (text: string): string => withoutSecrets(text, ['s3cret'])
    const answer = { ...ok, status: 500, body: '{"v":"s3cret","a":"s3cret"}' }
    const expectations = { ...ANY_SUCCESS, ...version('2', 'v'), json: [{ path: ['a'], value: 1 }] }
    for (const status of [200, 500]) {
      const why = unmetReason({ ...answer, status }, expectations, { minDays: 0, now }, clean)
      expect(why?.text).toContain('still version ***')
      expect(JSON.stringify(why)).not.toContain('s3cret')
    }
  })

  test('a version can be read without being expected', () => {
    expect(versionOf(ok, versionSource('ok'))).toBe('true')
    expect(versionOf(ok, versionSource('items'))).toBeUndefined()
  })
})

describe('where a redirect leads', () => {
  const hop = (url: string, method = 'GET', body?: string): Hop => ({
    url: new URL(url),
    method,
    body,
    headers: new Map([
      ['authorization', 'Bearer x'],
      ['x-api-key', 'x'],
      ['cookie', 'x'],
      ['accept', 'text/html'],
      ['content-type', 'application/json'],
    ]),
  })
  const next = (from: Hop, status: number, location: string | undefined): Hop => {
    const found = nextHop([from], status, location)
    if (found === undefined || 'kind' in found) throw new Error(found?.text ?? 'nowhere')
    return found
  }

  test.each([
    [301, 'GET', 'GET'],
    [302, 'GET', 'GET'],
    [303, 'GET', 'GET'],
    [307, 'GET', 'GET'],
    [308, 'GET', 'GET'],
    [301, 'POST', 'GET'],
    [302, 'POST', 'GET'],
    [303, 'POST', 'GET'],
    [307, 'POST', 'POST'],
    [308, 'POST', 'POST'],
    [301, 'PUT', 'PUT'],
    [303, 'PUT', 'GET'],
    [303, 'HEAD', 'HEAD'],
    [302, 'HEAD', 'HEAD'],
  ])('%i of %s asks with %s', (status, method, wanted) => {
    const found = next(hop('http://a.test/x', method, 'body'), status, '/y')
    expect([found.url.href, found.method]).toEqual(['http://a.test/y', wanted])
    expect(found.body).toBe(wanted === method ? 'body' : undefined)
    expect(found.headers.has('content-type')).toBe(wanted === method)
    expect(found.headers.get('authorization')).toBe('Bearer x')
  })

  test.each(['http://b.test/', 'https://a.test/', 'http://a.test:8080/', '//b.test/x'])(
    'only harmless headers go to %s',
    to => {
      const found = next(hop('http://user:pass@a.test/'), 302, to)
      expect([...found.headers.keys()]).toEqual(['accept', 'content-type'])
      expect([found.url.username, found.url.password]).toEqual(['', ''])
    },
  )

  test('user and password stay within the origin', () => {
    expect(next(hop('http://user:pass@a.test/'), 302, '/y').url.href).toBe('http://user:pass@a.test/y')
  })

  test.each([
    [200, '/x'],
    [304, '/x'],
    [300, '/x'],
    [302, undefined],
  ])('%i to %s is final', (status, location) => {
    expect(nextHop([hop('http://a.test/')], status, location)).toBeUndefined()
  })

  test.each(['mailto:a@b.test', 'ftp://a.test/', 'http://', 'javascript:alert(1)', 'file:///etc/passwd'])(
    'not to %s',
    to => {
      expect(nextHop([hop('http://a.test/')], 302, to)).toMatchObject({ kind: 'redirect' })
    },
  )

  test('a loop is found, and shown without passwords', () => {
    const way = [hop('http://u:pass@a.test/1'), hop('http://u:pass@a.test/2')]
    expect(nextHop(way, 302, '/1')).toMatchObject({
      kind: 'redirect',
      text: 'up, but redirects in a loop: http://***@a.test/1 → http://***@a.test/2 → http://***@a.test/1',
    })
    // The form is sent, then shown: no loop.
    expect(nextHop([hop('http://a.test/', 'POST', 'x')], 303, '/')).toMatchObject({ method: 'GET' })
  })

  test('an end is put to a way without end', () => {
    const way = Array.from({ length: 11 }, (_, at) => hop(`http://a.test/${at}`))
    expect(nextHop(way.slice(0, 10), 302, '/next')).toMatchObject({ method: 'GET' })
    expect(nextHop(way, 302, '/next')).toMatchObject({ kind: 'redirect' })
  })
})

describe('what may be shown', () => {
  test.each([
    ['https://a.test/x?y=1#frag', 'https://a.test/x?y=1'],
    ['https://user:pw@a.test/', 'https://***@a.test/'],
    ['https://token@a.test/', 'https://***@a.test/'],
    ['https://a.test/?api_key=abc&y=1&X-Amz-Signature=ff', 'https://a.test/?api_key=***&y=1&X-Amz-Signature=***'],
    ['https://a.test/?access_token=abc', 'https://a.test/?access_token=***'],
  ])('%s', (url, shown) => {
    expect(shownUrl(new URL(url))).toBe(shown)
  })

  test('of what is no address too', () => {
    expect(shownAddress('htp://user:p/w@a.test')).toBe('htp://***@a.test')
    expect(shownAddress('a.test?token=x')).toBe('a.test?token=***')
  })

  test('everything that was sent is taken out of texts, in every form', () => {
    const secrets = secretsOf({
      name: 'a',
      url: new URL('https://us%40er:pa%20ss@a.test/?token=t%2Bk'),
      method: 'POST',
      headers: new Map([
        ['authorization', 'Bearer abc123'],
        ['cookie', 'session=xyz789; a=b'],
        ['accept', 'text/html'],
      ]),
      body: 'the body',
      expect: ANY_SUCCESS,
    })
    const basic = Buffer.from('us@er:pa ss').toString('base64')
    const texts = [
      'us@er',
      'us%40er',
      'pa ss',
      'pa%20ss',
      basic,
      't+k',
      't%2Bk',
      'Bearer abc123',
      'abc123',
      'xyz789',
      'the body',
    ]
    for (const text of texts) expect(withoutSecrets(`<${text}>`, secrets)).toBe('<***>')
    expect(withoutSecrets('text/html', secrets)).toBe('text/html')
  })
})

describe('the words for what happened', () => {
  const asked = { host: 'a.test', port: 443, phase: 'connect', addresses: ['[::1]:443', '127.0.0.1:443'] } as const
  const error = (code: string): Error => Object.assign(new Error(code), { code })
  test.each([
    ['ECONNREFUSED', 'connect', 'down: nothing listens at [::1]:443 and 127.0.0.1:443 (ECONNREFUSED)'],
    ['EHOSTUNREACH', 'connect', 'down: no connection to [::1]:443 and 127.0.0.1:443 (EHOSTUNREACH)'],
    ['ENOTFOUND', 'dns', 'down: the name a.test does not resolve (ENOTFOUND)'],
    ['EAI_AGAIN', 'dns', 'down: the name a.test could not be looked up (EAI_AGAIN)'],
    [
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'tls',
      'down: the TLS certificate of a.test is self-signed (DEPTH_ZERO_SELF_SIGNED_CERT)',
    ],
    [
      'ERR_TLS_CERT_ALTNAME_INVALID',
      'tls',
      'down: the TLS certificate of a.test is for another name (ERR_TLS_CERT_ALTNAME_INVALID)',
    ],
    [
      'ERR_SSL_WRONG_VERSION_NUMBER',
      'tls',
      'down: port 443 of a.test does not speak TLS (ERR_SSL_WRONG_VERSION_NUMBER)',
    ],
    ['ECONNRESET', 'tls', 'down: a.test closed the connection during the TLS handshake (ECONNRESET)'],
    ['ECONNRESET', 'answer', 'down: the connection was closed without an answer (ECONNRESET)'],
    ['ECONNRESET', 'body', 'down: the connection was closed in the middle of the answer (ECONNRESET)'],
    ['HPE_INVALID_CONSTANT', 'answer', 'up, but the answer is not valid HTTP (HPE_INVALID_CONSTANT)'],
  ] as const)('%s while in %s', (code, phase, text) => {
    expect(networkReason(error(code), { ...asked, phase }).text).toBe(text)
  })

  test('what a time-out waited for', () => {
    expect(timeoutReason({ ...asked, phase: 'answer' }, '10s').text).toBe(
      'down: connected, but no answer within 10s (a.test:443)',
    )
  })
})

test.each([
  [{ spent: 0, left: 10_000, intervalMs: 500 }, 0, 500],
  [{ spent: 0, left: 10_000, intervalMs: 500 }, 1, 450],
  [{ spent: 200, left: 10_000, intervalMs: 500 }, 0, 300],
  [{ spent: 900, left: 10_000, intervalMs: 500 }, 0, 0],
  // A last look one second before the deadline, rather than none.
  [{ spent: 0, left: 5000, intervalMs: 60_000 }, 0, 4000],
  [{ spent: 0, left: 1000, intervalMs: 60_000 }, 0, undefined],
  [{ spent: 0, left: 0, intervalMs: 0 }, 0, undefined],
])('the pause after %j', (times, random, pause) => {
  expect(pauseMs(times, () => random)).toBe(pause)
})
