import type { IncomingMessage, RequestListener } from 'node:http'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { Deadline, systemClock } from '@aws-deploy-actions/action-runtime'
import { describe, expect, test } from '@jest/globals'
import { http, type Listening, raw } from '../../../test/support/servers.ts'
import type { Check } from '../src/check.ts'
import { ANY_SUCCESS } from '../src/expectations.ts'
import { newProgress, type PollOptions, pollAll, systemLookup } from '../src/index.ts'
import type { Address, Lookup } from '../src/lookup.ts'
import { type ProbeOptions, probe } from '../src/probe.ts'

const lookup = systemLookup()
const options: ProbeOptions = {
  requestTimeoutMs: 2000,
  followRedirects: true,
  tlsMinDays: 0,
  lookup,
  signal: new AbortController().signal,
}
const check = (url: string, more: Partial<Check> = {}): Check => ({
  name: 'check',
  url: new URL(url),
  method: 'GET',
  headers: new Map(),
  body: undefined,
  expect: ANY_SUCCESS,
  ...more,
})
const contains = (text: string): Partial<Check> => ({ expect: { ...ANY_SUCCESS, bodyContains: [text] } })

async function served(answer: RequestListener, body: (server: Listening, url: string) => Promise<void>): Promise<void> {
  const server = await http(answer)
  try {
    await body(server, `http://127.0.0.1:${server.port}/`)
  } finally {
    await server.close()
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += chunk
  return text
}

test('phases add up to the latency, and the connection is closed', async () => {
  await served(
    (_, response) => setTimeout(() => response.end('ok'), 50),
    async (server, url) => {
      const { reason, status, latencyMs = 0, phases } = await probe(check(url), options)
      expect({ reason, status }).toEqual({ reason: undefined, status: 200 })
      expect(phases?.firstByte).toBeGreaterThanOrEqual(45)
      expect(Object.values(phases ?? {}).reduce((sum, ms) => sum + ms, 0)).toBeCloseTo(latencyMs, 5)
      for (let wait = 0; server.open.size > 0 && wait < 100; wait++) await systemClock.sleep(10)
      expect(server.open.size).toBe(0)
    },
  )
})

describe('bodies', () => {
  const text = 'the words that count, '.repeat(100)
  test.each([
    ['gzip', gzipSync(text)],
    ['deflate', deflateSync(text)],
    ['br', brotliCompressSync(text)],
    ['zstd', zstdCompressSync(text)],
    ['GZIP', gzipSync(text)],
    ['identity', Buffer.from(text)],
  ])('%s', async (encoding, bytes) => {
    await served(
      (_, response) => response.writeHead(200, { 'content-encoding': encoding }).end(bytes),
      async (_, url) => {
        expect((await probe(check(url, contains('words that count, the')), options)).reason).toBeUndefined()
      },
    )
  })

  test.each([
    ['garbage', Buffer.from('not compressed'), 'up, but the body cannot be decompressed as gzip'],
    ['half of it', gzipSync(text).subarray(0, 20), 'up, but the body cannot be decompressed as gzip'],
  ])('%s instead of gzip', async (_, bytes, wanted) => {
    await served(
      (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bytes),
      async (_, url) => {
        expect((await probe(check(url), options)).reason?.text).toBe(wanted)
      },
    )
  })

  test.each(['HEAD', 'GET'])('none for %s, with an encoding', async method => {
    await served(
      (_, response) => response.writeHead(method === 'HEAD' ? 200 : 204, { 'content-encoding': 'gzip' }).end(),
      async (_, url) => {
        expect((await probe(check(url, { method }), options)).reason).toBeUndefined()
      },
    )
  })

  test('one without end is read up to 1 MiB', async () => {
    await served(
      (_, response) => {
        const more = (): void => {
          while (!response.destroyed && response.write('x'.repeat(65_536)));
          response.once('drain', more)
        }
        response.write('start ')
        more()
      },
      async (server, url) => {
        expect((await probe(check(url, contains('start')), options)).reason).toBeUndefined()
        expect((await probe(check(url, contains('end')), options)).reason?.text).toContain(
          'the first 1 MiB of the body',
        )
        for (let wait = 0; server.open.size > 0 && wait < 100; wait++) await systemClock.sleep(10)
        expect(server.open.size).toBe(0)
      },
    )
  })

  test('a decompression bomb too', async () => {
    const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024))
    await served(
      (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb),
      async (_, url) => {
        const before = process.memoryUsage().rss
        expect((await probe(check(url, contains('x')), options)).reason?.text).toContain('the first 1 MiB')
        expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024)
      },
    )
  })

  test('another character set', async () => {
    await served(
      (_, response) =>
        response.writeHead(200, { 'content-type': 'text/plain; charset=iso-8859-1' }).end(Buffer.from([0xe9])),
      async (_, url) => {
        expect((await probe(check(url, contains('é')), options)).reason).toBeUndefined()
      },
    )
  })
})

