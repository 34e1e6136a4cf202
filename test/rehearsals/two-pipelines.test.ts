import { rehearse } from '@aws-deploy-actions/rehearsal'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import './patience.ts'
import { type Caller, startCaller } from './calls.ts'
import { APPLICATION, pushVersion, SURROUNDINGS } from './small-application.ts'

let caller: Caller
beforeAll(async () => {
  caller = await startCaller({ ...APPLICATION, '.github/workflows/promote.yml': PROMOTE }, SURROUNDINGS)
  await pushVersion(caller.cloud().aws, 'one')
})
afterAll(() => caller?.stop())

const job = (environment: string, needs: string, services: string): string => `
  ${environment}:
    ${needs}
    permissions: { actions: read, contents: read, id-token: write, pull-requests: write }
    uses: OWNER/aws-deploy-actions/.github/workflows/pipeline-ecs.yml@v1
    with:
      environment: ${environment}
      aws-region: eu-west-1
      version: one
      images: "- repository: shop"
      cluster: shop
      services: ${services}
      template-values: image={shop}
      migrate-task-definition: deploy/migrate.yml
      migrate-command: node migrate.js \${{ vars.BAD_IN == '${environment}' && '${environment}-database' }}
      databases: '["${environment}-database"]'
      network-from-service: api
`

const PROMOTE = `on: push
permissions: {}
jobs:${job('staging', '', 'api=deploy/api.yml')}${job('production', 'needs: staging', 'api=deploy/api.yml')}`

test('two pipelines in one run: the page of each tells of its own', async () => {
  const { options } = caller.cloud()
  const run = await rehearse({
    ...options,
    event: 'push',
    repository: caller.repository.folder,
    workflow: '.github/workflows/promote.yml',
    vars: { ...options.vars, BAD_IN: 'production' },
  })
  expect(run.problems).toEqual([])
  expect([run.jobs['staging']?.result, run.jobs['production']?.result]).toEqual(['success', 'failure'])
  const page = (environment: string): string => run.jobs[`${environment} / summary`]?.summary ?? ''
  expect(page('staging')).toContain('Delivery to staging: success')
  expect(page('staging')).toContain('staging-database')
  expect(page('staging')).not.toMatch(/production|relation exists/)
  expect(page('production')).toContain('Delivery to production: failure')
  expect(page('production')).toContain('relation exists')
  expect(page('production')).not.toContain('staging-database')
})
