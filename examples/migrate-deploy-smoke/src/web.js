// The web application, behind the load balancer's default rule.
import { serve, version } from './serve.js'

const page = `<!doctype html>
<html lang="en">
<title>Shop</title>
<h1>Shop</h1>
<ul id="customers"></ul>
<p>Version ${version}</p>
<script type="module">
  const customers = await (await fetch('/api/customers')).json()
  for (const { name } of customers) document.querySelector('#customers').append(Object.assign(document.createElement('li'), { textContent: name }))
</script>
`

serve({
  '/': () => ({ type: 'text/html; charset=utf-8', body: page }),
  '/health': () => ({ body: { status: 'ok', version } }),
})
