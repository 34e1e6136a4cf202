import { createServer } from 'node:http'
import { describe, expect, test } from '@jest/globals'
import { describeWith } from '../../../test/support/parts.ts'
import { listening } from '../../../test/support/servers.ts'
import { type NameRecord, startNames } from './own-names.ts'

const V4: NameRecord = { A: [127, 0, 0, 1] }
const V6: NameRecord = { AAAA: [...Array.from({ length: 15 }, () => 0), 1] }
const TIMEOUT_MS = 2000

describeWith(['mount namespaces and port 53'], 'names', () => {
  test('a name that is not there yet, then is', async () => {
    const server = await listening(createServer((_, response) => response.end('ok')))
    const lookups: string[] = []
    const names = await startNames('127.53.0.54', name => (lookups.push(name) > 6 ? V4 : undefined))
    try {
      const urls = `http://late.example.com:${server.port}/`
      const { code, stdout } = await names.run({ urls, timeout: '20s', interval: '200ms' })
      expect(stdout).toContain('| down: the name late.example.com does not resolve')
      expect(stdout).toMatch(/\| passed after \d+ attempts: status 200/)
      expect(code).toBe(0)
    } finally {
      await server.close()
      await names.close()
    }
  })

  describe.each<[string, NameRecord, string, string]>([
    ['only IPv4 in the name server', V4, '127.0.0.1', '127.53.0.55'],
    ['only IPv6 in the name server', V6, '::1', '127.53.0.56'],
    ['both there, and only IPv4 listens', { ...V4, ...V6 }, '127.0.0.1', '127.53.0.57'],
    ['both there, and only IPv6 listens', { ...V4, ...V6 }, '::1', '127.53.0.58'],
  ])('%s', (_, record, host, nameServer) => {
    test.concurrent('passes, and where nothing answers the process ends at its deadline', async () => {
      const server = await listening(
        createServer((request, response) => {
          if (request.url === '/up') response.end('ok')
        }),
        host,
      )
      const names = await startNames(nameServer, () => record)
      try {
        const url = `http://own.example.com:${server.port}`
        const up = await names.run({ urls: `${url}/up`, timeout: '20s' })
        expect(up.stdout).toContain('| passed after 1 attempt: status 200')
        expect(up.code).toBe(0)
        const inputs = { urls: `${url}/hangs`, timeout: `${TIMEOUT_MS}ms`, 'request-timeout': '10m' }
        const hangs = await names.run(inputs)
        expect(hangs.stdout).toContain('down: connected, but no answer within')
        expect(hangs.code).toBe(1)
        expect(hangs.took).toBeLessThan(TIMEOUT_MS + 5000)
        expect(server.open.size).toBe(0)
      } finally {
        await server.close()
        await names.close()
      }
    })
  })

  test('a name server that never answers keeps neither the process alive nor other names from being looked up', async () => {
    const server = await listening(createServer((_, response) => response.end('ok')))
    const names = await startNames('127.53.0.53', () => 'never', '127.0.0.1 known.example.com\n')
    const hanging = Array.from({ length: 10 }, (_, at) => `http://hangs-${at}.example.com/`)
    try {
      const urls = [...hanging, `http://known.example.com:${server.port}/`].join('\n')
      // glibc gives a name up after twice 5 s, and a process that exits waits for the thread that does it.
      const { code, stdout, took } = await names.run({ urls, timeout: `${TIMEOUT_MS}ms`, 'max-parallel': '20' })
      expect(stdout).toMatch(/known\.example\.com:\d+\/ \| passed after 1 attempt/)
      expect(code).toBe(1)
      expect(took).toBeLessThan(TIMEOUT_MS + 5000)
    } finally {
      await server.close()
      await names.close()
    }
  })
})
