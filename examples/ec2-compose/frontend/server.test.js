import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { server } from './server.js'

test('without a backend it says so and stays up', async t => {
  server.listen(0)
  t.after(() => server.close())
  await once(server, 'listening')
  const base = `http://127.0.0.1:${server.address().port}`
  assert.equal((await fetch(`${base}/`)).status, 502)
  assert.equal((await fetch(`${base}/health`)).status, 502)
})
