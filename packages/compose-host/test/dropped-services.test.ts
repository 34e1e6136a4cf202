import { join } from 'node:path'
import { describe, expect } from '@jest/globals'
import { withProject } from '../../../test/support/script-project.ts'

/** The configuration has dropped the service `old`, whose container runs on. */
const ORPHAN = { FAKE_ORPHAN: 'old' }

describe('a service that the configuration has dropped', () => {
  withProject('runs on, and keeps no deploy from being taken back', async project => {
    await project.deploy('1')
    const result = await project.deploy('sick', {}, ORPHAN)
    expect([result.status, result.takeBack]).toEqual(['rolled-back', 'done'])
    expect([project.file('shop', '.env'), project.running()]).toEqual(['TAG=1\n', '1'])
    expect(project.state('log')).toContain('The configuration has no service old')
  })

  withProject('keeps nobody from going back by hand', async project => {
    await project.deploy('1', {}, ORPHAN)
    await project.deploy('2', {}, ORPHAN)
    const result = await project.deploy(undefined, { operation: 'rollback' }, ORPHAN)
    expect([result.status, result.reason]).toEqual(['rolled-back', ''])
    expect([project.file('shop', '.env'), project.running()]).toEqual(['TAG=1\n', '1'])
    expect(project.docker('calls')).not.toContain('rm --force oold')
  })
})

describe('compose v1, which lists only the services of the file as it is', () => {
  withProject('a service that a failed version added goes', async project => {
    const fake = join(project.folder, 'tools', 'fake-docker')
    await project.tool('fake-docker', project.file('tools', 'docker'))
    await project.tool(
      'docker-compose',
      `#!/bin/sh\nunset FAKE_ORPHAN\ncase "$*" in *version*) echo 1.29.2 ;; *) exec ${fake} compose "$@" ;; esac\n`,
    )
    await project.tool(
      'docker',
      `#!/bin/sh
there() { [ -n "\${FAKE_ORPHAN-}" ] && [ -e "$FAKE_DOCKER/added" ]; }
case " $* " in
' compose '*) exit 1 ;;
' ps '*'label=com.docker.compose.project=shop '*) echo web; if there; then echo old; fi; exit ;;
' inspect '*'"com.docker.compose.project"}} web '*) echo shop; exit ;;
' inspect '*' old '*) ;;
*) unset FAKE_ORPHAN ;;
esac
exec ${fake} "$@"
`,
    )
    expect((await project.deploy('1', {}, ORPHAN)).status).toBe('deployed')
    const result = await project.deploy('sick', { before: 'touch "$FAKE_DOCKER/added"' }, ORPHAN)
    expect([result.status, result.takeBack]).toEqual(['rolled-back', 'done'])
    expect(project.docker('calls')).toContain('rm --force oold')
  })
})
