import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from '@jest/globals'
import { type ScriptProject, withProject } from '../../../test/support/script-project.ts'
import { until } from '../../../test/support/task-cloud.ts'

const HANGS = 'echo $$ >>"$FAKE_DOCKER/hangs"; exec sleep 90'

describe('a cancel: the old version runs, the lock is free, nothing runs on', () => {
  withProject('while it waits for the lock', async project => {
    await project.deploy('1')
    const holder = await project.start('2', { before: 'until [[ -e go ]]; do sleep 0.1; done' })
    await until('it has the lock', () => project.state('log').includes('running the commands of before'))
    const waiter = await project.start('3', { lockTimeoutMs: 60_000 })
    await until('waiting', () => project.state('log').includes('Waiting for another deploy'))
    waiter.kill()
    writeFileSync(join(project.directory, 'go'), '')
    expect(await holder.output).toContain('"status":"deployed"')
    await project.freed(2)
    expect([project.file('shop', '.env'), project.running()]).toEqual(['TAG=2\n', '2'])
    expect((await project.deploy(undefined, { operation: 'rollback' })).status).toBe('rolled-back')
  })

  withProject('while it fetches from git', async project => {
    await project.deploy('1')
    mkdirSync(join(project.directory, '.git'))
    await project.tool('git', `#!/bin/sh\ncase "$*" in *fetch*) ${HANGS} ;; esac\n`)
    await cancelled(project, { gitRef: 'main' })
  })

  withProject('while it logs in', async project => {
    await project.deploy('1')
    await project.tool('aws', `#!/bin/sh\n${HANGS}\n`)
    await project.tool('python3', '#!/bin/sh\n')
    await cancelled(project, { registryLogin: 'ecr-public' })
  })

  withProject('while it waits for the health URL', async project => {
    await project.deploy('1')
    const curl = `#!/bin/sh\ncat >/dev/null\nif grep -q ' 2 ' "$FAKE_DOCKER/container"; then ${HANGS}; fi\n`
    await project.tool('curl', curl)
    await cancelled(project, { healthUrl: 'http://localhost/' })
  })

  withProject('while the commands of after run', async project => {
    await project.deploy('1')
    await cancelled(project, { after: HANGS })
  })

  withProject('while it goes back by hand: what ran before that', async project => {
    await project.deploy('0')
    await project.deploy('1')
    const action = await project.start(undefined, { operation: 'rollback', after: HANGS })
    await until('it hangs', () => project.docker('hangs') !== '')
    expect(project.running()).toBe('0')
    action.kill()
    await project.freed(3)
    expect([project.file('shop', '.env'), project.running()]).toEqual(['TAG=1\n', '1'])
    // And the way back is where it was.
    expect((await project.deploy(undefined, { operation: 'rollback' })).status).toBe('rolled-back')
    expect([project.file('shop', '.env'), project.running()]).toEqual(['TAG=0\n', '0'])
  })

  withProject('while images are removed: the new version runs', async project => {
    await project.deploy('1')
    const real = join(project.folder, 'tools', 'fake-docker')
    await project.tool('fake-docker', project.file('tools', 'docker'))
    await project.tool(
      'docker',
      `#!/bin/bash\nif [[ $1 == images ]]; then touch "$FAKE_DOCKER/prunes"; sleep 1; fi\nexec ${real} "$@"\n`,
    )
    const action = await project.start('2')
    await until('pruning', () => existsSync(join(project.folder, 'docker', 'prunes')))
    action.kill()
    await project.freed(2)
    expect([project.file('shop', '.env'), project.running()]).toEqual(['TAG=2\n', '2'])
  })
})

/** A deploy of the tag 2 is cancelled where it hangs. */
async function cancelled(project: ScriptProject, more: Parameters<ScriptProject['start']>[1]): Promise<void> {
  const action = await project.start('2', more)
  await until('it hangs', () => project.docker('hangs') !== '')
  action.kill()
  await project.freed(2)
  expect([project.file('shop', '.env'), project.running()]).toEqual(['TAG=1\n', '1'])
  expect(project.state('deploys.log').trim().split('\n').at(-1)).toContain(': cancelled;')
  expect(isThere(Number(project.docker('hangs')))).toBe(false)
}

/** A zombie is none: nobody may collect it here. */
function isThere(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