describe('what is no answer', () => {
  const OK = 'HTTP/1.1 200 OK\r\n'
  test.each<[string, string, string]>([
    ['closes at once', '', 'down: the connection was closed without an answer (ECONNRESET)'],
    ['speaks something else', 'SSH-2.0-OpenSSH\r\n', 'up, but the answer is not valid HTTP (HPE_INVALID_CONSTANT)'],
    [
      'ends early',
      `${OK}content-length: 100\r\n\r\nabc`,
      'down: the connection was closed in the middle of the answer (ECONNRESET)',
    ],
    [
      'has endless headers',
      `${OK}${'x-a: b\r\n'.repeat(20_000)}`,
      'up, but the answer is not valid HTTP (HPE_HEADER_OVERFLOW)',
    ],
    [
      'upgrades',
      'HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
      'up, but it switches to another protocol (101)',
    ],
  ])('%s', async (_, said, wanted) => {
    const server = await raw(socket => socket.once('data', () => socket.end(said)))
    try {
      const { reason } = await probe(check(`http://127.0.0.1:${server.port}/`), options)
      expect(reason?.text).toContain(wanted)
    } finally {
      await server.close()
    }
  })

  test.each<[string, string | undefined, string]>([
    ['says nothing', undefined, 'down: connected, but no answer within 300ms'],
    ['stops in its headers', OK, 'down: connected, but no answer within 300ms'],
    [
      'stops in its body',
      `${OK}content-length: 100\r\n\r\nabc`,
      'down: the answer began, but did not end within 300ms',
    ],
  ])('%s', async (_, said, wanted) => {
    const server = await raw(socket => socket.once('data', () => said !== undefined && socket.write(said)))
    try {
      const { reason } = await probe(check(`http://127.0.0.1:${server.port}/`), { ...options, requestTimeoutMs: 300 })
      expect(reason).toMatchObject({ kind: 'timeout', text: `${wanted} (127.0.0.1:${server.port})` })
      for (let wait = 0; server.open.size > 0 && wait < 100; wait++) await systemClock.sleep(10)
      expect(server.open.size).toBe(0)
    } finally {
      await server.close()
    }
  })

  test('a TLS handshake that nobody answers', async () => {
    const server = await raw(socket => socket.resume())
    try {
      const url = `https://127.0.0.1:${server.port}/`
      const { reason } = await probe(check(url), { ...options, requestTimeoutMs: 300 })
      expect(reason?.text).toContain('down: connected, but no TLS handshake within 300ms')
      for (let wait = 0; server.open.size > 0 && wait < 100; wait++) await systemClock.sleep(10)
      expect(server.open.size).toBe(0)
    } finally {
      await server.close()
    }
  })

  test('a drip that never ends is ended by the time-out of the request', async () => {
    const server = await raw(socket => {
      socket.write(`${OK}transfer-encoding: chunked\r\n\r\n`)
      const drip = setInterval(() => socket.write('1\r\nx\r\n'), 20)
      socket.once('close', () => clearInterval(drip))
    })
    try {
      const { reason } = await probe(check(`http://127.0.0.1:${server.port}/`), { ...options, requestTimeoutMs: 300 })
      expect(reason?.kind).toBe('timeout')
    } finally {
      await server.close()
    }
  })
})

