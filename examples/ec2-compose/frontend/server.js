import { createServer } from 'node:http'

const port = Number(process.env.PORT ?? 8080)
const backend = process.env.BACKEND_URL ?? 'http://localhost:3000'
const version = process.env.VERSION ?? 'unknown'

const escaped = text => String(text).replace(/[&<>"]/g, character => `&#${character.charCodeAt(0)};`)

export const server = createServer(async (request, response) => {
  try {
    if (request.url === '/health') {
      const { version: behind } = await (await fetch(`${backend}/health`)).json()
      response.writeHead(200, { 'content-type': 'application/json' })
      return response.end(JSON.stringify({ status: 'ok', version, backend: behind }))
    }
    const products = await (await fetch(`${backend}/api/products`)).json()
    const rows = products.map(({ name, cents }) => `<li>${escaped(name)}: ${(cents / 100).toFixed(2)} €</li>`)
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
    response.end(`<!doctype html><title>Shop</title><h1>Shop</h1><ul>${rows.join('')}</ul>`)
  } catch (error) {
    console.error(`the backend does not answer: ${error.message}`)
    response.writeHead(502).end('The shop is not available.')
  }
})

process.on('SIGTERM', () => {
  server.close(() => process.exit(0))
  server.closeIdleConnections()
})

if (process.argv[1] === import.meta.filename) {
  server.listen(port, () => console.log(`frontend ${version} listens on ${port}`))
}
