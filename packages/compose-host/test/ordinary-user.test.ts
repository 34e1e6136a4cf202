import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from '@jest/globals'
import { describeWith } from '../../../test/support/parts.ts'
import { withProject } from '../../../test/support/script-project.ts'

const NOBODY = '65534'

describeWith(['root'], 'a user who may use Docker and is not root', () => {
  withProject("deploys, although the engine's folder is closed to everybody else", async project => {
    // How Docker makes /var/lib/docker.
    const root = join(project.folder, 'engine')
    mkdirSync(root)
    chmodSync(root, 0o710)
    mkdirSync(join(project.folder, 'docker'))
    await project.tool(
      'sh',
      // The script is a file that only root may read.
      `#!/bin/sh\nexec setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups /bin/sh -c "$(cat "$2")"\n`,
    )
    execFileSync('chown', ['--recursive', `${NOBODY}:${NOBODY}`, project.folder])
    execFileSync('chown', ['root:root', root])
    const deploy = (tag: string): ReturnType<typeof project.deploy> => project.deploy(tag, {}, { FAKE_ROOT: root })
    expect((await deploy('1')).reason).toBe('')
    const second = await deploy('2')
    expect([second.status, second.reason, project.running()]).toEqual(['deployed', '', '2'])
    expect(project.docker('calls')).toMatch(/^image prune/m)
    expect((await deploy('sick')).status).toBe('rolled-back')
  })
})
