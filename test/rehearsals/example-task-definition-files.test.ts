import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Example, errors, results, startExample } from './examples.ts'

let example: Example
beforeAll(async () => {
  example = await startExample('task-definition-files', 'deploy.yml')
})
afterAll(() => example?.stop())

async function answer(path: string): Promise<{ version: string | null; text: string }> {
  const response = await fetch(`${example.surroundings.options.vars['SHOP_URL']}${path}`)
  return { version: response.headers.get('x-version'), text: await response.text() }
}

// One after the other: what one leaves is what the next finds.
describe('examples/task-definition-files', () => {
  let first: string | null

  test('a push is linted, tested, built, and both services get their images and settings', async () => {
    const run = await example.deliver({ event: 'push' })
    expect(errors(run)).toEqual([])
    expect(run.status).toBe('success')
    const health = await answer('/api/health')
    const page = await answer('/')
    first = health.version
    expect(first).toMatch(/^[0-9a-f]{40}$/)
    expect(page.version).toBe(first)
    expect(JSON.parse(health.text)).toMatchObject({ features: ['search', 'gifts'] })
    expect(page.text).toContain(`${example.surroundings.options.vars['SHOP_URL']}/api/health`)
    expect(run.jobs['deploy / summary']?.summary).toContain('shop-frontend')
  })

  test('a test that fails lets nothing after it run', async () => {
    example.application.change('frontend/server.js', text => text.replace('<h1>Shop</h1>', '<h1>Ship</h1>'))
    const run = await example.deliver({ event: 'push' })
    example.application.undo()
    expect(results(run, 'deploy / test', 'deploy / build', 'deploy / deploy')).toEqual([
      'failure',
      'skipped',
      'skipped',
    ])
    expect((await answer('/')).version).toBe(first)
  })

  test('a key that AWS does not know is refused before anything is built', async () => {
    example.application.change('ecs/backend.json', text => text.replace('"environment"', '"enviroment"'))
    const run = await example.deliver({ event: 'push' })
    example.application.undo()
    expect(results(run, 'deploy / check', 'deploy / build')).toEqual(['failure', 'skipped'])
    expect(errors(run).join()).toContain('enviroment')
  })

  test('a release that is up but not right is put back, both services', async () => {
    example.application.change('frontend/server.js', text => text.replace('<h1>Shop</h1>', '<h1>Ship</h1>'))
    const run = await example.deliver({ event: 'workflow_dispatch', inputs: { 'skip-tests': 'true' } })
    example.application.undo()
    expect(results(run, 'deploy / test', 'deploy / build', 'deploy / deploy')).toEqual([
      'skipped',
      'success',
      'failure',
    ])
    expect([(await answer('/')).version, (await answer('/api/health')).version]).toEqual([first, first])
    expect(run.jobs['deploy / deploy / deploy']?.outputs['services']).toMatch(/rolled-back.*rolled-back/)
  })
})
