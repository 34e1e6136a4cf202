import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ListCommandInvocationsCommand, ListCommandsCommand } from '@aws-sdk/client-ssm'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { content, isGone, type StartedHosts, startedHosts, web1, web2, web3 } from './support/hosts.ts'

let cloud: StartedHosts
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssm-commands-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})
beforeEach(async () => {
  cloud = await startedHosts(
    [web1, web2, web3].map(instanceId => ({ instanceId, tags: { Role: 'web', Name: `name of ${instanceId}` } })),
  )
})
afterEach(async () => {
  await cloud.stop()
})

let names = 0
/** a path that no other test uses */
function fresh(): string {
  names += 1
  return join(folder, `file-${names}`)
}
const untilThere = (file: string) => `until [ -e ${file} ]; do sleep 0.01; done`
const byTag = { Targets: [{ Key: 'tag:Role', Values: ['web'] }] }
const statusDetails = (all: readonly { StatusDetails?: string | undefined }[]) =>
  all.map(({ StatusDetails }) => StatusDetails)

describe('eventual consistency', () => {
  test('an invocation cannot be read at first, neither one nor in the list', async () => {
    const slow = await startedHosts([{ instanceId: web1, visibleAfterMs: 3_000 }])
    try {
      const commandId = await slow.send(['true'])
      await expect(slow.get(commandId)).rejects.toMatchObject({ name: 'InvocationDoesNotExist' })
      const { CommandInvocations } = await slow.ssm.send(new ListCommandInvocationsCommand({ CommandId: commandId }))
      expect(CommandInvocations).toEqual([])
      await slow.until(commandId, all => all.length === 1)
      await expect(slow.get(commandId)).resolves.toMatchObject({ CommandId: commandId })
    } finally {
      await slow.stop()
    }
  })

  test('a command is not in the list at first', async () => {
    const slow = await startedHosts([{ instanceId: web1 }], { speed: 0.4 })
    try {
      const commandId = await slow.send(['true'])
      expect(await slow.command(commandId)).toBeUndefined()
      for (let found = await slow.command(commandId); found === undefined; ) found = await slow.command(commandId)
    } finally {
      await slow.stop()
    }
  })

  test('what was never sent, another host, another plugin', async () => {
    const nothing = '00000000-0000-0000-0000-000000000000'
    await expect(cloud.get(nothing)).rejects.toMatchObject({ name: 'InvocationDoesNotExist' })
    const { CommandId = '' } = await cloud.ran(['true'])
    await expect(cloud.get(CommandId, web2)).rejects.toMatchObject({ name: 'InvocationDoesNotExist' })
  })
})

