// apply: what the database does not have yet, each in a transaction. check: nothing, but fails when something is missing.
import { readdir, readFile } from 'node:fs/promises'
import postgres from 'postgres'
import { plan } from './plan.js'

const { DATABASE_HOST, DATABASE_PORT = '5432', DATABASE_USER, DATABASE_PASSWORD, DATABASE_NAME } = process.env
const sql = postgres({
  host: DATABASE_HOST,
  port: Number(DATABASE_PORT),
  user: DATABASE_USER,
  password: DATABASE_PASSWORD,
  database: DATABASE_NAME,
  max: 1,
  connect_timeout: 10,
  onnotice: () => {},
})

async function open() {
  await sql`CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`
  const rows = await sql`SELECT name FROM migrations ORDER BY name`
  const names = rows.map(({ name }) => name)
  for (const name of names) console.log(`[X] ${name}`)
  return plan(await readdir('migrations'), names)
}

async function apply() {
  // Whoever else migrates this database waits here.
  await sql`SELECT pg_advisory_lock(20261120)`
  for (const name of await open()) {
    const text = await readFile(`migrations/${name}`, 'utf8')
    await sql.begin(async transaction => {
      await transaction.unsafe(text)
      await transaction`INSERT INTO migrations (name) VALUES (${name})`
    })
    console.log(`applied ${name}`)
  }
  console.log(`${DATABASE_NAME} is up to date`)
}

async function check() {
  const missing = await open()
  for (const name of missing) console.log(`[ ] ${name}`)
  if (missing.length > 0) throw new Error(`${missing.length} migrations are not applied`)
}

try {
  await (process.argv[2] === 'check' ? check() : apply())
} catch (error) {
  console.error(`${DATABASE_NAME}: ${error.message}`)
  process.exitCode = 1
} finally {
  await sql.end({ timeout: 5 })
}
