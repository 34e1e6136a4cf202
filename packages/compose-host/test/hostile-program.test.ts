import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from '@jest/globals'
import { withProject } from '../../../test/support/script-project.ts'

describe('values that mean something to a shell, through the whole program', () => {
  withProject('stay what they are', async project => {
    const canary = join(project.folder, 'canary')
    await project.tool('canary', `#!/bin/sh\ntouch '${canary}'\n`)
    await project.tool('curl', '#!/bin/sh\ncat >>"$FAKE_DOCKER/urls"\n')
    const hostile = '-e $(canary) `canary` \'"; canary; \\ * {{ssm:x}} é\n&& canary'
    const directory = join(project.folder, hostile)
    mkdirSync(directory)
    const healthUrl = `http://localhost/?${hostile.replace('\n', '')}`
    const good = await project.deploy('1', { directory, holder: hostile.replace('\n', ' '), healthUrl })
    expect([good.status, good.reason]).toEqual(['deployed', ''])
    expect(readFileSync(join(directory, '.env'), 'utf8')).toBe('TAG=1\n')
    expect(project.docker('urls')).toContain(healthUrl.replaceAll('\\', '\\\\').replaceAll('"', '\\"'))
    // What is bash runs as bash, with nothing of it lost.
    const after = `printf '%s' '${hostile.replaceAll("'", "'\\''")}' >printed`
    expect((await project.deploy('2', { directory, before: after, after })).status).toBe('deployed')
    expect(readFileSync(join(directory, 'printed'), 'utf8')).toBe(hostile)
    const absent = await project.deploy('2', { directory, services: [hostile], composeFiles: [hostile] })
    expect(absent.reason).toContain(`The configuration has no service ${hostile.replace('\n', ' ')}`.slice(0, 60))
    expect((await project.deploy('sick', { directory })).status).toBe('rolled-back')
    expect((await project.deploy(undefined, { directory, operation: 'rollback' })).status).toBe('rolled-back')
    expect(existsSync(canary)).toBe(false)
    expect(readdirSync(project.temporary)).toEqual([])
  })
})
