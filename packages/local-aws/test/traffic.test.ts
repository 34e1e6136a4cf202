import { createServer } from 'node:http'
import { expect, test } from '@jest/globals'
import { startTraffic } from '../src/index.ts'

test('every request is counted once and never repeated, whatever becomes of it', async () => {
  let asked = 0
  const server = createServer((request, response) => {
    asked += 1
    if (request.url === '/gone') request.socket.destroy()
    else if (request.url === '/half') {
      response.writeHead(200, { 'content-length': '10' }).write('half')
      setTimeout(() => request.socket.destroy(), 5)
    } else if (request.url === '/sick') response.writeHead(503).end()
    else if (request.url !== '/silent') response.writeHead(200, { 'x-version': '7' }).end('ok')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  try {
    const paths = ['/', '/gone', '/half', '/sick', '/silent']
    const traffic = startTraffic(`http://127.0.0.1:${port}`, { paths, clients: 2, timeoutMs: 100 })
    while (traffic.total() < 20) await new Promise(resolve => setTimeout(resolve, 5))
    await traffic.stop()
    expect(asked).toBe(traffic.total())
    // each client asks in turn, so at most one of five went well
    const passed = traffic.total() - traffic.failed()
    expect(passed).toBeGreaterThanOrEqual(4)
    expect(passed).toBeLessThanOrEqual(6)
    expect(traffic.versions()).toEqual(['7'])
    const words = traffic.failures().join('\n')
    expect(words).toMatch(/\/gone: .*socket hang up/)
    expect(words).toMatch(/\/half: .*the connection ended before the answer did/)
    expect(words).toMatch(/\/sick: .*HTTP 503/)
    expect(words).toMatch(/\/silent: .*no answer within 100 ms/)
  } finally {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
})
