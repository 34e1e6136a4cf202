import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect } from '@jest/globals'
import { instancesOf } from '../../../test/support/host-cloud.ts'
import { until } from '../../../test/support/task-cloud.ts'
import { withHosts } from '../../../test/support/with-hosts.ts'

describe('a host that is lost after it was seen online', () => {
  withHosts(
    'is given up after delivery-timeout; the other one is deployed, and nothing runs when the lost one is back',
    async cloud => {
      const here = await cloud.addFakeHost()
      const lost = await cloud.addFakeHost({ state: 'unresponsive' })
      const result = await cloud.run({
        'instance-ids': `${here.id}\n${lost.id}`,
        directory: here.directory,
        env: 'TAG=1',
        'max-concurrency': '2',
        'delivery-timeout': '30s',
      })
      expect([result.exitCode, result.outputs['status'], here.running()]).toEqual([1, 'timed-out', '1'])
      expect(instancesOf(result)).toMatchObject([
        { id: here.id, status: 'deployed' },
        { id: lost.id, status: 'timed-out', statusDetails: 'DeliveryTimedOut', services: [] },
      ])
      expect(result.stdout).toContain('did not reach the host in time')
      expect(cloud.calls('CancelCommand').map(({ input }) => Reflect.get(Object(input), 'InstanceIds'))).toEqual([
        [lost.id],
      ])
      await lost.host.become('online')
      await delay(2000)
      expect(lost.dockerFile('calls')).toBe('')
    },
    // Systems Manager's own time-out is far away.
    { speed: 2 },
  )
})

describe('a SendCommand without an answer, which is listed late', () => {
  const unlisted = { service: 'ssm', operation: 'ListCommands', kind: 'answer', body: { Commands: [] } } as const

  withHosts('is one command', async cloud => {
    const host = await cloud.addFakeHost()
    cloud.aws.addFault({ service: 'ssm', operation: 'SendCommand', kind: 'lost-answer', times: 1 })
    cloud.aws.addFault({ ...unlisted, times: 8 })
    const result = await cloud.run({ 'instance-ids': host.id, directory: host.directory, env: 'TAG=1' })
    expect([result.exitCode, result.outputs['status']]).toEqual([0, 'deployed'])
    expect(cloud.calls('SendCommand')).toHaveLength(1)
  })

  withHosts('and is cancelled: post finds it, and cancels it', async cloud => {
    const host = await cloud.addFakeHost({ environment: { FAKE_PULL: '60' } })
    cloud.aws.addFault({ service: 'ssm', operation: 'SendCommand', kind: 'lost-answer', times: 1 })
    cloud.aws.addFault(unlisted)
    const inputs = { 'instance-ids': host.id, directory: host.directory, env: 'TAG=1' }
    const action = await cloud.start(inputs, text => {
      if (text.includes('none to stop so far')) cloud.aws.clearFaults()
    })
    await until('pulling', () => host.dockerFile('calls').includes('pull app:1'))
    action.signal('SIGINT')
    const { exitCode, post } = await action.result
    expect([exitCode, cloud.calls('CancelCommand').length]).toEqual([130, 1])
    expect(post?.stdout).toContain('was told to stop')
    await until('the lock is free', () => host.stateFile('lock') === '')
  })
})
