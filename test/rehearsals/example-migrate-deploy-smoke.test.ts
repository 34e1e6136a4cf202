import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Example, errors, results, startExample } from './examples.ts'

// A migration that fails and a release that does not start: those are in the demo, which this example is.
let example: Example
beforeAll(async () => {
  example = await startExample('migrate-deploy-smoke', 'deliver.yml')
})
afterAll(() => example?.stop())

async function versions(): Promise<(string | null)[]> {
  const url = example.surroundings.options.vars['SHOP_URL']
  const answers = await Promise.all(['/api/health', '/'].map(path => fetch(`${url}${path}`)))
  return answers.map(answer => answer.headers.get('x-version'))
}

// One after the other: what one leaves is what the next finds.
describe('the menu of examples/migrate-deploy-smoke', () => {
  let first = ''
  let second = ''

  test('two releases are pushed', async () => {
    expect(errors(await example.deliver({ event: 'push' }))).toEqual([])
    first = String((await versions())[0])
    example.application.change('src/web.js', text => text.replace('lang="en"', 'lang="en" class="new"'))
    const run = await example.deliver({ event: 'push' })
    expect(errors(run)).toEqual([])
    expect(run.jobs['deliver / test / test (.)']?.summary).toContain('3 passed')
    second = String((await versions())[0])
    expect(second).not.toBe(first)
    expect(await versions()).toEqual([second, second])
  }, 180_000)

  test('back to an earlier tag, then to a version that exists: nothing is built', async () => {
    const back = await example.deliver({ event: 'workflow_dispatch', inputs: { 'rollback-to': first } })
    expect(errors(back)).toEqual([])
    const stages = ['test', 'build', 'migrate', 'deploy'].map(stage => `deliver / ${stage}`)
    expect(results(back, ...stages)).toEqual(['skipped', 'skipped', 'skipped', 'success'])
    expect(await versions()).toEqual([first, first])

    const again = await example.deliver({ event: 'workflow_dispatch', inputs: { version: second } })
    expect(errors(again)).toEqual([])
    expect(results(again, ...stages)).toEqual(['skipped', 'skipped', 'success', 'success'])
    expect(await versions()).toEqual([second, second])
  }, 180_000)

  test('when the smoke test inside the network fails, both services go back', async () => {
    example.application.change('src/smoke.js', text => text.replace('customers.length > 0', 'customers.length > 99'))
    const run = await example.deliver({ event: 'workflow_dispatch', inputs: { 'skip-tests': 'true' } })
    expect(run.status).toBe('failure')
    expect(errors(run).join()).toContain('smoke test failed: there are no customers')
    expect(run.jobs['deliver / deploy / deploy']?.outputs['services']).toMatch(/rolled-back.*rolled-back/)
    expect(await versions()).toEqual([second, second])
  }, 180_000)
})
