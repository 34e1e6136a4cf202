import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { server } from './server.js'

test('health and products', async t => {
  server.listen(0)
  t.after(() => server.close())
  await once(server, 'listening')
  const base = `http://127.0.0.1:${server.address().port}`
  assert.equal((await fetch(`${base}/health`)).status, 200)
  assert.equal((await (await fetch(`${base}/api/products`)).json()).length, 2)
  assert.equal((await fetch(`${base}/none`)).status, 404)
})
