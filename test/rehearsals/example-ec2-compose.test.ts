import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { docker } from '../support/host-cloud.ts'
import { describeWith } from '../support/parts.ts'
import { type Example, errors, results, startExample } from './examples.ts'

async function health(example: Example): Promise<Readonly<Record<string, unknown>>> {
  const answer: unknown = await (await fetch(`${example.surroundings.options.vars['SHOP_URL']}/health`)).json()
  return Object(answer)
}

// One after the other: what one leaves is what the next finds.
describeWith(
  ['Docker Engine', 'bridge network', 'docker compose', 'busybox-static'],
  'examples/ec2-compose, by its workflow',
  () => {
    let example: Example
    let first: unknown
    beforeAll(async () => {
      example = await startExample('ec2-compose', 'deploy.yml', 'docker')
    }, 120_000)
    afterAll(() => example?.stop(), 60_000)

    test('a push is linted, tested, built once on the runner, pulled by the host, and answers', async () => {
      const run = await example.deliver({ event: 'push' })
      expect(errors(run)).toEqual([])
      expect(run.status).toBe('success')
      const { status, version, backend } = await health(example)
      expect(status).toBe('ok')
      expect(version).toMatch(/^[0-9a-f]{40}$/)
      expect(backend).toBe(version)
      first = version
    }, 240_000)

    test('a release that does not come up is taken back by the host, with its reason', async () => {
      example.application.change(
        'backend/server.js',
        text => `if (process.argv[1] === import.meta.filename) throw new Error('no such table: products')\n${text}`,
      )
      const run = await example.deliver({ event: 'push' })
      example.application.undo()
      expect(results(run, 'deploy / build', 'deploy / deploy', 'deploy / summary')).toEqual([
        'success',
        'failure',
        'failure',
      ])
      expect(errors(run).join()).toContain('Error: no such table: products')
      expect(await health(example)).toMatchObject({ version: first, backend: first })
    }, 240_000)

    test('the next release with its configuration, then back to an earlier one by its TAG: nothing is built', async () => {
      example.application.change('frontend/server.js', text => text.replace('<h1>Shop</h1>', '<h1>The shop</h1>'))
      // The host has it from git, at the commit of the run.
      const label = `release=${process.pid}-${Date.now()}`
      const labelled = () => docker('ps', '--quiet', '--filter', `label=${label}`)
      example.application.change('compose.production.yml', text =>
        text.replace('  backend:\n', `  backend:\n    labels: ["${label}"]\n`),
      )
      expect(errors(await example.deliver({ event: 'push' }))).toEqual([])
      example.application.undo()
      const second = await health(example)
      expect(second['version']).not.toBe(first)
      expect(labelled()).not.toBe('')

      const back = await example.deliver({ event: 'workflow_dispatch', inputs: { 'rollback-to': String(first) } })
      expect(errors(back)).toEqual([])
      expect(results(back, 'deploy / test', 'deploy / build', 'deploy / deploy')).toEqual([
        'skipped',
        'skipped',
        'success',
      ])
      expect(await health(example)).toMatchObject({ version: first, backend: first })
    }, 300_000)
  },
)
