import { describe, expect, test } from '@jest/globals'
import { checksFrom } from '../src/checks-document.ts'
import { headersFromLines } from '../src/index.ts'

const defaults = { headers: new Map([['x-all', 'a']]), versionFrom: { json: ['version'] } }
const read = (text: string) => checksFrom(text, defaults)

describe('checks', () => {
  test('with everything', () => {
    const { checks, problems } = read(`
- name: search
  url: https://shop.example.com/api/search
  method: put
  headers: { Authorization: Bearer x, X-All: own, X-Number: 1.10 }
  body: { query: shoes }
  expect:
    status: [200, 2xx]
    body-contains: [a, b]
    body-matches: ^x
    json:
      items[0].id: 7
      ok: true
    headers: { Content-Type: text/html }
    max-latency: 800ms
    version: 1.10
    version-path: header:X-Version
`)
    expect(problems).toEqual([])
    expect(checks).toEqual([
      {
        name: 'search',
        url: new URL('https://shop.example.com/api/search'),
        method: 'PUT',
        headers: new Map([
          ['content-type', 'application/json'],
          ['x-all', 'own'],
          ['authorization', 'Bearer x'],
          ['x-number', '1.10'],
        ]),
        body: '{"query":"shoes"}',
        expect: {
          status: [200, '2xx'],
          bodyContains: ['a', 'b'],
          bodyMatches: ['^x'],
          json: [
            { path: ['items', 0, 'id'], value: 7 },
            { path: ['ok'], value: true },
          ],
          headers: new Map([['content-type', 'text/html']]),
          maxLatencyMs: 800,
          version: { wanted: '1.10', from: { header: 'x-version' } },
        },
      },
    ])
  })

  test('with nothing but an address', () => {
    const { checks, problems } = read('[{"url": "https://u:pw@a.test/"}]')
    expect(problems).toEqual([])
    expect(checks[0]).toMatchObject({ name: 'https://***@a.test/', method: 'GET', body: undefined })
    expect(checks[0]?.expect).toMatchObject({ status: ['2xx'], version: undefined, maxLatencyMs: undefined })
  })

  test('a text is a body for POST; a version may have a path of its own; aliases stand for their anchors', () => {
    const { checks, problems } = read(`
- { url: "http://a.test", body: hi, expect: &e { version: { value: 2, path: build.v } } }
- { url: "http://b.test", expect: *e }
- { url: "http://c.test", expect: { version: 3 } }
`)
    expect(problems).toEqual([])
    expect(checks.map(({ method, body, expect: { version } }) => [method, body, version])).toEqual([
      ['POST', 'hi', { wanted: '2', from: { json: ['build', 'v'] } }],
      ['GET', undefined, { wanted: '2', from: { json: ['build', 'v'] } }],
      ['GET', undefined, { wanted: '3', from: { json: ['version'] } }],
    ])
  })

  test.each([
    ['', 'allowed is a list of checks'],
    ['[]', 'allowed is a list of checks'],
    ['url: http://a.test', 'allowed is a list of checks'],
    ['- [', 'line 1 is not valid YAML or JSON'],
    ['- http://a.test', 'entry 1: allowed is a map with a url'],
    ['- {}', 'entry 1, url: is required'],
    ['- { name: a, url: nope }', 'entry 1 (a), url: "nope": allowed is an http:// or https:// address'],
    ['- { url: "ftp://u:hunter22@a.test" }', 'entry 1, url: "ftp://***@a.test": allowed is an http'],
    ['- { url: [a] }', 'entry 1, url: allowed is a text'],
    ['- { uri: "http://a.test" }', 'entry 1, uri: there is no such field; did you mean url?'],
    ['- { url: "http://a.test", method: TRACE }', 'entry 1, method: "TRACE": allowed is GET'],
    ['- { url: "http://a.test", headers: [a] }', 'entry 1, headers: allowed is a map'],
    ['- { url: "http://a.test", headers: { "a b": hunter22 } }', 'entry 1, headers.a b: is no name of a header'],
    ['- { url: "http://a.test", headers: { a: "hunter22\\n" } }', 'entry 1, headers.a: its value holds characters'],
    [
      '- { url: "http://a.test", headers: { Content-Length: 1 } }',
      'entry 1, headers.content-length: is set by the action',
    ],
    ['- { url: "http://a.test", headers: { a: 1, A: 2 } }', 'entry 1, headers.a: is given twice'],
    ['- { url: "http://a.test", expect: 200 }', 'entry 1, expect: allowed is a map with status'],
    [
      '- { url: "http://a.test", expect: { statuss: 200 } }',
      'entry 1, expect.statuss: there is no such field; did you mean status?',
    ],
    ['- { url: "http://a.test", expect: { status: 20 } }', 'entry 1, expect.status: allowed is a status'],
    ['- { url: "http://a.test", expect: { status: { a: 1 } } }', 'entry 1, expect.status: allowed is a text'],
    [
      '- { url: "http://a.test", expect: { body-matches: "(" } }',
      'entry 1, expect.body-matches: is no JavaScript regular expression',
    ],
    ['- { url: "http://a.test", expect: { json: 1 } }', 'entry 1, expect.json: allowed is a map of path to value'],
    ['- { url: "http://a.test", expect: { json: { "a[": 1 } } }', 'entry 1, expect.json: allowed is a path'],
    ['- { url: "http://a.test", expect: { headers: 1 } }', 'entry 1, expect.headers: allowed is a map'],
    ['- { url: "http://a.test", expect: { max-latency: 5 } }', 'entry 1, expect.max-latency: allowed is a duration'],
    ['- { url: "http://a.test", expect: { version: "" } }', 'entry 1, expect.version: is empty'],
    // A variable that came out empty.
    ['- { url: "http://a.test", expect: { version: } }', 'entry 1, expect.version: is empty; give a value'],
    ['- { url: "http://a.test", expect: { body-contains: } }', 'entry 1, expect.body-contains: is empty; give a value'],
    ['- { url: "http://a.test", expect: { body-contains: "" } }', 'entry 1, expect.body-contains: is empty'],
    ['- { url: "http://a.test", expect: { body-contains: [a, ""] } }', 'entry 1, expect.body-contains: is empty'],
    ['- { url: "http://a.test", expect: { body-matches: [~] } }', 'entry 1, expect.body-matches: is empty'],
    ['- { url: "http://a.test", expect: { max-latency: } }', 'entry 1, expect.max-latency: is empty; give a value'],
    ['- { url: "http://a.test", expect: { json: } }', 'entry 1, expect.json: is empty; give a value'],
    [
      '- { url: "http://a.test", expect: { version: { wanted: 1 } } }',
      'entry 1, expect.version: allowed is a text, or a map with value and path',
    ],
    ['- { url: "http://a.test", expect: { version-path: "a[" } }', 'entry 1, expect.version-path: allowed is a path'],
    ['- &a { url: "http://a.test", body: *a }', 'entry 1, body: allowed is a text'],
  ])('%s is wrong', (text, problem) => {
    const { problems } = read(text)
    expect(problems.join('\n')).toContain(problem)
    expect(problems).toHaveLength(text.includes('uri') ? 2 : 1)
    expect(problems.join('\n')).not.toContain('hunter22')
  })

  test('every problem of every entry is told', () => {
    const { problems } = read(
      '- { url: x, method: y }\n- { name: b, url: "http://b.test", expect: { status: x, json: 1 } }',
    )
    expect(problems.map(problem => problem.split(':')[0])).toEqual([
      'entry 1, url',
      'entry 1, method',
      'entry 2 (b), expect.status',
      'entry 2 (b), expect.json',
    ])
  })
})

test('header lines: values verbatim, and never in a problem', () => {
  expect(headersFromLines('# comment\nX-A= b=c \r\n\nEmpty=').headers).toEqual(
    new Map([
      ['x-a', ' b=c '],
      ['empty', ''],
    ]),
  )
  const { problems } = headersFromLines(
    'Authorization: Bearer hunter22\nAuthorization: Basic hunter22==\nA=1\na=hunter22\nB=hunter\u000022\n=hunter22',
  )
  expect(problems).toHaveLength(5)
  expect(problems.join('\n')).not.toMatch(/hunter/)
  expect(problems.join('\n')).toContain('the line that begins with "Authorization": allowed is one NAME=VALUE per line')
})
