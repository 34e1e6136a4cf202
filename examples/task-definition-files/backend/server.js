// The backend, behind the load balancer's rule /api/*.
import { createServer } from 'node:http'

const version = process.env.VERSION ?? 'dev'

/** @param settings what the task definition gives: FEATURES from Parameter Store, API_TOKEN from Secrets Manager */
export function backend({ FEATURES = '', API_TOKEN = '' }) {
  if (API_TOKEN === '') throw new Error('API_TOKEN is not set')
  const features = FEATURES.split(',').filter(Boolean)
  return createServer((request, response) => {
    const answer = (status, body) =>
      response.writeHead(status, { 'content-type': 'application/json', 'x-version': version }).end(JSON.stringify(body))
    if (request.url === '/api/health') return answer(200, { status: 'ok', version, features })
    if (request.headers.authorization !== `Bearer ${API_TOKEN}`) return answer(401, { error: 'not allowed' })
    if (request.url === '/api/orders') return answer(200, [{ id: 1, total: 42 }])
    answer(404, { error: 'not found' })
  })
}

if (process.argv[1] === import.meta.filename) {
  const server = backend(process.env)
  server.keepAliveTimeout = 65_000 // longer than the load balancer keeps idle connections
  server.listen(Number(process.env.PORT ?? 3001), () => console.log(`level=info version=${version} listens`))
  process.once('SIGTERM', () => server.close(() => process.exit(0)))
}
