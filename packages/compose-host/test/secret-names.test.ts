import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from '@jest/globals'
import { withProject } from '../../../test/support/script-project.ts'

describe('a secret in the name of an image', () => {
  withProject('shows nowhere: not when it is pulled, nor when it cannot be, nor when it is removed', async project => {
    const shown = []
    for (const tag of ['secret-one', 'secret-two', 'bad-secret', 'secret-three']) {
      await project.tool('aws', '#!/bin/sh\necho {}\n')
      await project.tool('python3', `#!/bin/sh\ncat >/dev/null\nprintf %sx ${tag}\n`)
      const envFrom = new Map([['TAG', 'ssm:/tag']])
      const { output } = await project.start(undefined, { envFrom, keepReleases: 0, follow: true })
      shown.push(await output)
      expect(project.file('shop', '.env')).toBe(`TAG=${tag === 'bad-secret' ? 'secret-two' : tag}\n`)
    }
    expect(project.docker('calls')).toContain('rmi --force')
    expect(project.state('log')).toContain('Downloaded newer image for app:***')
    expect([...shown, project.state('log')].join('')).not.toMatch(/secret-(?:one|two|three)|bad-secret/)
  })
})

describe('a secret of a former version', () => {
  withProject('shows nowhere when that one is put back and says it', async project => {
    const secrets = ['plain-zircon', `it's "zircon" \${a}$b\\c`, `two-zircon'"\nlines-zircon\\`] as const
    await project.tool('aws', '#!/bin/sh\ncat "$FAKE_DOCKER/secret"\n')
    await project.tool('python3', '#!/bin/sh\ncat\nprintf x\n')
    for (const secret of secrets) {
      await project.deploy('0')
      await writeFile(join(project.folder, 'docker', 'secret'), secret)
      expect((await project.deploy('1', { envFrom: new Map([['KEY', 'ssm:/key']]) })).status).toBe('deployed')
      await writeFile(join(project.folder, 'docker', 'secret'), 'the next one')
      expect((await project.deploy('2', { envFrom: new Map([['KEY', 'ssm:/key']]) })).status).toBe('deployed')
      const { output } = await project.start(
        undefined,
        { operation: 'rollback', after: 'cat .env; exit 1', follow: true },
        { FAKE_SAYS: secret },
      )
      expect(await output).toContain('"status":"failed"')
      expect([await output, project.state('log')].join('')).not.toContain('zircon')
    }
  })
})
