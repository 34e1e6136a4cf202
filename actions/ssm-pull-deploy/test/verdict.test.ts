import { describe, expect, test } from '@jest/globals'
import { instancesOf, startHostCloud } from '../../../test/support/host-cloud.ts'
import { until } from '../../../test/support/task-cloud.ts'
import { withHosts } from '../../../test/support/with-hosts.ts'

describe('what becomes of a command', () => {
  withHosts('deployed, unchanged, rolled back after a failure, rolled back by hand', async cloud => {
    const host = await cloud.addFakeHost()
    const inputs = { 'instance-ids': host.id, directory: host.directory }
    const first = await cloud.run({ ...inputs, env: 'TAG=1' })
    expect([first.exitCode, first.outputs['status']]).toEqual([0, 'deployed'])
    const again = await cloud.run({ ...inputs, env: 'TAG=1' })
    expect([again.exitCode, again.outputs['status']]).toEqual([0, 'unchanged'])
    const second = await cloud.run({ ...inputs, env: 'TAG=2' })
    expect([second.exitCode, second.outputs['status'], host.running()]).toEqual([0, 'deployed', '2'])
    expect(JSON.parse(second.outputs['previous'] ?? '')[host.id].services).toEqual([
      { name: 'web', digest: expect.stringMatching(/^sha256:/) },
    ])
    const sick = await cloud.run({ ...inputs, env: 'TAG=sick' })
    expect([sick.exitCode, sick.outputs['status'], host.running()]).toEqual([1, 'rolled-back', '2'])
    expect(host.envFile()).toBe('TAG=2\n')
    expect(sick.annotations.filter(({ level }) => level === 'error')).toHaveLength(1)
    expect(sick.stdout).toContain('web exited with 1')
    expect(sick.summary).toContain('last words')
    const back = await cloud.run({ ...inputs, operation: 'rollback' })
    expect([back.exitCode, back.outputs['status'], host.running()]).toEqual([0, 'rolled-back', '1'])
    const audit = host.stateFile('deploys.log').trim().split('\n')
    expect(audit.map(line => line.split(' ').at(-4))).toHaveLength(5)
    expect(audit[0]).toMatch(/^\S+Z deploy by acme\/shop run 4711\/1 by alice: deployed; web sha256:/)
  })

  withHosts('nothing earlier to go back to: red, and told', async cloud => {
    const host = await cloud.addFakeHost()
    const { exitCode, outputs, stdout } = await cloud.run({
      'instance-ids': host.id,
      directory: host.directory,
      operation: 'rollback',
    })
    expect([exitCode, outputs['status']]).toEqual([1, 'failed'])
    expect(stdout).toContain('There is nothing earlier to go back to')
  })

  test.concurrent.each([
    ['DeliveryTimedOut', 'timed-out', 'did not reach the host in time', 'delivery-timeout'],
    ['ExecutionTimedOut', 'timed-out', 'ran longer than it may', 'raise timeout'],
    ['Undeliverable', 'failed', 'could not be delivered', 'instance in EC2'],
    ['InvalidPlatform', 'failed', 'does not run Linux', 'only Linux hosts'],
    ['AccessDenied', 'failed', 'was not allowed', 'AmazonSSMManagedInstanceCore'],
    ['Cancelled', 'cancelled', 'was cancelled', 'Run the step again'],
    ['Failed', 'failed', 'without a result from the host', 'Systems Manager console'],
  ] as const)('%s is red with its own advice', async (details, status, words, advice) => {
    const cloud = await startHostCloud()
    try {
      const host = await cloud.addFakeHost()
      host.host.answerNext(details)
      const result = await cloud.run({ 'instance-ids': host.id, directory: host.directory })
      expect([result.exitCode, result.outputs['status']]).toEqual([1, status])
      expect(instancesOf(result)).toMatchObject([{ id: host.id, statusDetails: details }])
      const [error] = result.annotations.filter(({ level }) => level === 'error')
      expect(error?.message).toContain(words)
      expect(error?.message).toContain(advice)
    } finally {
      await cloud.stop()
    }
  })

  withHosts('an invocation that does not exist for 10 s is waited for', async cloud => {
    const host = await cloud.addFakeHost({ visibleAfterMs: 10_000 })
    const { exitCode, outputs } = await cloud.run({ 'instance-ids': host.id, directory: host.directory, env: 'TAG=1' })
    expect([exitCode, outputs['status']]).toEqual([0, 'deployed'])
    const [sent, lastLook] = [cloud.calls('SendCommand')[0], cloud.calls('ListCommandInvocations').at(-1)]
    expect((lastLook?.at ?? 0) - (sent?.at ?? 0)).toBeGreaterThan(9500)
  })

  withHosts('a result that is longer than what the list shows is fetched', async cloud => {
    const host = await cloud.addFakeHost({ environment: { FAKE_SERVICES: '30' } })
    const result = await cloud.run({ 'instance-ids': host.id, directory: host.directory, env: 'TAG=1' })
    expect([result.exitCode, result.outputs['status']]).toEqual([0, 'deployed'])
    expect(instancesOf(result)[0]?.['services']).toHaveLength(30)
    expect(cloud.calls('GetCommandInvocation').length).toBeGreaterThan(0)
    expect(result.outputs['report']?.length).toBeLessThanOrEqual(8192)
  })

  withHosts('a lost answer to SendCommand: one command', async cloud => {
    const host = await cloud.addFakeHost()
    cloud.aws.addFault({ service: 'ssm', operation: 'SendCommand', kind: 'lost-answer', times: 1 })
    const result = await cloud.run({ 'instance-ids': host.id, directory: host.directory, env: 'TAG=1' })
    expect([result.exitCode, result.outputs['status']]).toEqual([0, 'deployed'])
    expect(result.stdout).toContain('The answer to SendCommand was lost; the command was found by its comment')
    expect(host.stateFile('deploys.log').trim().split('\n')).toHaveLength(1)
    expect(cloud.calls('SendCommand')).toHaveLength(1)
  })

  withHosts('throttling, errors of the server and resets are ridden out', async cloud => {
    const host = await cloud.addFakeHost()
    for (const operation of ['DescribeInstanceInformation', 'SendCommand', 'ListCommandInvocations']) {
      cloud.aws.addFault({ service: 'ssm', operation, kind: 'throttle', times: 2 })
    }
    cloud.aws.addFault({ service: 'ssm', operation: 'ListCommandInvocations', kind: 'reset', times: 2 })
    cloud.aws.addFault({ service: 'ssm', operation: 'ListCommandInvocations', kind: 'malformed', times: 1 })
    const { exitCode, outputs } = await cloud.run({ 'instance-ids': host.id, directory: host.directory, env: 'TAG=1' })
    expect([exitCode, outputs['status']]).toEqual([0, 'deployed'])
    expect(host.stateFile('deploys.log').trim().split('\n')).toHaveLength(1)
  })

  withHosts('a denied SendCommand fails at once and names what to add', async cloud => {
    const host = await cloud.addFakeHost()
    cloud.aws.setPolicy({
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: '*', Resource: '*' },
        { Effect: 'Deny', Action: 'ssm:SendCommand', Resource: '*' },
      ],
    })
    const result = await cloud.run({ 'instance-ids': host.id, directory: host.directory })
    expect([result.exitCode, result.outputs['status']]).toEqual([1, 'failed'])
    expect(result.stdout).toContain('ssm:SendCommand')
    expect(cloud.calls('CancelCommand')).toHaveLength(0)
    expect(instancesOf(result)).toEqual([{ id: host.id, status: 'not-started', services: [] }])
  })

  withHosts('access that is lost while the command runs: it is told to stop', async cloud => {
    const host = await cloud.addFakeHost({ environment: { FAKE_PULL: '30' } })
    const action = await cloud.start({ 'instance-ids': host.id, directory: host.directory, env: 'TAG=1' }, text => {
      if (!text.includes('InProgress')) return
      cloud.aws.setPolicy({
        Version: '2012-10-17',
        Statement: [
          { Effect: 'Allow', Action: '*', Resource: '*' },
          { Effect: 'Deny', Action: 'ssm:ListCommandInvocations', Resource: '*' },
        ],
      })
    })
    const { exitCode, outputs, stdout } = await action.result
    expect([exitCode, outputs['status']]).toEqual([1, 'failed'])
    expect(stdout).toContain('ssm:ListCommandInvocations')
    expect(cloud.calls('CancelCommand')).toHaveLength(1)
  })

  withHosts('the time is over: cancelled, gone within 5 s, the host puts itself back', async cloud => {
    const host = await cloud.addFakeHost({ environment: { FAKE_PULL: '60', FAKE_PULL_TAG: '2' } })
    const inputs = { 'instance-ids': host.id, directory: host.directory }
    expect((await cloud.run({ ...inputs, env: 'TAG=1' })).outputs['status']).toBe('deployed')
    const sent = cloud.calls('SendCommand').length
    const { exitCode, outputs } = await cloud.run({ ...inputs, env: 'TAG=2', timeout: '8s' })
    const took = Date.now() - (cloud.calls('SendCommand')[sent]?.at ?? 0)
    expect([exitCode, outputs['status']]).toEqual([1, 'timed-out'])
    // 5 s after the deadline, and some for a busy machine to start and end processes
    expect(took).toBeLessThan(8000 + 5000 + 4000)
    expect(cloud.calls('CancelCommand')).toHaveLength(1)
    await until('the host is done', () => host.stateFile('deploys.log').includes(': cancelled;'), 30_000)
    await until('its lock is free', () => host.stateFile('lock') === '', 30_000)
    expect([host.envFile(), host.running()]).toEqual(['TAG=1\n', '1'])
  })

  withHosts('dry-run prints and asks AWS nothing', async cloud => {
    const result = await cloud.run({
      'instance-ids': 'i-0123456789abcdef0',
      directory: '/opt/shop',
      env: 'TAG=abc',
      'dry-run': 'true',
    })
    expect([result.exitCode, result.outputs['status']]).toEqual([0, 'planned'])
    expect(result.stdout).toContain('value | env: TAG=abc')
    expect(result.stdout).toContain('program | set -Eeuo pipefail')
    expect(cloud.aws.journal().filter(({ service }) => service === 'ssm')).toEqual([])
  })

  withHosts('with a log group the whole output is followed live', async cloud => {
    const host = await cloud.addFakeHost({ environment: { FAKE_PULL: '3' } })
    const seen: string[] = []
    const action = await cloud.start(
      {
        'instance-ids': host.id,
        directory: host.directory,
        env: 'TAG=1',
        before: 'seq -f "line %g of before" 3000',
        'log-group': '/deploys',
      },
      text => seen.push(text),
    )
    const { exitCode, stdout, outputs } = await action.result
    expect([exitCode, outputs['status']]).toEqual([0, 'deployed'])
    const lines = stdout.split('\n').filter(line => line.startsWith(`${host.id} | line `))
    expect(lines).toEqual(Array.from({ length: 3000 }, (_, index) => `${host.id} | line ${index + 1} of before`))
    const all = seen.join('')
    expect(all.indexOf('• pulling')).toBeLessThan(all.indexOf(`${host.id}: Success`))
  })
})

