// The frontend, behind the load balancer's default rule.
import { createServer } from 'node:http'

const { VERSION: version = 'dev', PUBLIC_API_URL: api = '/api' } = process.env

const page = `<!doctype html>
<html lang="en">
<title>Shop</title>
<h1>Shop</h1>
<p id="features"></p>
<script type="module">
  const { features } = await (await fetch(${JSON.stringify(`${api}/health`)})).json()
  document.querySelector('#features').textContent = features.join(', ')
</script>
`

export const server = createServer((request, response) => {
  const found = request.url === '/' || request.url === '/health'
  response
    .writeHead(found ? 200 : 404, { 'content-type': 'text/html; charset=utf-8', 'x-version': version })
    .end(found ? page : 'not found')
})

if (process.argv[1] === import.meta.filename) {
  server.keepAliveTimeout = 65_000 // longer than the load balancer keeps idle connections
  server.listen(Number(process.env.PORT ?? 3000), () => console.log(`level=info version=${version} listens`))
  process.once('SIGTERM', () => server.close(() => process.exit(0)))
}
