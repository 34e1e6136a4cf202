// Needs a PostgreSQL server: PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE say which.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

const { PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE } = process.env
const env = {
  ...process.env,
  DATABASE_HOST: PGHOST,
  DATABASE_PORT: PGPORT,
  DATABASE_USER: PGUSER,
  DATABASE_PASSWORD: PGPASSWORD,
  DATABASE_NAME: PGDATABASE,
}

function migrate(word) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['src/migrate.js', word], { env, encoding: 'utf8' })
  return { status, output: stdout + stderr }
}

test('check fails before, apply applies once, check passes after', () => {
  assert.equal(migrate('check').status, 1)
  const first = migrate('apply')
  assert.equal(first.status, 0, first.output)
  assert.match(first.output, /applied 0001_customers\.sql\napplied 0002_orders\.sql/)
  assert.doesNotMatch(migrate('apply').output, /^applied/m)
  assert.deepEqual(migrate('check'), { status: 0, output: '[X] 0001_customers.sql\n[X] 0002_orders.sql\n' })
})