describe('hosts', () => {
  withHosts('a tag that matches none: no-targets, nothing is sent', async cloud => {
    await cloud.addFakeHost({ tags: { Role: 'api' } })
    const { exitCode, outputs, stdout } = await cloud.run({ targets: 'Role=web', directory: '/opt/shop' })
    expect([exitCode, outputs['status']]).toEqual([1, 'no-targets'])
    expect(stdout).toContain('No managed host has the tag Role=web')
    expect(cloud.calls('SendCommand')).toHaveLength(0)
  })

  withHosts('a tag that nobody has any more when the command comes: no-targets', async cloud => {
    const host = await cloud.addFakeHost({ tags: { Role: 'web' } })
    cloud.aws.addFault({ service: 'ssm', operation: 'SendCommand', kind: 'delay', delayMs: 2000 })
    const action = await cloud.start({ targets: 'Role=web', directory: host.directory })
    await until('looked up', () => cloud.calls('SendCommand').length > 0)
    await host.host.become('terminated')
    const { exitCode, outputs, stdout } = await action.result
    expect([exitCode, outputs['status']]).toEqual([1, 'no-targets'])
    expect(stdout).toContain('StatusDetails NoInstancesInTag')
    expect(stdout).toContain('Compare the tags with those of the instances.')
  })

  withHosts('a host that is offline, and one that is not known, are named before anything is sent', async cloud => {
    const here = await cloud.addFakeHost()
    const away = await cloud.addFakeHost({ state: 'offline' })
    const { exitCode, outputs, stdout } = await cloud.run({
      'instance-ids': `${here.id}\n${away.id}\ni-0aaaaaaaaaaaaaaaa`,
      directory: '/opt/shop',
    })
    expect([exitCode, outputs['status']]).toEqual([1, 'failed'])
    expect(stdout).toContain(`${away.id}: ConnectionLost`)
    expect(stdout).toContain('i-0aaaaaaaaaaaaaaaa: Systems Manager does not know it')
    expect(cloud.calls('SendCommand')).toHaveLength(0)
  })

  withHosts('two by tag, one after the other, one fails: what comes after it is never begun', async cloud => {
    const bad = await cloud.addFakeHost({ tags: { Role: 'web' }, tools: { docker: '#!/bin/sh\nexit 1\n' } })
    const good = await cloud.addFakeHost({ tags: { Role: 'web' } })
    const result = await cloud.run({
      targets: 'Role=web',
      directory: good.directory,
      env: 'TAG=1',
      'max-concurrency': '1',
    })
    expect([result.exitCode, result.outputs['status']]).toEqual([1, 'failed'])
    const statuses = new Map(instancesOf(result).map(({ id, status }) => [id, status]))
    expect(statuses.get(bad.id)).toBe('failed')
    // The order of the hosts is AWS's.
    const began = result.stdout.indexOf(`${good.id}: Success`)
    const first = began >= 0 && began < result.stdout.indexOf(`${bad.id}: Failed`)
    expect(statuses.get(good.id)).toBe(first ? 'deployed' : 'not-started')
    expect(good.running()).toBe(first ? '1' : undefined)
  })

  withHosts('two by tag at the same time, one fails: the other is deployed, all is told', async cloud => {
    const options = { tags: { Role: 'web' } }
    const good = await cloud.addFakeHost(options)
    const bad = await cloud.addFakeHost({ ...options, tools: { docker: '#!/bin/sh\nexit 1\n' } })
    const result = await cloud.run({
      targets: 'Role=web',
      directory: good.directory,
      env: 'TAG=1',
      'max-concurrency': '2',
      'lock-timeout': '30s',
    })
    expect([result.exitCode, result.outputs['status']]).toEqual([1, 'failed'])
    if (good.running() !== '1') throw new Error(result.stdout)
    expect(instancesOf(result)).toMatchObject([
      { id: good.id, status: 'deployed' },
      { id: bad.id, status: 'failed' },
    ])
    expect(result.stdout).toContain('1 of 2 hosts did not get the new version')
    expect(result.summary).toContain('No Docker Engine answers')
  })

  withHosts('a host that is restarted half-way: red; the next deploy is not kept by its lock', async cloud => {
    const host = await cloud.addFakeHost({ environment: { FAKE_PULL: '20', FAKE_PULL_TAG: '1' } })
    const inputs = { 'instance-ids': host.id, directory: host.directory, env: 'TAG=1' }
    const action = await cloud.start(inputs)
    while (!host.dockerFile('calls').includes('pull app:1')) await new Promise(settle => setTimeout(settle, 50))
    await host.host.become('rebooted')
    const { exitCode, outputs, stdout } = await action.result
    expect([exitCode, outputs['status']]).toEqual([1, 'failed'])
    // The agent's words, which only the list of invocations has.
    expect(stdout).toContain('document process failed unexpectedly')
    expect(host.stateFile('lock')).toContain('acme/shop run 4711/1')
    const before = Date.now()
    const next = await cloud.run({ ...inputs, env: 'TAG=2' })
    expect([next.exitCode, next.outputs['status']]).toEqual([0, 'deployed'])
    expect(Date.now() - before).toBeLessThan(60_000)
    expect(host.stateFile('lock')).toBe('')
  })
})