describe('several hosts', () => {
  test('a tag selects them; the command counts them', async () => {
    const commandId = await cloud.send(['echo $AWS_SSM_INSTANCE_ID'], byTag)
    expect(await cloud.ended(commandId)).toMatchObject({
      Status: 'Success',
      StatusDetails: 'Success',
      TargetCount: 3,
      CompletedCount: 3,
      ErrorCount: 0,
    })
    const all = await cloud.until(commandId, found => found.length === 3)
    expect(all.map(({ InstanceId, InstanceName }) => [InstanceId, InstanceName])).toEqual(
      [web1, web2, web3].map(id => [id, `name of ${id}`]),
    )
    expect(all.map(({ CommandPlugins }) => CommandPlugins?.[0]?.Output)).toEqual([
      `${web1}\n`,
      `${web2}\n`,
      `${web3}\n`,
    ])
  })

  test('a tag that matches none is a Success that says so', async () => {
    const commandId = await cloud.send(['true'], { Targets: [{ Key: 'tag:Role', Values: ['none'] }] })
    expect(await cloud.ended(commandId)).toMatchObject({
      Status: 'Success',
      StatusDetails: 'NoInstancesInTag',
      TargetCount: 0,
    })
  })

  test('every target must match, any of its values will do', async () => {
    const reach = async (Targets: { Key: string; Values: string[] }[]) =>
      (await cloud.ended(await cloud.send(['true'], { Targets }))).TargetCount
    expect(
      await Promise.all([
        reach([{ Key: 'tag:Role', Values: ['none', 'web'] }]),
        reach([{ Key: 'tag-key', Values: ['Role'] }]),
        reach([
          { Key: 'tag:Role', Values: ['web'] },
          { Key: 'tag:Name', Values: [`name of ${web2}`] },
        ]),
        reach([{ Key: 'InstanceIds', Values: [web1, web3] }]),
      ]),
    ).toEqual([3, 3, 1, 2])
  })

  test('MaxConcurrency 1: one after another', async () => {
    const file = fresh()
    const commandId = await cloud.send([`echo begin >> ${file}; sleep 0.05; echo end >> ${file}`], {
      ...byTag,
      MaxConcurrency: '1',
    })
    await cloud.ended(commandId)
    expect((await content(file)).trim().split('\n')).toEqual(['begin', 'end', 'begin', 'end', 'begin', 'end'])
  })

  test.each(['2', '70%'])('MaxConcurrency %s: two at a time', async MaxConcurrency => {
    const go = fresh()
    const commandId = await cloud.send([untilThere(go)], { ...byTag, MaxConcurrency })
    const all = await cloud.running(commandId, 2)
    expect(all.map(({ Status }) => Status)).toEqual(['InProgress', 'InProgress', 'Pending'])
    await writeFile(go, '')
    expect(await cloud.ended(commandId)).toMatchObject({ Status: 'Success' })
  })

  const failOn = (id: string) => [`[ $AWS_SSM_INSTANCE_ID != ${id} ]`]
  test.each([
    ['0', 'Failed', 'Failed', ['Failed', 'Terminated', 'Terminated']],
    ['1', 'Incomplete', 'Failed', ['Failed', 'Success', 'Success']],
    ['34%', 'Incomplete', 'Failed', ['Failed', 'Success', 'Success']],
    ['33%', 'Failed', 'Failed', ['Failed', 'Terminated', 'Terminated']],
  ])('MaxErrors %s: %s', async (MaxErrors, details, status, invocations) => {
    const commandId = await cloud.send(failOn(web1), { ...byTag, MaxConcurrency: '1', MaxErrors })
    expect(await cloud.ended(commandId)).toMatchObject({ Status: status, StatusDetails: details, ErrorCount: 1 })
    expect(statusDetails(await cloud.until(commandId, all => all.length === 3))).toEqual(invocations)
  })

  test('those that run when one fails go on', async () => {
    const go = fresh()
    const commandId = await cloud.send([`[ $AWS_SSM_INSTANCE_ID != ${web1} ] || exit 1`, untilThere(go)], {
      ...byTag,
      MaxConcurrency: '2',
    })
    await cloud.until(commandId, all => statusDetails(all).join() === 'Failed,InProgress,Terminated')
    await writeFile(go, '')
    await cloud.ended(commandId)
    expect(statusDetails(await cloud.until(commandId, () => true))).toEqual(['Failed', 'Success', 'Terminated'])
  })
})

