import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from '@jest/globals'
import { withProject } from '../../../test/support/script-project.ts'
import { until } from '../../../test/support/task-cloud.ts'

describe('a way back that begins when the time of the lock is nearly over', () => {
  withProject('has the lock for a whole term again', async project => {
    await project.deploy('1')
    const after = 'touch begun; until [[ -e go ]]; do sleep 0.05; done; exit 1'
    const action = await project.start('2', { after }, { FAKE_UP: '1' })
    await until(
      'after runs',
      () => project.file('shop', 'begun') !== '' || project.state('log').includes('commands of after'),
    )
    const [holder, , ...rest] = project.state('lock').split('\n')
    const soon = Math.floor(Date.now() / 1000) + 60
    await writeFile(join(project.folder, '.shop.deploy', 'lock'), [holder, soon, ...rest].join('\n'))
    await writeFile(join(project.directory, 'go'), '')
    await until('it goes back', () => project.docker('calls').split(' up -d').length === 4)
    expect(Number(project.state('lock').split('\n')[1])).toBeGreaterThan(soon + 400)
    expect(JSON.parse(await action.output)).toMatchObject({ status: 'rolled-back' })
  })
})

describe('a deploy that was overtaken', () => {
  withProject('leaves the way back of the other alone', async project => {
    await project.deploy('1')
    const after = 'until [[ -e go ]]; do sleep 0.05; done'
    const action = await project.start('2', { after })
    await until('after runs', () => project.state('log').includes('commands of after'))
    const lock = ['the next one', Math.floor(Date.now() / 1000) + 600, '1', '', ''].join('\n')
    await writeFile(join(project.folder, '.shop.deploy', 'lock'), lock)
    await writeFile(join(project.directory, 'go'), '')
    await action.output
    expect(project.state('lock')).toBe(lock)
    expect(project.file('.shop.deploy', 'pending', 'complete') + project.file('.shop.deploy', 'pending', 'env')).toBe(
      'TAG=1\n',
    )
  })
})
