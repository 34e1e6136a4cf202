import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from '@jest/globals'
import type { FakeHost } from '../../../test/support/host-cloud.ts'
import { until } from '../../../test/support/task-cloud.ts'
import { withHosts } from '../../../test/support/with-hosts.ts'

/** Commands that go on when the test says so. */
const WAITS = 'until [[ -e go ]]; do sleep 0.1; done'

describe('two deploys to one directory at once', () => {
  withHosts('the second waits, then runs', async cloud => {
    const host = await cloud.addFakeHost()
    const first = await cloud.start({ ...inputsFor(host, '1'), before: WAITS })
    await until('the first has the lock', () => host.stateFile('log').includes('running the commands of before'))
    const second = await cloud.start(inputsFor(host, '2'))
    const waits = 'Waiting for another deploy of this directory: acme/shop run 4711/1 by alice'
    await until('the second waits', () => host.stateFile('log').includes(waits))
    await writeFile(join(host.directory, 'go'), '')
    const statuses = [(await first.result).outputs['status'], (await second.result).outputs['status']]
    expect(statuses).toEqual(['deployed', 'deployed'])
    expect(host.running()).toBe('2')
    expect(host.stateFile('lock')).toBe('')
  })

  withHosts('the second gives up and names the holder', async cloud => {
    const host = await cloud.addFakeHost()
    const first = await cloud.start({ ...inputsFor(host, '1'), before: WAITS })
    await until('the first has the lock', () => host.stateFile('log').includes('running the commands of before'))
    const second = await cloud.run({ ...inputsFor(host, '2'), 'lock-timeout': '1s' })
    expect([second.exitCode, second.outputs['status']]).toEqual([1, 'failed'])
    expect(second.stdout).toContain('holds the lock: acme/shop run 4711/1 by alice')
    await writeFile(join(host.directory, 'go'), '')
    expect((await first.result).outputs['status']).toBe('deployed')
    expect(host.running()).toBe('1')
  })
})

describe('a lock that a killed run left', () => {
  const soon = (seconds: number): string => String(Math.floor(Date.now() / 1000) + seconds)

  withHosts('expires', async cloud => {
    const host = await cloud.addFakeHost()
    await mkdir(host.state, { recursive: true })
    // No process in it: only the time counts.
    const held = (until: string): Promise<void> =>
      writeFile(join(host.state, 'lock'), `acme/other run 7/1 by bob\n${until}\n`)
    await held(soon(3600))
    const action = await cloud.start({ ...inputsFor(host, '1'), 'lock-timeout': '60s' })
    const waits = 'Waiting for another deploy of this directory: acme/other run 7/1 by bob'
    await until('it waits', () => host.stateFile('log').includes(waits))
    await held(soon(1))
    expect((await action.result).outputs['status']).toBe('deployed')
  })

  withHosts('is taken over at once when its process is gone', async cloud => {
    const host = await cloud.addFakeHost()
    await mkdir(host.state, { recursive: true })
    await writeFile(join(host.state, 'lock'), `acme/other run 7/1 by bob\n${soon(3600)}\n4194303\nboot\n1\n`)
    const result = await cloud.run({ ...inputsFor(host, '1'), 'lock-timeout': '0s' })
    expect(result.outputs['status']).toBe('deployed')
  })
})

function inputsFor({ id, directory }: FakeHost, tag: string): Record<string, string> {
  return { 'instance-ids': id, directory, env: `TAG=${tag}` }
}
