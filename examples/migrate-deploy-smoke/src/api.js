// The API, behind the load balancer's rule /api/*.
import { database } from './database.js'
import { serve, version } from './serve.js'

const sql = database({ max: 4 })

async function customers() {
  const rows = await sql`SELECT id, name FROM customers ORDER BY id`
  return { body: rows }
}

// What the target group asks: an API that cannot read its database gets no requests.
async function health() {
  const [{ customers }] = await sql`SELECT count(*)::int AS customers FROM customers`
  return { body: { status: 'ok', version, database: process.env.DATABASE_NAME, customers } }
}

serve({ '/api/health': health, '/api/customers': customers }, () => sql.end({ timeout: 5 }))
