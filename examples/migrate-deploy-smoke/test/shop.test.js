// Needs a PostgreSQL server: PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE say which.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, test } from 'node:test'

const { PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE } = process.env
const env = {
  ...process.env,
  DATABASE_HOST: PGHOST,
  DATABASE_PORT: PGPORT,
  DATABASE_USER: PGUSER,
  DATABASE_PASSWORD: PGPASSWORD,
  DATABASE_NAME: PGDATABASE,
  PORT: '0',
  VERSION: 'test',
}
const migrate = (...words) => execFileSync(process.execPath, ['src/migrate.js', ...words], { env, encoding: 'utf8' })

let api
let url
before(async () => {
  migrate()
  api = spawn(process.execPath, ['src/api.js'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(api.stdout.setEncoding('utf8'), 'data')
  url = `http://127.0.0.1:${/port (\d+)/.exec(line)[1]}`
})
after(() => api?.kill())

test('every migration is applied, and only once', () => {
  assert.match(migrate('show'), /0001_create_customers[\s\S]*0002_create_orders/)
  assert.match(migrate(), /0 to apply/)
})

test('the API is healthy, says its version, and knows the customers', async () => {
  const health = await (await fetch(`${url}/api/health`)).json()
  assert.deepEqual({ status: health.status, version: health.version }, { status: 'ok', version: 'test' })
  const customers = await (await fetch(`${url}/api/customers`)).json()
  assert.deepEqual(
    customers.map(({ name }) => name),
    ['Ada', 'Grace', 'Edsger'],
  )
})

test('what is not there is 404', async () => {
  assert.equal((await fetch(`${url}/api/nothing`)).status, 404)
})
