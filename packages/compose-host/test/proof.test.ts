import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from '@jest/globals'
import { describeWith } from '../../../test/support/parts.ts'
import { type ScriptProject, withProject } from '../../../test/support/script-project.ts'
import { until } from '../../../test/support/task-cloud.ts'

type More = Parameters<ScriptProject['deploy']>[1]

// Each deploys the tag 2 over the tag 1, with what makes it fail.
const FAILURES: readonly (readonly [string, string, More?])[] = [
  ['a container that exits', 'sick'],
  ['one that never becomes healthy', 'ill'],
  ['another image than was pulled', '2', { before: 'docker tag "$(docker image inspect app:1)" app:2' }],
  ['`up` fails', '2', { before: 'rm "$FAKE_DOCKER/image.2"' }],
  ['the commands of after fail', '2', { after: 'exit 3' }],
  ['the health URL does not answer', '2', { healthUrl: 'http://localhost/' }],
]

describe('after a failure the former digests run, and are said to', () => {
  for (const [name, tag, more] of FAILURES) {
    withProject(name, async project => {
      await project.tool('curl', `#!/bin/sh\ncat >/dev/null\ngrep -q ' 1 ' "$FAKE_DOCKER/container" || exit 22\n`)
      const first = await project.deploy('1', more?.healthUrl === undefined ? {} : { healthUrl: more.healthUrl })
      const was = imageOf(project)
      const result = await project.deploy(tag, more)
      expect([result.status, result.takeBack]).toEqual(['rolled-back', 'done'])
      expectFormer(project, result.services, was, first.services[0]?.after)
    })
  }

  withProject('a tag that moved', async project => {
    const first = await project.deploy('1')
    const was = imageOf(project)
    // What the next pull brings under the same tag.
    const moved = `sha256:${'5'.repeat(64)}`
    await writeFile(join(project.folder, 'docker', 'image.1'), `${moved}\n`)
    const result = await project.deploy('1', {
      after: 'test "$(docker image inspect app:1)" = NEW; exit 1'.replace('NEW', moved),
    })
    expect(result.status).toBe('rolled-back')
    expectFormer(project, result.services, was, first.services[0]?.after)
    expect(project.docker('image.1').trim()).toBe(was)
  })

  withProject('going back by hand fails: what ran before that', async project => {
    await project.deploy('1')
    const second = await project.deploy('2')
    const was = imageOf(project)
    const result = await project.deploy(undefined, { operation: 'rollback', after: 'exit 1' })
    expect([result.status, result.takeBack]).toEqual(['failed', 'done'])
    expectFormer(project, result.services, was, second.services[0]?.after)
  })

  withProject('a cancel while the new version is being proven', async project => {
    const [web] = (await project.deploy('1')).services
    const was = imageOf(project)
    const action = await project.start('ill', { healthTimeoutMs: 60_000 })
    await until('it is looked at', () => project.state('log').includes('web is unhealthy'))
    action.kill()
    await project.freed(2)
    expect(imageOf(project)).toBe(was)
    expect(project.state('deploys.log').trim().split('\n').at(-1)).toMatch(
      new RegExp(`: cancelled; web ${web?.after}$`),
    )
  })

  withProject('going back that brings something else is told', async project => {
    await project.deploy('1')
    const result = await project.deploy('sick', {}, { FAKE_TAG_FAILS: '1' })
    expect(result.status).toBe('rolled-back')
    await project.deploy('2')
    // Compose takes the image from its tag, which cannot be set back.
    await writeFile(join(project.folder, 'docker', 'image.2'), `sha256:${'6'.repeat(64)}\n`)
    const wrong = await project.deploy('2', { after: 'exit 1' }, { FAKE_TAG_FAILS: '2' })
    expect([wrong.status, wrong.takeBack]).toEqual(['failed', 'failed'])
  })
})

describe('a disk that runs full while pulling', () => {
  withProject('is red; nothing was stopped, and the former digests run on', async project => {
    const first = await project.deploy('1')
    const was = project.docker('container')
    const result = await project.deploy('full')
    expect([result.status, result.takeBack]).toEqual(['failed', 'done'])
    expect(result.reason).toContain('The disk ran full while pulling; nothing was stopped. app:full: ')
    expect(result.reason).toContain('no space left on device')
    expect([project.docker('container'), project.file('shop', '.env')]).toEqual([was, 'TAG=1\n'])
    expect(result.services).toEqual([
      { name: 'web', before: first.services[0]?.after, after: first.services[0]?.after },
    ])
    const calls = project.docker('calls').split('pull app:full')
    expect(calls.at(-1)).not.toMatch(/ (?:up|stop|rm) /)
  })
})

describeWith(['root'], 'an engine whose disk has 512 KiB', () => {
  withProject('runs full while pulling; once the image fits, it is deployed', async project => {
    const folder = join(project.folder, 'docker')
    mkdirSync(folder)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', folder])
    try {
      const first = await project.deploy('1', {}, { FAKE_ROOT: project.folder, FAKE_LAYER_KIB: '200' })
      const was = project.docker('container')
      const result = await project.deploy('2', {}, { FAKE_ROOT: project.folder, FAKE_LAYER_KIB: '400' })
      expect([result.status, result.takeBack]).toEqual(['failed', 'done'])
      expect(result.reason).toContain('The disk ran full while pulling; nothing was stopped.')
      expect([project.docker('container'), project.file('shop', '.env')]).toEqual([was, 'TAG=1\n'])
      expect(result.services[0]?.after).toBe(first.services[0]?.after)
      expect((await project.deploy('2', {}, { FAKE_ROOT: project.folder, FAKE_LAYER_KIB: '200' })).status).toBe(
        'deployed',
      )
    } finally {
      execFileSync('umount', ['--lazy', folder])
    }
  })
})

function imageOf(project: ScriptProject): string {
  return project.docker('container').split(' ')[1] ?? ''
}

function expectFormer(
  project: ScriptProject,
  services: readonly {
    readonly name: string
    readonly before: string | undefined
    readonly after: string | undefined
  }[],
  image: string,
  digest: string | undefined,
): void {
  expect(image).toMatch(/^sha256:/)
  expect(imageOf(project)).toBe(image)
  expect(services).toEqual([{ name: 'web', before: digest, after: digest }])
}
