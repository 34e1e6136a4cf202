import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect } from '@jest/globals'
import { inCloud } from '../../../test/support/in-cloud.ts'
import { until } from '../../../test/support/task-cloud.ts'
import { PARAMETER_VALUE, SECRET_VALUE, seed } from '../../../test/support/task-uses.ts'

const run = promisify(execFile)

describe('no secret in any captured byte', () => {
  for (const [name, script] of [
    ['of a success', '[ ${#PASSWORD} = 28 ] && [ -n "$TOKEN" ] && sleep 2'],
    ['of a failure', 'sleep 2; exit 9'],
  ] as const) {
    inCloud(name, async cloud => {
      await seed(cloud)
      const keys = cloud.aws.environment()
      const secrets = [SECRET_VALUE, PARAMETER_VALUE, keys['AWS_SECRET_ACCESS_KEY'] ?? '']
      const action = await cloud.start({
        'task-definition': 'shop',
        container: 'job',
        command: JSON.stringify([script]),
        secrets: `PASSWORD=arn:aws:secretsmanager:eu-west-1:${cloud.aws.accountId}:secret:shop/database:password::\nTOKEN=/shop/token`,
      })
      await until('the task was started', () => action.output().includes('Started task'))
      const { stdout: processes } = await run('ps', ['-eo', 'args'])
      const { exitCode, stdout, stderr, outputs, state, summary, reports, post } = await action.result
      expect(exitCode).toBe(name === 'of a success' ? 0 : 1)
      // The runner hands credentials over in the environment; arguments are what everybody can see.
      const captured = JSON.stringify([processes, stdout, stderr, outputs, state, summary, reports, post])
      for (const secret of secrets) expect(captured).not.toContain(secret)
      const journal = JSON.stringify(cloud.aws.journal())
      for (const secret of secrets) expect(journal).not.toContain(secret)
    })
  }

  inCloud('of the files that are left behind', async cloud => {
    await seed(cloud)
    await cloud.register('ok', { app: 'echo fine' })
    const { temp } = cloud
    await cloud.run({ 'task-definition': 'ok' })
    const files = await readdir(temp, { recursive: true, withFileTypes: true })
    const written = files.filter(file => file.isFile()).map(file => join(file.parentPath, file.name))
    expect(written).toHaveLength(1)
    expect(written[0]).toMatch(/deploy-reports\/run-ecs-task-[0-9a-f-]+\.json$/)
    const text = await readFile(written[0] ?? '', 'utf8')
    expect(text).not.toContain(cloud.aws.environment()['AWS_SECRET_ACCESS_KEY'])
    expect(text).not.toContain(cloud.aws.accountId)
    expect(text).not.toContain(cloud.aws.registryAddress)
  })
})
