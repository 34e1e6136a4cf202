// Asks the deployed shop whether it is this version, and whether its parts work together. The exit code is the verdict.
import assert from 'node:assert/strict'
import { version } from './serve.js'

const shop = process.env.SHOP_URL

async function ask(path) {
  const response = await fetch(shop + path, { signal: AbortSignal.timeout(5000) })
  assert.equal(response.status, 200, `${path} answers ${response.status}`)
  assert.equal(response.headers.get('x-version'), version, `${path} is not version ${version}`)
  return response
}

try {
  const customers = await (await ask('/api/customers')).json()
  assert.ok(customers.length > 0, 'there are no customers')
  assert.match(await (await ask('/')).text(), /\/api\/customers/, 'the page does not ask for the customers')
  console.log(`${shop} is version ${version}, and shows ${customers.length} customers`)
} catch (error) {
  console.error(`smoke test failed: ${error.message}`)
  process.exitCode = 1
}
