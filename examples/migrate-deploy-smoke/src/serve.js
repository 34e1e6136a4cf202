import { createServer } from 'node:http'

export const version = process.env.VERSION ?? 'dev'

/**
 * Serves until SIGTERM, then finishes what is under way. Every answer names the version.
 * @param routes path → function that returns `{status, type, body}`, or a promise of it
 * @param stopped called when the last request has been answered
 */
export function serve(routes, stopped = async () => {}) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost')
    const { status = 200, type = 'application/json', body } = await answer(routes[pathname])
    response.writeHead(status, { 'content-type': type, 'x-version': version })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  })
  // A load balancer keeps idle connections for 60 s. A server that closes them earlier (Node: 5 s) now and then meets a
  // request that is just coming in, and the client sees 502.
  server.keepAliveTimeout = 65_000
  server.listen(Number(process.env.PORT ?? 8080), () =>
    console.log(`version ${version} listens on port ${server.address().port}`),
  )
  process.once('SIGTERM', () => {
    console.log('SIGTERM: no new requests, finishing what is under way')
    server.close(async () => {
      await stopped()
      process.exit(0)
    })
  })
}

async function answer(route) {
  if (route === undefined) return { status: 404, body: { error: 'not found' } }
  try {
    return await route()
  } catch (error) {
    console.error(error.message)
    return { status: 503, body: { error: 'try again later' } }
  }
}
