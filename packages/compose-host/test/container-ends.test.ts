import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { describe, expect } from '@jest/globals'
import { describeWith } from '../../../test/support/parts.ts'
import { withProject } from '../../../test/support/script-project.ts'

describe('a container that has ended', () => {
  for (const [name, state, status, reason] of [
    ['with 0, restarted on failure', 'exited|0|-|0|on-failure', 'deployed', ''],
    ['with 0 after some tries', 'exited|0|-|2|on-failure:3', 'deployed', ''],
    ['with 0, always restarted', 'exited|0|-|0|always', 'failed', 'after 2 s: web exited with 0'],
    ['with 1 after the last try', 'exited|1|-|3|on-failure:3', 'failed', 'web exited with 1'],
    ['with 1, to be tried again', 'exited|1|-|1|on-failure:3', 'failed', 'after 2 s: web exited with 1'],
  ] as const) {
    withProject(name, async project => {
      const result = await project.deploy('1', {}, { FAKE_STATE: state })
      expect([result.status, result.reason]).toEqual([status, reason])
    })
  }
})

describe('an engine that says of its containers', () => {
  for (const [name, words] of [
    ['nothing, and fails', ''],
    ['that there is no such host', 'error during connect: lookup docker: no such host'],
  ] as const) {
    withProject(`${name}: that is not that nothing runs`, async project => {
      await project.deploy('1')
      const result = await project.deploy('2', {}, { FAKE_LOST: words })
      expect([result.status, result.reason]).toEqual(['failed', 'What runs here could not be read from Docker.'])
      expect([project.file('shop', '.env'), project.running()]).toEqual(['TAG=1\n', '1'])
    })
  }

  withProject('that one has gone meanwhile: then that one does not run', async project => {
    const result = await project.deploy('1', {}, { FAKE_LOST: 'Error: No such object: c1' })
    expect(result.reason).not.toContain('could not be read')
  })
})

describe('a former image that was built on the host', () => {
  withProject('is brought back although a pull has taken its name', async project => {
    const built = `sha256:${'b'.repeat(64)}`
    await project.deploy('0')
    await writeFile(join(project.folder, 'docker', 'image.1'), `${built}\n`)
    await writeFile(join(project.folder, 'docker', 'local'), `${built}\n`)
    await project.deploy('1')
    await writeFile(join(project.folder, 'docker', 'image.1'), `sha256:${'c'.repeat(64)}\n`)
    const result = await project.deploy('1', { after: 'exit 1' })
    expect([result.status, result.takeBack]).toEqual(['rolled-back', 'done'])
    expect(project.docker('container')).toContain(built)
    // Nothing takes it away for good.
    await project.deploy('2', { keepReleases: 0 })
    await project.deploy('3', { keepReleases: 0 })
    expect(project.docker('calls')).not.toContain(`rmi --force ${built}`)
  })
})

describeWith(['curl'], 'health-url', () => {
  withProject('is one URL, whatever curl makes of brackets and braces', async project => {
    const asked: string[] = []
    const server = createServer(({ url = '' }, response) => {
      asked.push(url)
      response.end()
    })
    await new Promise<void>(settle => server.listen(0, '127.0.0.1', settle))
    try {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      const result = await project.deploy('1', { healthUrl: `http://127.0.0.1:${port}/a?ids=[1-3]&of={b,c}` })
      expect([result.status, result.reason, asked]).toEqual(['deployed', '', ['/a?ids=[1-3]&of={b,c}']])
    } finally {
      server.close()
    }
  })
})
