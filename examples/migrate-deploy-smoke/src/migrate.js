// Applies the migrations that the database does not have yet, each in a transaction of its own.
import { readdir, readFile } from 'node:fs/promises'
import { database } from './database.js'

const sql = database({ max: 1 })

async function applied() {
  await sql`CREATE TABLE IF NOT EXISTS schema_migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`
  const rows = await sql`SELECT name FROM schema_migrations ORDER BY name`
  return rows.map(({ name }) => name)
}

async function migrate() {
  const done = new Set(await applied())
  const files = (await readdir('migrations')).filter(name => name.endsWith('.sql')).sort()
  const open = files.filter(name => !done.has(name))
  console.log(`database ${process.env.DATABASE_NAME}: ${done.size} migrations applied, ${open.length} to apply`)
  for (const name of open) {
    console.log(`applying ${name}`)
    const text = await readFile(`migrations/${name}`, 'utf8')
    await sql.begin(async transaction => {
      await transaction.unsafe(text)
      await transaction`INSERT INTO schema_migrations (name) VALUES (${name})`
    })
    console.log(`applied ${name}`)
  }
  console.log('done')
}

async function show() {
  for (const name of await applied()) console.log(`[X] ${name}`)
}

try {
  await (process.argv[2] === 'show' ? show() : migrate())
} catch (error) {
  console.error(`migration failed: ${error.message}`)
  if (error.detail) console.error(error.detail)
  process.exitCode = 1
} finally {
  await sql.end({ timeout: 5 })
}
