import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from '@jest/globals'
import { describeWith } from '../../../test/support/parts.ts'
import { withProject } from '../../../test/support/script-project.ts'
import { until } from '../../../test/support/task-cloud.ts'
import { START } from '../src/program-text.ts'

const KEY = ['-----BEGIN PRIVATE KEY-----', 'MIIB"line\\one', 'bGluZSB0d28gb2YgaXQ', '-----END PRIVATE KEY-----'].join(
  '\n',
)

describe('a secret of several lines', () => {
  withProject('shows nowhere, whoever prints it', async project => {
    await project.tool('aws', '#!/bin/sh\necho {}\n')
    await project.tool('python3', `#!/bin/sh\ncat >/dev/null\nprintf %sx '${KEY}'\n`)
    const envFrom = new Map([['KEY', 'ssm:/key']])
    // At the end of a line that is cut.
    const says = `${'x'.repeat(580)}${KEY}`
    const shown = []
    for (const [tag, before] of [
      ['1', 'cat .env'],
      ['sick', ''],
      ['2', 'cat .env; exit 1'],
    ] as const) {
      const { output } = await project.start(tag, { envFrom, before }, { FAKE_SAYS: says })
      shown.push(await output)
    }
    expect(project.file('shop', '.env')).toContain('bGluZSB0d28')
    expect(shown.join('')).toContain('web | ***')
    for (const text of [...shown, project.state('log')]) {
      expect(text).not.toMatch(/MIIB|bGluZ|PRIVATE/)
    }
  })
})

describe('the folder of a deploy', () => {
  withProject('that was cut off goes with the next one, that of a running one stays', async project => {
    const action = await project.start('1', { before: 'sleep 60' })
    await until('before runs', () => project.state('log').includes('running the commands of before'))
    const [cut = ''] = readdirSync(project.temporary)
    const [old, young] = ['ssm-pull-deploy.oldone', 'ssm-pull-deploy.younge'] as const
    mkdirSync(join(project.temporary, old))
    mkdirSync(join(project.temporary, young))
    const hoursAgo = Date.now() / 1000 - 7200
    utimesSync(join(project.temporary, old), hoursAgo, hoursAgo)
    await project.deploy('1', { lockTimeoutMs: 0 })
    expect(readdirSync(project.temporary).toSorted()).toEqual([cut, young].toSorted())
    action.kill()
    process.kill(-Number(project.state('lock').split('\n')[2]), 'SIGKILL')
    await action.output
    await project.deploy('1')
    expect(readdirSync(project.temporary)).toEqual([young])
  })

  withProject('whose result was not read yet stays, whoever comes', async project => {
    const first = await project.start('1', { before: 'sleep 0.5' })
    await until('before runs', () => project.state('log').includes('running the commands of before'))
    first.signal('SIGSTOP')
    await until('the worker is over', () => project.state('log').includes('---- deployed'))
    const other = join(project.folder, 'other')
    mkdirSync(other)
    expect((await project.deploy('1', { directory: other })).status).toBe('deployed')
    first.signal('SIGCONT')
    expect(JSON.parse(await first.output)).toMatchObject({ status: 'deployed' })
    expect(readdirSync(project.temporary)).toEqual([])
  })

  withProject('goes when the program does not arrive whole', async project => {
    const script = `program=broken\nvalues=broken\n${START}`
    const { status } = spawnSync('sh', ['-c', script], {
      env: { PATH: process.env.PATH, TMPDIR: project.temporary },
    })
    expect([status === 0, readdirSync(project.temporary)]).toEqual([false, []])
  })
})

describe('the result', () => {
  withProject('fits into what Systems Manager keeps', async project => {
    const environment = { FAKE_SERVICES: '100', FAKE_SAYS: `${'"'.repeat(400)}\n`.repeat(20) }
    await project.deploy('1', {}, environment)
    const { output } = await project.start('sick', {}, environment)
    const text = await output
    expect(text.length).toBeLessThan(24_000)
    const parsed: unknown = JSON.parse(text)
    expect(parsed).toMatchObject({ status: 'rolled-back' })
    expect(Reflect.get(Object(parsed), 'evidence').length).toBeGreaterThan(5)
  })
})

describeWith(['root'], 'a temporary folder of 400 KiB', () => {
  withProject('full: the reason and the result come through', async project => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=400k', 'tmpfs', project.temporary])
    try {
      const before = 'head -c 1000000 /dev/zero >"$TMPDIR/filler" || true; exit 3'
      const result = await project.deploy('1', { before })
      expect([result.status, result.takeBack]).toEqual(['failed', 'done'])
      expect(result.reason).toContain('The commands of `before` failed')
    } finally {
      execFileSync('umount', [project.temporary])
    }
  })
})
