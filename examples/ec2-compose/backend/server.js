import { createServer } from 'node:http'

const port = Number(process.env.PORT ?? 3000)
const version = process.env.VERSION ?? 'unknown'
const products = [
  { id: 1, name: 'Teapot', cents: 2450 },
  { id: 2, name: 'Cup', cents: 790 },
]

export const server = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://backend')
  const answer = (status, body) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }
  if (pathname === '/health') return answer(200, { status: 'ok', version })
  if (pathname === '/api/products') return answer(200, products)
  answer(404, { error: 'not found' })
})

// Docker sends SIGTERM and waits: whoever stops at once is replaced at once.
process.on('SIGTERM', () => {
  server.close(() => process.exit(0))
  server.closeIdleConnections()
})

if (process.argv[1] === import.meta.filename) {
  if (process.env.FAIL_ON_START) throw new Error(`cannot start: ${process.env.FAIL_ON_START}`)
  server.listen(port, () => console.log(`backend ${version} listens on ${port}`))
}
