import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { appendFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from '@jest/globals'
import { type ScriptProject, withProject } from '../../../test/support/script-project.ts'
import { until } from '../../../test/support/task-cloud.ts'

/** A tool that is slow for some of its calls, before or after it has done its work; says so in docker's folder. */
const slow = (tool: string, pattern: string, when: 'before' | 'after'): string => {
  const wait = `case "$*" in ${pattern}) touch "$FAKE_DOCKER/slow"; sleep 1.5 ;; esac`
  const work = `PATH=/usr/bin:/bin ${tool} "$@"; code=$?`
  return `#!/bin/sh\n${when === 'before' ? `${wait}\n${work}` : `${work}\n${wait}`}\nexit $code\n`
}
const isSlow = (project: ScriptProject) => (): boolean => existsSync(join(project.folder, 'docker', 'slow'))
const lines = (project: ScriptProject): string[] => project.state('deploys.log').trim().split('\n')

describe('a cancel', () => {
  withProject(
    'while the way back is being kept comes too late: the new version runs, and can be left',
    async project => {
      await project.deploy('1')
      await project.tool('mv', slow('mv', '*/releases/*', 'after'))
      const action = await project.start('2')
      await until('the release is kept', isSlow(project))
      action.kill()
      await project.freed(2)
      expect([lines(project).at(-1)?.includes(': deployed;'), project.running()]).toEqual([true, '2'])
      expect((await project.deploy(undefined, { operation: 'rollback' })).status).toBe('rolled-back')
      expect([project.file('shop', '.env'), project.running()]).toEqual(['TAG=1\n', '1'])
    },
  )

  withProject('while the env file is written leaves no second one', async project => {
    await project.deploy('1')
    await project.tool('sync', slow('sync', '*/shop/*', 'before'))
    const action = await project.start('2')
    await until('it is written', isSlow(project))
    action.kill()
    await project.freed(2)
    expect([readdirSync(project.directory), project.file('shop', '.env')]).toEqual([['.env'], 'TAG=1\n'])
  })

  withProject('while the repository is cloned leaves no half of it', async project => {
    const directory = join(project.folder, 'cloned')
    const git = (then: string): string =>
      `#!/bin/sh\ncase " $* " in *' clone '*) for last; do :; done; mkdir "$last" || exit 1; mkdir "$last/.git"; ${then} ;; esac\n`
    await project.tool('git', git('touch "$FAKE_DOCKER/slow"; exec sleep 60'))
    const deploy = { directory, gitRepository: 'https://example.com/shop.git' }
    const action = await project.start('1', deploy)
    await until('it clones', isSlow(project))
    action.kill()
    const over = (): boolean => project.file('.cloned.deploy', 'deploys.log').includes(': cancelled;')
    await until('it is over', over)
    expect(existsSync(directory)).toBe(false)
    await project.tool('git', git(':'))
    expect((await project.deploy('1', deploy)).status).toBe('deployed')
  })
})

describe('the lock', () => {
  withProject('of a run that was killed with its host is free at once', async project => {
    const action = await project.start('1', { before: 'sleep 60' })
    await until('before runs', () => project.state('log').includes('running the commands of before'))
    process.kill(-worker(project), 'SIGKILL')
    await action.output
    expect(project.state('lock')).toContain('acme/shop run 1/1 by alice')
    expect((await project.deploy('2', { lockTimeoutMs: 0 })).status).toBe('deployed')
  })

  withProject(
    'of one that hangs is taken over when its time is over; the one that wakes up touches nothing',
    async project => {
      await project.deploy('1')
      const hung = await project.start('2', { holder: 'the hung one', before: 'touch begun; sleep 1' })
      await until('before runs', () => existsSync(join(project.directory, 'begun')))
      const pid = worker(project)
      process.kill(-pid, 'SIGSTOP')
      try {
        const [holder, , ...rest] = project.state('lock').split('\n')
        const soon = Math.floor(Date.now() / 1000) + 3
        await writeFile(join(project.folder, '.shop.deploy', 'lock'), [holder, soon, ...rest].join('\n'))
        // Before that it is held, whatever its process does.
        const early = await project.deploy('3', { lockTimeoutMs: 0 })
        expect([early.status, early.lockHolder]).toEqual(['failed', 'the hung one'])
        const waiting = { holder: 'the next one', lockTimeoutMs: 60_000, before: 'touch next; sleep 4' }
        const next = await project.start('3', waiting)
        await until('the next one has it', () => existsSync(join(project.directory, 'next')))
        const ups = (): number => project.docker('calls').split(' up -d').length
        const before = ups()
        process.kill(-pid, 'SIGCONT')
        const woken: unknown = JSON.parse(await hung.output)
        expect(woken).toMatchObject({ status: 'failed', reason: expect.stringContaining('the next one') })
        // Neither forward nor back, and the lock is still the other's.
        expect([ups(), project.state('lock').split('\n')[0]]).toEqual([before, 'the next one'])
        expect(JSON.parse(await next.output)).toMatchObject({ status: 'deployed' })
        expect([project.file('shop', '.env'), project.running()]).toEqual(['TAG=3\n', '3'])
      } finally {
        if (isGroup(pid)) process.kill(-pid, 'SIGKILL')
      }
    },
  )
})

describe('two at once', () => {
  withProject('images that another project is pulling are not removed', async project => {
    const [one, other] = ['one', 'other'].map(name => join(project.folder, name))
    if (one === undefined || other === undefined) throw new Error('two folders')
    mkdirSync(one)
    mkdirSync(other)
    const slowly = { FAKE_PULL: '3', FAKE_PULL_TAG: 'slow' }
    const pulling = await project.start('slow', { directory: one }, slowly)
    await until('it pulls', () => project.docker('calls').includes('pull app:slow'))
    expect((await project.deploy('2', { directory: other })).status).toBe('deployed')
    expect(JSON.parse(await pulling.output)).toMatchObject({ status: 'deployed' })
    const calls = project.docker('calls').split('\n')
    const kept = calls.findIndex(
      line => line.startsWith('tag ') && /ssm-pull-deploy/.test(line) && line.includes(idOf(project, 'slow')),
    )
    expect(kept).toBeGreaterThan(0)
    // Later, or not at all when that takes too long.
    const pruned = calls.findIndex(line => line.startsWith('image prune'))
    expect(pruned === -1 ? project.file('.other.deploy', 'log') : pruned > kept).toEqual(
      pruned === -1 ? expect.stringContaining('Another project pulls images') : true,
    )
  })

  withProject('a long log is not cut under the one that writes to it', async project => {
    const holder = await project.start('1', { before: 'until [[ -e go ]]; do sleep 0.1; done' })
    await until('it has the lock', () => project.state('log').includes('running the commands of before'))
    const log = join(project.folder, '.shop.deploy', 'log')
    await appendFile(log, `${'x'.repeat(99)}\n`.repeat(12_000))
    expect((await project.deploy('2', { lockTimeoutMs: 0 })).status).toBe('failed')
    await writeFile(join(project.directory, 'go'), '')
    await holder.output
    expect(project.state('log')).toContain('Proven: what runs is what was pulled')
    expect((await project.deploy('1')).status).toBe('unchanged')
    expect(project.state('log').length).toBeLessThan(600_000)
  })
})

describe('an engine that cannot say what runs', () => {
  withProject('is not one on which nothing runs', async project => {
    await project.deploy('1')
    const result = await project.deploy('2', {}, { FAKE_LOST: 'Cannot connect to the Docker daemon' })
    expect([result.status, result.reason]).toEqual(['failed', 'What runs here could not be read from Docker.'])
    expect(project.docker('calls')).not.toContain(' stop')
    expect([project.file('shop', '.env'), project.running()]).toEqual(['TAG=1\n', '1'])
  })
})

function worker(project: ScriptProject): number {
  return Number(project.state('lock').split('\n')[2])
}

function isGroup(pid: number): boolean {
  try {
    process.kill(-pid, 0)
    return true
  } catch {
    return false
  }
}

function idOf(project: ScriptProject, tag: string): string {
  return readFileSync(join(project.folder, 'docker', `image.${tag}`), 'utf8').trim()
}
