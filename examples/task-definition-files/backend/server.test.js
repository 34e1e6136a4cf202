import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { backend } from './server.js'

test('everybody may ask for its health, nobody for orders without the token', async t => {
  const server = backend({ API_TOKEN: 'secret', FEATURES: 'search,gifts' }).listen(0)
  t.after(() => server.close())
  await once(server, 'listening')
  const url = `http://127.0.0.1:${server.address().port}/api`
  assert.deepEqual((await (await fetch(`${url}/health`)).json()).features, ['search', 'gifts'])
  assert.equal((await fetch(`${url}/orders`)).status, 401)
  const allowed = await fetch(`${url}/orders`, { headers: { authorization: 'Bearer secret' } })
  assert.equal((await allowed.json()).length, 1)
})

test('it does not start without the token', () => {
  assert.throws(() => backend({}), /API_TOKEN/)
})
