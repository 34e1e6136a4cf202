import { describe, expect } from '@jest/globals'
import { type ScriptProject, withProject } from '../../../test/support/script-project.ts'
import { until } from '../../../test/support/task-cloud.ts'

describe('commands of `before` that stop what runs', () => {
  withProject('and fail: it runs again, and is proven', async project => {
    const [first] = (await project.deploy('1')).services
    const result = await project.deploy('2', { before: 'docker compose stop; exit 1' })
    expect([result.status, result.takeBack, ...now(project)]).toEqual(['rolled-back', 'done', 'TAG=1\n', '1'])
    expect(result.services).toEqual([{ name: 'web', before: first?.after, after: first?.after }])
  })

  withProject('and are cancelled: it runs again', async project => {
    await project.deploy('1')
    const action = await project.start('2', { before: 'docker compose stop; touch stopped; sleep 60' })
    await until(
      'it is stopped',
      () => project.docker('calls').includes('compose stop') && project.running() === undefined,
    )
    action.kill()
    await project.freed(2)
    expect(now(project)).toEqual(['TAG=1\n', '1'])
    expect(project.state('log')).toContain('What ran before runs again')
  })

  withProject('those that touch nothing start nothing again', async project => {
    await project.deploy('1')
    const ups = (): number => project.docker('calls').split(' up -d').length
    const before = ups()
    const result = await project.deploy('2', { before: 'exit 1' })
    expect([result.status, result.takeBack, ups()]).toEqual(['failed', 'done', before])
  })
})

function now(project: ScriptProject): (string | undefined)[] {
  return [project.file('shop', '.env'), project.running()]
}
