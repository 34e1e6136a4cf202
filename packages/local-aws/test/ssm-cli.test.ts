import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { describeWith } from '../../../test/support/parts.ts'
import { awsCli } from './support/aws-cli.ts'
import { content, type StartedHosts, startedHosts, web1, web2 } from './support/hosts.ts'

let cloud: StartedHosts
let home: string
let aws: ReturnType<typeof awsCli>
beforeAll(async () => {
  cloud = await startedHosts([
    { instanceId: web1, tags: { Role: 'web' } },
    { instanceId: web2, tags: { Role: 'web' }, state: 'offline' },
  ])
  home = await mkdtemp(join(tmpdir(), 'local-aws-home-'))
  aws = awsCli(cloud.aws, home)
})
afterAll(async () => {
  await cloud.stop()
  await rm(home, { recursive: true, force: true })
})

const documentName = ['--document-name', 'AWS-RunShellScript']

async function sent(...args: string[]): Promise<string> {
  const commandId = await aws('ssm', 'send-command', ...documentName, ...args, '--query', 'Command.CommandId')
  if (typeof commandId !== 'string') throw new Error(`no command id: ${JSON.stringify(commandId)}`)
  return commandId
}
const about = (commandId: string, instanceId = web1) => ['--command-id', commandId, '--instance-id', instanceId]

describeWith(['AWS CLI'], 'the AWS CLI', () => {
  test('send, wait, get', async () => {
    const commandId = await sent('--instance-ids', web1, '--parameters', '{"commands":["echo from the CLI"]}')
    await cloud.ended(commandId)
    // the waiter polls every 5 s; it is through at the first look
    await aws('ssm', 'wait', 'command-executed', ...about(commandId))
    expect(await aws('ssm', 'get-command-invocation', ...about(commandId))).toMatchObject({
      CommandId: commandId,
      Status: 'Success',
      StatusDetails: 'Success',
      ResponseCode: 0,
      StandardOutputContent: 'from the CLI\n',
      StandardErrorContent: '',
    })
  })

  test('the waiter fails with the script', async () => {
    const commandId = await sent('--instance-ids', web1, '--parameters', 'commands=["exit 7"]')
    await cloud.ended(commandId)
    await expect(aws('ssm', 'wait', 'command-executed', ...about(commandId))).rejects.toThrow(
      /Waiter CommandExecuted failed: .*matched expected path: "Failed"/,
    )
  })

  test('by tag: who is online, one Delayed, cancelled', async () => {
    const tag = 'Key=tag:Role,Values=web'
    expect(await aws('ssm', 'describe-instance-information', '--filters', tag)).toMatchObject({
      InstanceInformationList: [
        { InstanceId: web1, PingStatus: 'Online', PlatformType: 'Linux' },
        { InstanceId: web2, PingStatus: 'ConnectionLost' },
      ],
    })
    const began = join(home, 'began')
    const commandId = await sent(
      ...['--targets', tag, '--max-concurrency', '2', '--max-errors', '50%', '--comment', 'both'],
      ...['--parameters', JSON.stringify({ commands: [`echo x > ${began}`, 'sleep 60'] })],
    )
    await content(began)
    await cloud.until(commandId, all => all.some(({ StatusDetails }) => StatusDetails === 'Delayed'))
    expect(await aws('ssm', 'list-command-invocations', '--command-id', commandId, '--details')).toMatchObject({
      CommandInvocations: [
        { InstanceId: web1, Status: 'InProgress', CommandPlugins: [{ Name: 'aws:runShellScript' }] },
        { InstanceId: web2, Status: 'Pending', StatusDetails: 'Delayed' },
      ],
    })
    expect(await aws('ssm', 'cancel-command', '--command-id', commandId)).toBeUndefined()
    await cloud.ended(commandId)
    expect(await aws('ssm', 'list-commands', '--command-id', commandId)).toMatchObject({
      Commands: [{ Comment: 'both', Status: 'Cancelled', TargetCount: 2, CompletedCount: 2, MaxErrors: '50%' }],
    })
  })

  test('errors', async () => {
    await expect(sent('--instance-ids', 'i-0fffffffffffffff0', '--parameters', 'commands=["true"]')).rejects.toThrow(
      'An error occurred (InvalidInstanceId) when calling the SendCommand operation: Instances [[i-0fffffffffffffff0]] not in a valid state for account 123456789012',
    )
    await expect(
      aws('ssm', 'get-command-invocation', ...about('00000000-0000-0000-0000-000000000000')),
    ).rejects.toThrow('(InvocationDoesNotExist)')
  })
})
