import { existsSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from '@jest/globals'
import { cutOff, withProject } from '../../../test/support/script-project.ts'
import { until } from '../../../test/support/task-cloud.ts'

describe('what ran before', () => {
  withProject('a deploy that does not get the lock leaves the way back of its holder alone', async project => {
    expect((await project.deploy('1')).status).toBe('deployed')
    const holder = await project.start('2', { before: 'until [[ -e go ]]; do sleep 0.1; done' })
    await until('it has the lock', () => project.state('log').split('commands of before').length > 1)
    expect((await project.deploy('3', { lockTimeoutMs: 0 })).status).toBe('failed')
    await writeFile(join(project.directory, 'go'), '')
    expect(await holder.output).toContain('"status":"deployed"')
    expect((await project.deploy(undefined, { operation: 'rollback' })).status).toBe('rolled-back')
    expect(project.running()).toBe('1')
  })

  withProject('an env file that cannot be put back is told', async project => {
    expect((await project.deploy('1')).status).toBe('deployed')
    const result = await project.deploy('2', { before: 'rm .env; mkdir .env; exit 1' })
    expect([result.status, result.takeBack]).toEqual(['failed', 'failed'])
    expect(result.reason).toContain('What ran before could not be brought back: A command failed')
  })

  withProject('a cancel on the way back does not stop it', async project => {
    expect((await project.deploy('1')).status).toBe('deployed')
    const action = await project.start('sick', {}, { FAKE_UP: '1' })
    await until('going back', () => project.state('log').includes('going back to what ran before'))
    action.kill()
    await action.output
    await project.freed(2)
    expect([project.file('shop', '.env'), project.running()]).toEqual(['TAG=1\n', '1'])
    expect(project.state('log')).toContain('What ran before runs again')
  })

  withProject('is seen although compose cannot read the configuration yet', async project => {
    const [first] = (await project.deploy('1')).services
    rmSync(join(project.directory, '.env'))
    const result = await project.deploy('2', { before: 'exit 1' }, { FAKE_NEEDS_TAG: '1' })
    expect([result.status, result.takeBack]).toEqual(['failed', 'done'])
    expect(result.services).toEqual([{ name: 'web', before: first?.after, after: first?.after }])
    await project.deploy('sick', {}, { FAKE_NEEDS_TAG: '1' })
    expect(project.docker('calls')).not.toContain(' stop')
  })

  withProject('is still known after a deploy that was cut off and one that failed early', async project => {
    const [first] = (await project.deploy('1')).services
    await cutOff(project)
    const early = await project.deploy('2', { services: ['none'] })
    expect(early.status).toBe('failed')
    const [web] = early.services
    expect(web?.before).toBe(first?.after)
    expect(web?.after).not.toBe(first?.after)
    expect((await project.deploy('sick')).status).toBe('rolled-back')
    expect([project.file('shop', '.env'), project.running()]).toEqual(['TAG=1\n', '1'])
  })

  withProject(
    'is brought back when the deploy after one that was cut off fails before it starts anything',
    async project => {
      await project.deploy('1')
      await cutOff(project)
      const result = await project.deploy('bad')
      expect([result.takeBack, project.file('shop', '.env'), project.running()]).toEqual(['done', 'TAG=1\n', '1'])
    },
  )

  withProject('is not asked for a health URL that it did not have', async project => {
    await project.tool('curl', '#!/bin/sh\ncat >/dev/null\nexit 22\n')
    await project.tool('wget', '#!/bin/sh\ncat >/dev/null\nexit 8\n')
    expect((await project.deploy('1')).status).toBe('deployed')
    const result = await project.deploy('2', { healthUrl: 'http://localhost/new' })
    expect([result.status, result.takeBack, project.running()]).toEqual(['rolled-back', 'done', '1'])
  })

  withProject('had a health URL that must answer again', async project => {
    await project.tool('curl', '#!/bin/sh\ncat >/dev/null\n[ ! -e "$FAKE_DOCKER/down" ] || exit 22\n')
    const healthUrl = 'http://localhost/'
    expect((await project.deploy('1', { healthUrl })).status).toBe('deployed')
    const result = await project.deploy('2', { healthUrl, before: 'touch "$FAKE_DOCKER/down"' })
    expect([result.status, result.takeBack]).toEqual(['failed', 'failed'])
  })
})

describe('going back by hand', () => {
  withProject('to a release without an env file', async project => {
    expect((await project.deploy(undefined)).status).toBe('deployed')
    expect((await project.deploy('2')).status).toBe('deployed')
    expect((await project.deploy(undefined, { operation: 'rollback' })).status).toBe('rolled-back')
    expect([existsSync(join(project.directory, '.env')), project.running()]).toEqual([false, '1'])
  })

  withProject('that fails is a failure, and what ran runs on', async project => {
    await project.deploy('1')
    await project.deploy('2')
    const result = await project.deploy(undefined, { operation: 'rollback', after: 'exit 1' })
    expect([result.status, result.takeBack]).toEqual(['failed', 'done'])
    expect([project.file('shop', '.env'), project.running()]).toEqual(['TAG=2\n', '2'])
  })
})

describe('what does not stop when it is told to', () => {
  const deaf = 'trap "" TERM; echo begun >begun; sleep 3; echo done >done'

  withProject('is waited for before the lock is free', async project => {
    await project.deploy('1')
    const action = await project.start('2', { before: deaf })
    await until('before runs', () => project.file('shop', 'begun') !== '')
    action.kill()
    await project.freed(2)
    expect(project.file('shop', 'done')).toBe('done\n')
    expect(project.running()).toBe('1')
  })

  withProject('holds the lock although the worker was killed', async project => {
    await project.deploy('1')
    const action = await project.start('2', { before: deaf })
    await until('before runs', () => project.file('shop', 'begun') !== '')
    process.kill(Number(project.state('lock').split('\n')[2]), 'SIGKILL')
    await action.output
    const next = await project.deploy('3', { lockTimeoutMs: 0 })
    expect(next.reason).toContain('holds the lock')
    expect((await project.deploy('3', { lockTimeoutMs: 20_000 })).status).toBe('deployed')
  })
})

describe('the env file', () => {
  withProject('keeps what looks like our key inside another value', async project => {
    const other = 'OTHER="a\nTAG=inside\n"\nLAST=\'x\'\n'
    await writeFile(join(project.directory, '.env'), `${other}TAG=1\n`)
    expect((await project.deploy('2')).status).toBe('deployed')
    expect(project.file('shop', '.env')).toBe(`${other}TAG=2\n`)
    await writeFile(join(project.directory, '.env'), 'OTHER="a\nb"')
    expect((await project.deploy('3')).status).toBe('deployed')
    expect(project.file('shop', '.env')).toBe('OTHER="a\nb"\nTAG=3\n')
  })
})
