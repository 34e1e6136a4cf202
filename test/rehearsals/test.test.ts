import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import './patience.ts'
import { root } from '../support/module-graph.ts'
import { type Caller, startCaller } from './calls.ts'

const JUNIT = `<testsuites><testsuite name="cart" tests="2" failures="1" time="0.5">
  <testcase classname="cart" name="adds &lt;b&gt;two&lt;/b&gt;" time="0.1"/>
  <testcase classname="cart" name="takes one out" time="0.4"><failure message="expected 1, got 2">at cart.js:7</failure></testcase>
</testsuite></testsuites>
`
const LCOV = 'SF:src/cart.js\nDA:1,1\nDA:2,1\nDA:3,1\nDA:4,0\nLF:4\nLH:3\nend_of_record\n'
const QUERY = `const { Client } = require('pg')
const client = new Client({ connectionString: process.env.DATABASE_URL })
client.connect().then(() => client.query('select 6 * 7 as answer')).then(async ({ rows }) => {
  console.log('the answer is ' + rows[0].answer)
  await client.end()
}).catch(error => { console.error(error); process.exit(1) })
`

let caller: Caller
beforeAll(async () => {
  caller = await startCaller({
    'api/query.js': QUERY,
    'web/results/junit.xml': JUNIT,
    'web/results/lcov.info': LCOV,
    'web/package.json': '{}',
  })
})
afterAll(() => caller?.stop())

describe('test.yml', () => {
  test('gives the tests a PostgreSQL, and another project none', async () => {
    const { jobs, outputs, run } = await caller.call('test', {
      projects: JSON.stringify([
        { directory: 'api', 'postgres-version': '18', test: `NODE_PATH=${root}/node_modules node query.js` },
        { directory: 'web', test: ['echo "port <${PGPORT-none}>"', 'test -z "${DATABASE_URL-}"'] },
      ]),
    })
    expect(jobs).toMatchObject({ test: 'success' })
    expect(outputs['status']).toBe('success')
    const logs = Object.values(run.jobs).map(({ log }) => log)
    expect(logs.filter(log => log.includes('the answer is 42'))).toHaveLength(1)
    expect(logs.filter(log => log.includes('port <none>'))).toHaveLength(1)
  })

  test('shows the failed cases and the coverage that the tests left', async () => {
    const { jobs, outputs, page } = await caller.call('test', {
      'working-directory': 'web',
      commands: 'exit 1',
      junit: 'results/*.xml\nnothing/**/*.xml',
      coverage: 'results/lcov.info',
    })
    expect(jobs).toMatchObject({ test: 'failure' })
    expect(outputs['status']).toBe('failure')
    expect(page).toContain('## ❌ Test: failure')
    expect(page).toContain('exit 1 ended with exit code 1.')
    expect(page).toContain('takes one out')
    expect(page).toContain('expected 1, got 2')
    expect(page).not.toContain('<b>two</b>')
    expect(page).toMatch(/75(?:\.0)? ?%/)
  })

  test('the secret env reaches the commands, and no log and page', async () => {
    const secret = { env: '# of the tests\nTOKEN=hunter2=x\nEMPTY=\n' }
    const { jobs, run, page } = await caller.call(
      'test',
      { commands: 'test "${#TOKEN}" = 9\ntest -z "$EMPTY"\necho "token $TOKEN"\necho $TOKEN >&2; exit 3' },
      secret,
    )
    expect(jobs).toMatchObject({ test: 'failure' })
    expect(run.jobs['call / test (.)']?.log).toContain('token ***')
    expect(page).toContain('exit code 3')
    expect(JSON.stringify(run)).not.toContain('hunter2')
  })

  test('a run that is cancelled says so', async () => {
    const cancel = new AbortController()
    const { jobs, outputs, page, step } = await caller.call(
      'test',
      { commands: 'echo began; sleep 600\necho never' },
      {
        cancel: cancel.signal,
        timing: { interrupt: 100, terminate: 100 },
        onProgress: event => {
          if (event.kind === 'line' && event.line === 'began') cancel.abort()
        },
      },
    )
    expect(jobs).toMatchObject({ test: 'cancelled' })
    expect(outputs['status']).toBe('cancelled')
    expect(step('test (.)', 'Test')).toBe('cancelled')
    expect(step('test (.)', 'Keep the reports')).toBe('success')
    expect(page).toContain('Test: cancelled')
  })
})
