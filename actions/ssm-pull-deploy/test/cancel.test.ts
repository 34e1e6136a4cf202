import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect } from '@jest/globals'
import type { FakeHost } from '../../../test/support/host-cloud.ts'
import { until } from '../../../test/support/task-cloud.ts'
import { withHosts } from '../../../test/support/with-hosts.ts'

describe('a cancel', () => {
  withHosts('while the hosts are looked up: nothing is sent', async cloud => {
    const host = await cloud.addFakeHost()
    cloud.aws.addFault({ service: 'ssm', operation: 'DescribeInstanceInformation', kind: 'delay', delayMs: 3000 })
    const action = await cloud.start(inputsFor(host))
    await until('looked up', () => cloud.calls('DescribeInstanceInformation').length > 0)
    action.signal('SIGINT')
    const { exitCode, outputs } = await action.result
    expect([exitCode, outputs['status']]).toEqual([130, 'cancelled'])
    expect(cloud.calls('SendCommand')).toHaveLength(0)
  })

  withHosts('while SendCommand is under way: what was sent is found and cancelled', async cloud => {
    const host = await cloud.addFakeHost({ environment: { FAKE_PULL: '30' } })
    cloud.aws.addFault({ service: 'ssm', operation: 'SendCommand', kind: 'lost-answer' })
    const action = await cloud.start(inputsFor(host))
    await until('sent', () => cloud.calls('SendCommand').length > 0)
    action.signal('SIGINT')
    const { exitCode, outputs } = await action.result
    expect([exitCode, outputs['status']]).toEqual([130, 'cancelled'])
    expect(cloud.calls('CancelCommand')).toHaveLength(1)
    await untouched(host)
  })

  withHosts('before the host is reached: cancelled there', async cloud => {
    const host = await cloud.addFakeHost({ latencyMs: 4000 })
    const action = await cloud.start(inputsFor(host))
    await until('sent', () => action.output().includes('Sent command'))
    action.signal('SIGTERM')
    const { exitCode, outputs } = await action.result
    expect([exitCode, outputs['status']]).toEqual([143, 'cancelled'])
    expect(cloud.calls('CancelCommand')).toHaveLength(1)
    await delay(1000)
    expect(host.dockerFile('container')).toBe('')
  })

  withHosts('while it pulls: lock free, the env file is the old one, the old version runs', async cloud => {
    const host = await cloud.addFakeHost({ environment: { FAKE_PULL: '1.5' } })
    expect((await cloud.run(inputsFor(host))).outputs['status']).toBe('deployed')
    const action = await cloud.start({ ...inputsFor(host), env: 'TAG=2' })
    await until('pulling', () => host.dockerFile('calls').includes('pull app:2'))
    action.signal('SIGINT')
    const { exitCode, outputs } = await action.result
    expect([exitCode, outputs['status']]).toEqual([130, 'cancelled'])
    await freed(host)
    expect(host.envFile()).toBe('TAG=1\n')
    expect(host.running()).toBe('1')
    await audited(host, 'cancelled')
  })

  withHosts('while the services are restarted: the old version runs again', async cloud => {
    const host = await cloud.addFakeHost({ environment: { FAKE_UP: '1.5' } })
    expect((await cloud.run(inputsFor(host))).outputs['status']).toBe('deployed')
    const action = await cloud.start({ ...inputsFor(host), env: 'TAG=2' })
    const ups = (): number => host.dockerFile('calls').split(' up -d').length
    const before = ups()
    await until('starting', () => ups() > before)
    action.signal('SIGINT')
    await action.result
    expect(cloud.calls('CancelCommand')).toHaveLength(1)
    await freed(host)
    expect([host.envFile(), host.running()]).toEqual(['TAG=1\n', '1'])
    // and the next deploy is as any other
    const next = await cloud.run({ ...inputsFor(host), env: 'TAG=2' })
    expect([next.outputs['status'], host.running()]).toEqual(['deployed', '2'])
  })

  withHosts('while a command of before runs: it is told to stop', async cloud => {
    const host = await cloud.addFakeHost()
    const action = await cloud.start({ ...inputsFor(host), before: 'echo $$ >begun; sleep 60; echo done >done' })
    await until('before runs', () => existsSync(join(host.directory, 'begun')))
    action.signal('SIGINT')
    await action.result
    await freed(host)
    expect(host.dockerFile('container')).toBe('')
    expect(readdirSync(host.directory)).toEqual(['begun'])
    expect(existsSync(`/proc/${readFileSync(join(host.directory, 'begun'), 'utf8').trim()}/cwd`)).toBe(false)
  })

  withHosts('killed outright: post cancels the command, and the lock is free', async cloud => {
    const host = await cloud.addFakeHost({ environment: { FAKE_PULL: '20' } })
    const action = await cloud.start(inputsFor(host))
    await until('pulling', () => host.dockerFile('calls').includes('pull app:1'))
    action.signal('SIGKILL')
    const { post } = await action.result
    expect(post?.stdout).toContain('was told to stop')
    expect(cloud.calls('CancelCommand')).toHaveLength(1)
    await untouched(host)
  })

  withHosts('a CancelCommand that is refused is told, and post tries again', async cloud => {
    const host = await cloud.addFakeHost({ environment: { FAKE_PULL: '20' } })
    const action = await cloud.start(inputsFor(host))
    await until('pulling', () => host.dockerFile('calls').includes('pull app:1'))
    cloud.aws.addFault({ service: 'ssm', operation: 'CancelCommand', kind: 'error', times: 4 })
    action.signal('SIGINT')
    const { stdout, post } = await action.result
    expect(`${stdout}${post?.stdout}`).toContain('was told to stop')
    await untouched(host)
  })
})

function inputsFor({ id, directory }: FakeHost): Record<string, string> {
  return { 'instance-ids': id, directory, env: 'TAG=1' }
}

async function freed(host: FakeHost): Promise<void> {
  await until('the lock is free', () => host.stateFile('lock') === '' && host.stateFile('deploys.log') !== '')
}

/** It may have been cancelled before anything began, or after. */
async function untouched(host: FakeHost): Promise<void> {
  await delay(1500)
  await until('the lock is free', () => host.stateFile('lock') === '')
  expect([host.envFile(), host.dockerFile('container')]).toEqual(['', ''])
}

async function audited(host: FakeHost, status: string): Promise<void> {
  await until(
    'the audit line',
    () => host.stateFile('deploys.log').trim().split('\n').at(-1)?.includes(status) === true,
  )
}
