import { DescribeInstanceInformationCommand, type InstanceInformationStringFilter } from '@aws-sdk/client-ssm'
import { describe, expect, test } from '@jest/globals'
import type { HostOptions } from '../src/index.ts'
import { type StartedHosts, web1, web2, web3, withHosts } from './support/hosts.ts'

describe('DescribeInstanceInformation', () => {
  const hosts: HostOptions[] = [
    { instanceId: web1, tags: { Role: 'web' } },
    { instanceId: web2, tags: { Role: 'web' }, state: 'offline' },
    { instanceId: web3, tags: { Role: 'db' }, platform: 'Windows' },
    { instanceId: 'mi-0123456789abcdef0', state: 'unresponsive' },
  ]
  async function ids(cloud: StartedHosts, Filters: InstanceInformationStringFilter[]): Promise<unknown[]> {
    const { InstanceInformationList = [] } = await cloud.ssm.send(new DescribeInstanceInformationCommand({ Filters }))
    return InstanceInformationList.map(({ InstanceId }) => InstanceId)
  }

  test('who is online, of which platform', async () => {
    await withHosts(hosts, async cloud => {
      const { InstanceInformationList } = await cloud.ssm.send(new DescribeInstanceInformationCommand({}))
      expect(InstanceInformationList).toMatchObject([
        { InstanceId: web1, PingStatus: 'Online', PlatformType: 'Linux', ResourceType: 'EC2Instance' },
        { InstanceId: web2, PingStatus: 'ConnectionLost' },
        { InstanceId: web3, PlatformType: 'Windows' },
        { InstanceId: 'mi-0123456789abcdef0', ResourceType: 'ManagedInstance', PingStatus: 'Online' },
      ])
      expect(await ids(cloud, [{ Key: 'InstanceIds', Values: [web1, web3] }])).toEqual([web1, web3])
      expect(await ids(cloud, [{ Key: 'PingStatus', Values: ['ConnectionLost'] }])).toEqual([web2])
      expect(await ids(cloud, [{ Key: 'tag:Role', Values: ['web'] }])).toEqual([web1, web2])
      expect(await ids(cloud, [{ Key: 'tag-key', Values: ['Role'] }])).toEqual([web1, web2, web3])
      expect(await ids(cloud, [{ Key: 'InstanceIds', Values: ['i-0fffffffffffffff0'] }])).toEqual([])
      await expect(ids(cloud, [{ Key: 'Nonsense', Values: ['x'] }])).rejects.toMatchObject({ name: 'InvalidFilterKey' })
      await expect(ids(cloud, [{ Key: 'PingStatus', Values: ['Up'] }])).rejects.toMatchObject({
        name: 'InvalidInstanceInformationFilterValue',
      })
      await expect(
        ids(cloud, [
          { Key: 'tag:Role', Values: ['web'] },
          { Key: 'PingStatus', Values: ['Online'] },
        ]),
      ).rejects.toMatchObject({ name: 'ValidationException' })
    })
  })

  test('ten at a time', async () => {
    const many = Array.from({ length: 12 }, (_, index) => ({ instanceId: `i-${String(index).padStart(17, '0')}` }))
    await withHosts(many, async cloud => {
      const first = await cloud.ssm.send(new DescribeInstanceInformationCommand({}))
      expect(first.InstanceInformationList).toHaveLength(10)
      const { NextToken } = first
      const second = await cloud.ssm.send(new DescribeInstanceInformationCommand({ NextToken }))
      expect(second).toMatchObject({ InstanceInformationList: [{}, {}] })
      expect(second.NextToken).toBeUndefined()
    })
  })
})

describe('over HTTP', () => {
  test('add, look, change, remove', async () => {
    await withHosts([], async cloud => {
      const call = async (method: string, path: string, body?: unknown) => {
        const answer = await fetch(`${cloud.aws.endpoint}/_local/hosts${path}`, {
          method,
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        })
        return { status: answer.status, body: answer.status === 204 ? undefined : await answer.json() }
      }
      expect(await call('POST', '', { instanceId: web1, tags: { Role: 'web' } })).toMatchObject({
        status: 200,
        body: { instanceId: web1, state: 'online', directory: expect.stringContaining(web1) },
      })
      expect(await call('POST', '', { instanceId: web1 })).toMatchObject({
        status: 400,
        body: { message: `there is a host ${web1}` },
      })
      expect(await call('POST', '', { instanceId: 'web' })).toMatchObject({ status: 400 })
      expect(await call('POST', '', { instanceId: web2, colour: 'red' })).toMatchObject({ status: 400 })
      expect(await call('PUT', `/${web1}`, { state: 'offline', latencyMs: 3 })).toMatchObject({
        body: { state: 'offline', latencyMs: 3 },
      })
      expect(await call('PUT', `/${web1}`, { state: 'gone' })).toMatchObject({ status: 400 })
      expect(await call('PUT', `/${web1}`, { state: 'rebooted', answerNext: 'Undeliverable' })).toMatchObject({
        body: { state: 'online' },
      })
      expect(await cloud.ran(['true'])).toMatchObject({ StatusDetails: 'Undeliverable' })
      expect(await call('GET', '')).toMatchObject({ body: [{ instanceId: web1 }] })
      expect(await call('DELETE', `/${web1}`)).toMatchObject({ status: 204 })
      expect(await call('GET', `/${web1}`)).toMatchObject({ status: 400 })
    })
  })
})
