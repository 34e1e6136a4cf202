import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { server } from './server.js'

test('the page is there, and nothing else', async t => {
  server.listen(0)
  t.after(() => server.close())
  await once(server, 'listening')
  const url = `http://127.0.0.1:${server.address().port}`
  assert.match(await (await fetch(url)).text(), /<h1>Shop<\/h1>[\s\S]*\/api\/health/)
  assert.equal((await fetch(`${url}/else`)).status, 404)
})
