import { describe, expect } from '@jest/globals'
import { cutOff, type ScriptProject, withProject } from '../../../test/support/script-project.ts'

const BACK = { operation: 'rollback' } as const

describe('a deploy that was cut off', () => {
  withProject('and is run again leaves the way back to what ran before it', async project => {
    const [first] = (await project.deploy('1')).services
    await cutOff(project)
    const again = await project.deploy('2')
    expect([again.status, again.services[0]?.before]).toEqual(['deployed', first?.after])
    expect((await project.deploy('2')).status).toBe('unchanged')
    expect((await project.deploy(undefined, BACK)).status).toBe('rolled-back')
    expect(now(project)).toEqual(['TAG=1\n', '1'])
  })

  withProject(
    'before it changed anything: the version before it is unchanged, and no release of its own',
    async project => {
      await project.deploy('1')
      await project.deploy('2')
      const action = await project.start('2', { before: 'kill -KILL -- -"$(sed -n 3p ../.shop.deploy/lock)"' })
      await action.output
      expect((await project.deploy('2')).status).toBe('unchanged')
      expect((await project.deploy(undefined, BACK)).status).toBe('rolled-back')
      expect(now(project)).toEqual(['TAG=1\n', '1'])
    },
  )

  withProject('is what going back by hand takes back', async project => {
    await project.deploy('0')
    await project.deploy('1')
    await cutOff(project)
    expect((await project.deploy(undefined, BACK)).status).toBe('rolled-back')
    expect(now(project)).toEqual(['TAG=1\n', '1'])
    // The release before it is still one.
    expect((await project.deploy(undefined, BACK)).status).toBe('rolled-back')
    expect(now(project)).toEqual(['TAG=0\n', '0'])
  })

  withProject('going back by hand that was cut off goes on to the same release', async project => {
    await project.deploy('1')
    await project.deploy('2')
    const action = await project.start(undefined, {
      ...BACK,
      after: 'kill -KILL -- -"$(sed -n 3p ../.shop.deploy/lock)"',
    })
    await action.output
    expect((await project.deploy(undefined, BACK)).status).toBe('rolled-back')
    expect(now(project)).toEqual(['TAG=1\n', '1'])
  })
})

describe('rollback: false', () => {
  withProject('leaves the broken version; going back by hand leads to the good one, not past it', async project => {
    await project.deploy('0')
    await project.deploy('1')
    const broken = await project.deploy('sick', { rollback: false })
    expect([broken.status, broken.takeBack, ...now(project)]).toEqual(['failed', 'off', 'TAG=sick\n', 'sick'])
    expect((await project.deploy(undefined, BACK)).status).toBe('rolled-back')
    expect(now(project)).toEqual(['TAG=1\n', '1'])
  })

  withProject('with only the good one before it', async project => {
    await project.deploy('1')
    await project.deploy('sick', { rollback: false })
    const back = await project.deploy(undefined, BACK)
    expect([back.status, back.reason]).toEqual(['rolled-back', ''])
    expect(now(project)).toEqual(['TAG=1\n', '1'])
  })

  withProject('then one that fails is taken back to the good one', async project => {
    await project.deploy('1')
    await project.deploy('sick', { rollback: false })
    expect((await project.deploy('sick2')).status).toBe('rolled-back')
    expect(now(project)).toEqual(['TAG=1\n', '1'])
  })

  withProject('a first deploy that failed has nothing before it', async project => {
    await project.deploy('sick', { rollback: false })
    expect((await project.deploy(undefined, BACK)).reason).toContain('There is nothing earlier to go back to')
  })
})

describe('prune: false', () => {
  withProject('removes no image, whatever keep-releases says', async project => {
    for (const tag of ['1', '2', '3']) await project.deploy(tag, { prune: false, keepReleases: 0 })
    expect(project.docker('calls')).not.toMatch(/^(?:rmi|image prune)/m)
    await project.deploy('4', { keepReleases: 0 })
    expect(project.docker('calls')).toMatch(/^rmi .*^image prune/ms)
  })
})

function now(project: ScriptProject): (string | undefined)[] {
  return [project.file('shop', '.env'), project.running()]
}