describe('cancel', () => {
  test('Cancelling, then Cancelled: the process group is killed, the output gone', async () => {
    const [shell, child] = [fresh(), fresh()]
    const commandId = await cloud.send([`echo $$ > ${shell}; sleep 60 & echo $! > ${child}; echo out; wait`])
    const pids = [Number(await content(shell)), Number(await content(child))]
    await cloud.running(commandId)
    // the cancel takes so long to reach the agent
    cloud.host().latencyMs = 500
    await cloud.cancel(commandId)
    expect(await cloud.command(commandId)).toMatchObject({ Status: 'Cancelling', StatusDetails: 'Cancelling' })
    expect(await cloud.ended(commandId)).toMatchObject({ Status: 'Cancelled', StatusDetails: 'Cancelled' })
    expect(await cloud.get(commandId)).toMatchObject({
      Status: 'Cancelled',
      StatusDetails: 'Cancelled',
      ResponseCode: 137,
      StandardOutputContent: '',
    })
    for (const pid of pids) expect(await isGone(pid)).toBe(true)
  })

  test('hosts that have not begun never do', async () => {
    const [began, go] = [fresh(), fresh()]
    const commandId = await cloud.send([`echo $AWS_SSM_INSTANCE_ID >> ${began}`, untilThere(go)], {
      ...byTag,
      MaxConcurrency: '1',
    })
    await content(began)
    await cloud.cancel(commandId)
    await cloud.ended(commandId)
    expect(await content(began)).toBe(`${web1}\n`)
    expect(statusDetails(await cloud.until(commandId, () => true))).toEqual(['Cancelled', 'Cancelled', 'Cancelled'])
    expect((await cloud.get(commandId, web3)).ResponseCode).toBe(-1)
  })

  test('of one host only', async () => {
    const go = fresh()
    const commandId = await cloud.send([untilThere(go)], { InstanceIds: [web1, web2] })
    await cloud.running(commandId, 2)
    await cloud.cancel(commandId, [web2])
    await cloud.until(commandId, all => statusDetails(all).join() === 'InProgress,Cancelled')
    await writeFile(go, '')
    await cloud.ended(commandId)
    expect(statusDetails(await cloud.until(commandId, () => true))).toEqual(['Success', 'Cancelled'])
  })

  test('before the agent has it, right after sending, and after the end', async () => {
    const file = fresh()
    const early = await cloud.send([`touch ${file}; sleep 60`], byTag)
    await cloud.cancel(early)
    expect(await cloud.ended(early)).toMatchObject({ StatusDetails: 'Cancelled' })
    const { CommandId = '' } = await cloud.ran(['true'])
    await cloud.cancel(CommandId)
    expect(await cloud.command(CommandId)).toMatchObject({ Status: 'Success' })
    await expect(cloud.cancel('00000000-0000-0000-0000-000000000000')).rejects.toMatchObject({
      name: 'InvalidCommandId',
    })
    await expect(cloud.cancel(CommandId, ['i-0fffffffffffffff0'])).rejects.toMatchObject({ name: 'InvalidInstanceId' })
  })
})

describe('lists', () => {
  test('pages, filters, newest first, outputs only with Details', async () => {
    const first = await cloud.send(['false'])
    await cloud.ended(first)
    const second = await cloud.send(['echo x'], byTag)
    await cloud.ended(second)
    await cloud.until(second, all => all.length === 3)

    const list = async (more: object) => {
      const seen: string[] = []
      for (let NextToken: string | undefined, pages = 0; pages === 0 || NextToken !== undefined; pages += 1) {
        const answer = await cloud.ssm.send(new ListCommandInvocationsCommand({ ...more, MaxResults: 2, NextToken }))
        expect(answer.CommandInvocations?.length).toBeLessThanOrEqual(2)
        seen.push(...(answer.CommandInvocations ?? []).map(({ CommandId, InstanceId }) => `${CommandId} ${InstanceId}`))
        NextToken = answer.NextToken
      }
      return seen
    }
    expect(await list({})).toEqual([...[web1, web2, web3].map(id => `${second} ${id}`), `${first} ${web1}`])
    expect(await list({ InstanceId: web2 })).toEqual([`${second} ${web2}`])
    expect(await list({ Filters: [{ key: 'Status', value: 'Failed' }] })).toEqual([`${first} ${web1}`])
    const { CommandInvocations: plain } = await cloud.ssm.send(new ListCommandInvocationsCommand({ CommandId: first }))
    expect(plain?.[0]?.CommandPlugins).toEqual([])

    const { Commands: failed } = await cloud.ssm.send(
      new ListCommandsCommand({ Filters: [{ key: 'Status', value: 'Failed' }] }),
    )
    expect(failed?.map(({ CommandId }) => CommandId)).toEqual([first])
    const { Commands: open } = await cloud.ssm.send(
      new ListCommandsCommand({ Filters: [{ key: 'ExecutionStage', value: 'Executing' }] }),
    )
    expect(open).toEqual([])
    await expect(cloud.ssm.send(new ListCommandInvocationsCommand({ NextToken: 'nonsense' }))).rejects.toMatchObject({
      name: 'InvalidNextToken',
    })
    await expect(
      cloud.ssm.send(new ListCommandInvocationsCommand({ Filters: [{ key: 'ExecutionStage', value: 'Complete' }] })),
    ).rejects.toMatchObject({ name: 'InvalidFilterKey' })
  })
})
