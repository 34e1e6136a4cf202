import { setTimeout as delay } from 'node:timers/promises'
import type { JournalEntry } from '@aws-deploy-actions/local-aws'
import { describe, expect, test } from '@jest/globals'
import { type HostCloud, instancesOf, startHostCloud } from '../../../test/support/host-cloud.ts'
import { until } from '../../../test/support/task-cloud.ts'
import { withHosts } from '../../../test/support/with-hosts.ts'

/** A `bash` in the place of the program: it has a result that is longer than what the list of invocations shows. */
const LONG_RESULT = `#!/bin/sh
rm -rf "$2"
echo '{"ssm-pull-deploy":1,"status":"deployed","reason":"","phase":"","takeBack":"","services":[],"seconds":1,"log":"","evidence":["${'x'.repeat(3000)}"]}'
`
const BROKEN_DOCKER = { docker: '#!/bin/sh\nexit 1\n' }

describe('what the command says as a whole, when no host is listed', () => {
  test.concurrent.each([
    ['Incomplete', 'was not delivered to all hosts', 'Raise delivery-timeout or max-concurrency'],
    ['RateExceeded', 'too many commands under way', 'Wait until other commands are over'],
  ] as const)('%s is red with its own advice', async (StatusDetails, words, advice) => {
    const cloud = await startHostCloud()
    try {
      const hosts = [
        await cloud.addFakeHost({ tags: { Role: 'web' } }),
        await cloud.addFakeHost({ tags: { Role: 'web' } }),
      ]
      answer(cloud, 'ListCommandInvocations', { CommandInvocations: [] })
      answer(cloud, 'ListCommands', { Commands: [{ Status: 'Failed', StatusDetails, TargetCount: 0 }] })
      const result = await cloud.run({ targets: 'Role=web', directory: '/opt/shop' })
      expect([result.exitCode, result.outputs['status']]).toEqual([1, 'failed'])
      expect(instancesOf(result)).toMatchObject(
        hosts.map(({ id }) => ({ id, status: 'failed', statusDetails: StatusDetails, services: [] })),
      )
      const errors = result.annotations.filter(({ level }) => level === 'error')
      expect(errors[0]?.message).toContain(words)
      expect(errors[0]?.message).toContain(`StatusDetails ${StatusDetails}`)
      expect(errors[0]?.message).toContain(advice)
      expect(result.summary).toContain(words)
    } finally {
      await cloud.stop()
    }
  })
})

describe('hosts one after the other', () => {
  withHosts('Terminated: what comes after the one that failed is not begun, with its own advice', async cloud => {
    const bad = await cloud.addFakeHost({ tools: BROKEN_DOCKER })
    const good = await cloud.addFakeHost()
    const result = await cloud.run({ 'instance-ids': `${bad.id}\n${good.id}`, directory: good.directory, env: 'TAG=1' })
    expect([result.exitCode, result.outputs['status']]).toEqual([1, 'failed'])
    expect(instancesOf(result)).toMatchObject([
      { id: bad.id, status: 'failed', statusDetails: 'Failed' },
      { id: good.id, status: 'not-started', statusDetails: 'Terminated', services: [] },
    ])
    const own = result.annotations.find(({ message }) => message.includes('StatusDetails Terminated'))
    expect(own?.message).toContain('Systems Manager ended the command before this host began')
    expect(own?.message).toContain('Mend the host that failed first')
    expect(good.dockerFile('calls')).toBe('')
  })

  withHosts('the one that fails is the second: the first stays deployed', async cloud => {
    const good = await cloud.addFakeHost()
    const bad = await cloud.addFakeHost({ tools: BROKEN_DOCKER })
    const result = await cloud.run({ 'instance-ids': `${good.id}\n${bad.id}`, directory: good.directory, env: 'TAG=1' })
    expect([result.exitCode, result.outputs['status'], good.running()]).toEqual([1, 'failed', '1'])
    expect(instancesOf(result)).toMatchObject([
      { id: good.id, status: 'deployed' },
      { id: bad.id, status: 'failed' },
    ])
  })
})

describe('results that are longer than what the list shows', () => {
  withHosts('InvocationDoesNotExist for 10 s is waited for, and the hosts are looked at all the while', async cloud => {
    const host = await cloud.addFakeHost({ tools: { bash: LONG_RESULT } })
    const code = 'InvocationDoesNotExist'
    cloud.aws.addFault({
      service: 'ssm',
      operation: 'GetCommandInvocation',
      kind: 'error',
      status: 400,
      code,
      message: '',
    })
    const action = await cloud.start({ 'instance-ids': host.id, directory: host.directory })
    await until('it was asked', () => cloud.calls('GetCommandInvocation').length > 0, 30_000)
    await delay(10_500)
    cloud.aws.clearFaults()
    const { exitCode, outputs } = await action.result
    expect([exitCode, outputs['status']]).toEqual([0, 'deployed'])
    const asked = cloud.calls('GetCommandInvocation')
    expect(asked.map(({ error }) => error)).toEqual([
      ...Array.from({ length: asked.length - 1 }, () => code),
      undefined,
    ])
    const since = asked[0]?.at ?? 0
    const looks = cloud.calls('ListCommandInvocations').filter(({ at }) => at > since)
    expect(looks.length).toBeGreaterThan(4)
  })

  withHosts('are fetched once a host, some at a time', async cloud => {
    const many = 12
    const hosts = []
    for (let count = 0; count < many; count++) hosts.push(await cloud.addFakeHost({ tools: { bash: LONG_RESULT } }))
    // All are over before the first is fetched, and each fetch takes a while.
    const delayMs = 1500
    cloud.aws.addFault({ service: 'ssm', operation: 'GetCommandInvocation', kind: 'delay', delayMs })
    const result = await cloud.run({
      'instance-ids': hosts.map(({ id }) => id).join('\n'),
      directory: '/opt/shop',
      'max-concurrency': '100%',
    })
    expect([result.exitCode, result.outputs['status']]).toEqual([0, 'deployed'])
    const fetches = cloud.calls('GetCommandInvocation')
    const ids = fetches.map(({ input }) => String(Reflect.get(Object(input), 'InstanceId')))
    expect(ids.toSorted()).toEqual(hosts.map(({ id }) => id).toSorted())
    const most = Math.max(...fetches.map(({ at }) => openAt(fetches, at, delayMs)))
    expect(most).toBeGreaterThan(1)
    expect(most).toBeLessThanOrEqual(5)
  })
})

/** How many of the calls, each of which takes so long at least, are surely open at a moment. */
function openAt(calls: readonly JournalEntry[], moment: number, tookMs: number): number {
  return calls.filter(({ at }) => at <= moment && moment < at + tookMs).length
}

function answer({ aws }: HostCloud, operation: string, body: unknown): void {
  aws.addFault({ service: 'ssm', operation, kind: 'answer', body })
}
