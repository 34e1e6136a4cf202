import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { runJavaScriptAction } from '@aws-deploy-actions/rehearsal'
import { expect, test } from '@jest/globals'
import { root } from './support/module-graph.ts'
import { startServiceCloud } from './support/service-cloud.ts'

const action = (name: string): string => join(root, 'actions', name)

// Real records of real steps: what the actions leave is what summarize reads.
test('a delivery that is migrated, deployed, found wrong and rolled back, on one page', async () => {
  const cloud = await startServiceCloud()
  const { temp } = cloud
  try {
    await cloud.create('api')
    await cloud.register('migrate', { app: 'echo "migrating $DATABASE_NAME"' })
    const workspace = temp
    const migration = await cloud.runIn(
      workspace,
      { 'task-definition': 'migrate', database: 'shop', 'verify-command': 'sh -c "echo as it must be"' },
      'run-migration-task',
    )
    expect(migration.outputs['status']).toBe('succeeded')
    await cloud.push('bad', 'exits')
    const deploy = await cloud.run({ services: 'api', images: `web=${cloud.aws.registryAddress}/web:bad` })
    expect(deploy.outputs['status']).toBe('rolled-back')
    const smoke = await runJavaScriptAction(action('smoke-test'), {
      temp,
      inputs: { urls: 'http://127.0.0.1:1/health', timeout: '500ms', interval: '100ms' },
    })
    expect(smoke.outputs['status']).toBe('failed')
    expect(readdirSync(join(temp, 'deploy-reports'))).toHaveLength(3)

    const { summary, exitCode, outputs } = await runJavaScriptAction(action('summarize'), {
      temp,
      inputs: {
        needs: JSON.stringify({
          migrate: { result: 'success', outputs: { report: migration.outputs['report'] } },
          deploy: { result: 'failure', outputs: { report: deploy.outputs['report'] } },
          smoke: { result: 'failure', outputs: { report: smoke.outputs['report'] } },
        }),
        'github-token': '',
      },
      environment: { GITHUB_WORKFLOW: 'Deliver' },
    })
    expect([exitCode, outputs['status']]).toEqual([1, 'failure'])
    expect(summary).toMatch(/^## ❌ Deliver: failure\n\n\*\*deploy and smoke failed; 1 of 3 jobs succeeded\.\*\*/)
    expect(summary).not.toContain('Skipped a report')
    expect([...summary.matchAll(/^### (.*)$/gm)].map(([, title]) => title)).toEqual([
      'Jobs',
      'What failed',
      'Database migrations',
      'Deployments',
      'Smoke tests',
      'Notes',
    ])
    expect(summary).toMatch(
      /A rollback never undoes a migration\.\*\* .*\n\n- database <code>shop<\/code> \(task <code>[0-9a-f]{32}<\/code>\)\n\n/,
    )
    expect(summary).toMatch(/\| <code>shop<\/code> \| ✅ succeeded \| <code>migrate:1<\/code> \|/)
    expect(summary).toMatch(/\| <code>shop<\/code> \| ✅ succeeded \(verification\) \|/)
    expect(summary).toContain('<code>web:1</code> → <del><code>web:2</code></del> → <code>web:1</code>')
    expect(summary).toContain('boom: no configuration')
    expect(summary).toContain('down: nothing listens at ')
    expect(summary.match(/^❌ /gm)).toHaveLength(2)
  } finally {
    await cloud.stop()
  }
})