describe('redirects on the wire', () => {
  test('credentials go to their own origin only', async () => {
    const seen: Record<string, unknown>[] = []
    await served(
      (request, response) => {
        seen.push({ ...request.headers, method: request.method, url: request.url })
        response.end('ok')
      },
      async (_, other) => {
        await served(
          (request, response) => {
            seen.push({ ...request.headers, method: request.method, url: request.url })
            response.writeHead(302, { location: request.url === '/' ? '/again' : other }).end()
          },
          async (server, url) => {
            const headers = new Map([
              ['x-api-key', 'key'],
              ['accept', 'text/html'],
            ])
            const { reason } = await probe(check(url.replace('//', '//user:pa%20ss@'), { headers }), options)
            expect(reason).toBeUndefined()
            const authorization = `Basic ${Buffer.from('user:pa ss').toString('base64')}`
            expect(seen).toHaveLength(3)
            for (const own of seen.slice(0, 2)) expect(own).toMatchObject({ authorization, 'x-api-key': 'key' })
            expect(seen[0]).toMatchObject({ host: `127.0.0.1:${server.port}`, connection: 'close' })
            expect(seen[2]).toMatchObject({ accept: 'text/html' })
            expect(seen[2]).not.toHaveProperty('authorization')
            expect(seen[2]).not.toHaveProperty('x-api-key')
          },
        )
      },
    )
  })

  test.each([
    [307, 'POST', 'hello'],
    [303, 'GET', ''],
  ])('%i', async (status, method, body) => {
    let last: { method: string | undefined; body: string } | undefined
    await served(
      (request, response) => {
        if (request.url === '/') response.writeHead(status, { location: '/end' }).end()
        else
          void textOf(request).then(text => {
            last = { method: request.method, body: text }
            response.end()
          })
      },
      async (_, url) => {
        await probe(check(url, { method: 'POST', body: 'hello' }), options)
        expect(last).toEqual({ method, body })
      },
    )
  })

  test('not followed when not wanted', async () => {
    await served(
      (_, response) => response.writeHead(302, { location: '/loop' }).end(),
      async (_, url) => {
        const attempt = await probe(check(url), { ...options, followRedirects: false })
        expect(attempt.reason?.text).toBe('up, but status 302 (expected 2xx)')
      },
    )
  })
})

describe('names and addresses', () => {
  const found =
    (...addresses: string[]): Lookup =>
    () =>
      Promise.resolve(addresses.map((address): Address => ({ address, family: address.includes(':') ? 6 : 4 })))

  test('a name that is not there yet, then is', async () => {
    await served(
      (_, response) => response.end('ok'),
      async ({ port }) => {
        let asked = 0
        const notYet: Lookup = host => {
          asked++
          if (asked > 2) return found('127.0.0.1')(host)
          return Promise.reject(Object.assign(new Error(host), { code: 'ENOTFOUND' }))
        }
        const reasons: (string | undefined)[] = []
        const progress = newProgress(check(`http://new.example.com:${port}/`))
        await pollAll([progress], polling, {
          ...deadlineIn(5000),
          lookup: notYet,
          onAttempt: ({ last }) => reasons.push(last?.reason?.text),
        })
        expect(progress).toMatchObject({ passed: true, attempts: 3 })
        expect(reasons).toEqual([
          'down: the name new.example.com does not resolve (ENOTFOUND)',
          'down: the name new.example.com does not resolve (ENOTFOUND)',
          undefined,
        ])
      },
    )
  })

  test.each([
    ['127.0.0.1', ['::1', '127.0.0.1']],
    ['127.0.0.1', ['127.0.0.1', '::1']],
    ['::1', ['127.0.0.1', '::1']],
    ['::1', ['::1', '127.0.0.1']],
    // The first never answers: a documentation address (RFC 5737).
    ['127.0.0.1', ['192.0.2.1', '127.0.0.1']],
  ])('only %s listens, of %j', async (host, addresses) => {
    const server = await http((_, response) => response.end('ok'), host)
    try {
      const url = `http://a.example.com:${server.port}/`
      const { reason } = await probe(check(url), { ...options, lookup: found(...addresses) })
      expect(reason).toBeUndefined()
    } finally {
      await server.close()
    }
  })

  test('nothing listens at any of them', async () => {
    const server = await http((_, response) => response.end())
    await server.close()
    const both = { ...options, lookup: found('127.0.0.1', '::1') }
    const { reason } = await probe(check(`http://a.example.com:${server.port}/`), both)
    expect(reason?.text).toBe(
      `down: nothing listens at 127.0.0.1:${server.port} and [::1]:${server.port} (ECONNREFUSED)`,
    )
  })

  test('a lookup that hangs is given up; a cancel is at once', async () => {
    const hangs: Lookup = () => new Promise(() => {})
    const { reason } = await probe(check('http://a.example.com/'), { ...options, lookup: hangs, requestTimeoutMs: 100 })
    expect(reason?.text).toBe('down: the name was not looked up within 100ms (a.example.com:80)')
    const cancel = new AbortController()
    setTimeout(() => cancel.abort(new Error('cancelled')), 20)
    await expect(
      probe(check('http://a.example.com/'), { ...options, lookup: hangs, signal: cancel.signal }),
    ).rejects.toThrow('cancelled')
  })

  test('localhost is both loopback addresses', async () => {
    const server = await http((_, response) => response.end('ok'), '::1')
    try {
      expect((await probe(check(`http://localhost:${server.port}/`), options)).reason).toBeUndefined()
      expect((await probe(check(`http://[::1]:${server.port}/`), options)).reason).toBeUndefined()
    } finally {
      await server.close()
    }
  })
})

