import { setTimeout as delay } from 'node:timers/promises'
import { describe } from '@jest/globals'
import { type FakeHost, type HostCloud, startHostCloud } from '../../../test/support/host-cloud.ts'
import { type PolicyUse, testPolicyIn } from '../../../test/support/policy.ts'

interface PolicyCloud extends HostCloud {
  readonly host: FakeHost
}

async function start(): Promise<PolicyCloud> {
  const cloud = await startHostCloud()
  // Thirty services: the result is longer than what the list of invocations shows.
  const host = await cloud.addFakeHost({ tags: { Role: 'web' }, environment: { FAKE_SERVICES: '30' } })
  return { ...cloud, host }
}

const uses: readonly PolicyUse<PolicyCloud>[] = [
  {
    name: 'a host by id, with a log group',
    use: ({ run, host }) =>
      run({ 'instance-ids': host.id, directory: host.directory, env: 'TAG=1', 'log-group': '/deploys' }),
    green: true,
  },
  {
    name: 'hosts by tag',
    use: ({ run, host }) => run({ targets: 'Role=web', directory: host.directory, env: 'TAG=1' }),
    green: true,
  },
  {
    name: 'a cancel',
    use: async ({ start: begin, host }) => {
      const action = await begin({ 'instance-ids': host.id, directory: host.directory, before: 'sleep 20' })
      for (let tries = 0; tries < 100 && !action.output().includes('Sent command'); tries++) await delay(50)
      action.signal('SIGINT')
      return await action.result
    },
    green: false,
  },
]

describe('iam-policy.json', () => {
  testPolicyIn(start, new URL('../iam-policy.json', import.meta.url), uses)
})
