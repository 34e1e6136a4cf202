import { appendFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from '@jest/globals'
import { withProject } from '../../../test/support/script-project.ts'
import { until } from '../../../test/support/task-cloud.ts'

describe('a way back that could not be kept', () => {
  withProject('is not what the next deploy goes back to', async project => {
    await project.deploy('1')
    await project.tool('mv', '#!/bin/sh\ncase "$*" in */releases/*) exit 1 ;; esac\nexec /bin/mv "$@"\n')
    expect((await project.deploy('2')).status).toBe('deployed')
    expect(project.state('log')).toContain('The way back from this deploy could not be kept')
    expect((await project.deploy('sick')).status).toBe('rolled-back')
    expect([project.file('shop', '.env'), project.running()]).toEqual(['TAG=2\n', '2'])
  })
})

describe('the images of a version that was taken back', () => {
  withProject('are removed, those of the former releases stay', async project => {
    for (const tag of ['1', '2', 'sick']) await project.deploy(tag)
    const id = (tag: string): string => project.docker(`image.${tag}`)
    expect([id('1'), id('2'), id('sick')]).toEqual([
      expect.stringMatching(/^sha256:/),
      expect.stringMatching(/^sha256:/),
      '',
    ])
    await project.deploy('ill', { prune: false })
    expect(id('ill')).toMatch(/^sha256:/)
  })
})

describe('the env file', () => {
  withProject('keeps `export` before a key of ours', async project => {
    await writeFile(join(project.directory, '.env'), 'TAG=1\n export  COLOR=blue\nexport LAST=1\n')
    await project.deploy('2', { env: new Map([['COLOR', 'a b']]) })
    expect(project.file('shop', '.env')).toBe("TAG=1\nexport COLOR='a b'\nexport LAST=1\n")
  })
})

describe('the log', () => {
  withProject('is not cut under a deploy that has not got the lock yet', async project => {
    await project.tool('fake-docker', project.file('tools', 'docker'))
    await project.tool(
      'docker',
      `#!/bin/sh
if [ "$1" = version ] && [ -n "\${GATED-}" ]; then
  mkdir -p "$FAKE_DOCKER"
  echo >"$FAKE_DOCKER/gated"
  until [ -e "$FAKE_DOCKER/open" ]; do sleep 0.05; done
fi
exec ${join(project.folder, 'tools', 'fake-docker')} "$@"
`,
    )
    const early = await project.start('1', { before: 'echo still here' }, { GATED: 'yes' })
    await until('it looks at the host', () => project.docker('gated') !== '')
    const log = join(project.folder, '.shop.deploy', 'log')
    await appendFile(log, `${'x'.repeat(99)}\n`.repeat(12_000))
    expect((await project.deploy('2')).status).toBe('deployed')
    await writeFile(join(project.folder, 'docker', 'open'), '')
    expect(JSON.parse(await early.output)).toMatchObject({ status: 'deployed' })
    expect(project.state('log')).toContain('still here')
    expect((await project.deploy('1')).status).toBe('unchanged')
    expect(project.state('log').length).toBeLessThan(600_000)
  })
})