const polling: PollOptions = {
  intervalMs: 50,
  requestTimeoutMs: 2000,
  successes: 1,
  followRedirects: true,
  tlsMinDays: 0,
  maxParallel: 10,
}
const deadlineIn = (ms: number) => ({
  clock: systemClock,
  deadline: new Deadline(systemClock, ms),
  lookup,
  signal: new AbortController().signal,
  onAttempt: () => {},
})

describe('polling', () => {
  test('never more requests at a time than allowed, and a check that hangs holds up no other for ever', async () => {
    let now = 0
    let most = 0
    await served(
      (request, response) => {
        now++
        most = Math.max(most, now)
        request.once('close', () => now--)
        if (request.url !== '/hang') setTimeout(() => response.end(), 10)
      },
      async (_, url) => {
        const paths = [...Array.from({ length: 3 }, () => 'hang'), ...Array.from({ length: 12 }, () => 'ok')]
        const progresses = paths.map(path => newProgress(check(url + path)))
        await pollAll(progresses, { ...polling, maxParallel: 3, requestTimeoutMs: 300 }, deadlineIn(2000))
        expect(progresses.filter(({ passed }) => passed)).toHaveLength(12)
        expect(most).toBeLessThanOrEqual(3)
      },
    )
  })

  test('the deadline cuts a request short, and the reason before it stays', async () => {
    let asked = 0
    await served(
      (_, response) => {
        asked++
        if (asked === 1) response.writeHead(500).end()
      },
      async (_, url) => {
        const progress = newProgress(check(url))
        const began = performance.now()
        await pollAll([progress], { ...polling, requestTimeoutMs: 60_000 }, deadlineIn(600))
        expect(performance.now() - began).toBeLessThan(20_000)
        expect(progress.attempts).toBe(2)
        expect(progress.last?.reason?.text).toBe('up, but status 500 (expected 2xx)')
      },
    )
  })

  test('successes count in a row', async () => {
    const statuses = [200, 200, 500, 200, 500, 200, 200, 200, 500]
    await served(
      (_, response) => response.writeHead(statuses.shift() ?? 500).end(),
      async (_, url) => {
        const progress = newProgress(check(url))
        await pollAll([progress], { ...polling, successes: 3 }, deadlineIn(10_000))
        expect(progress).toMatchObject({ passed: true, attempts: 8 })
      },
    )
  })

  test('a cancel is thrown when all requests are closed', async () => {
    await served(
      () => {},
      async (server, url) => {
        const cancel = new AbortController()
        const progresses = Array.from({ length: 5 }, () => newProgress(check(url)))
        const end = pollAll(progresses, polling, { ...deadlineIn(60_000), signal: cancel.signal })
        while (server.open.size < 5) await systemClock.sleep(5)
        cancel.abort(new Error('cancelled'))
        await expect(end).rejects.toThrow('cancelled')
        for (let wait = 0; server.open.size > 0 && wait < 100; wait++) await systemClock.sleep(10)
        expect(server.open.size).toBe(0)
      },
    )
  })
})
