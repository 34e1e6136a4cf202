import {
  ListCommandInvocationsCommand,
  SendCommandCommand,
  type SendCommandCommandInput,
  type SendCommandCommandOutput,
} from '@aws-sdk/client-ssm'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { type StartedHosts, startedHosts, web1, web2 } from './support/hosts.ts'

let cloud: StartedHosts
beforeAll(async () => {
  cloud = await startedHosts([
    { instanceId: web1, tags: { Role: 'web' } },
    { instanceId: web2, tags: { Role: 'db' } },
  ])
})
afterAll(async () => {
  await cloud.stop()
})
afterEach(() => {
  cloud.aws.clearFaults()
  cloud.aws.setPolicy(undefined)
})

function send(more: Partial<SendCommandCommandInput>): Promise<SendCommandCommandOutput> {
  const commands = ['true']
  return cloud.ssm.send(
    new SendCommandCommand({ DocumentName: 'AWS-RunShellScript', Parameters: { commands }, ...more }),
  )
}
const toWeb1 = { InstanceIds: [web1] }
const constraint = (path: string, text: string) => ({
  name: 'ValidationException',
  message: `1 validation error detected: Value at '${path}' failed to satisfy constraint: ${text}`,
})

describe('SendCommand', () => {
  test('answers with the command as it was sent', async () => {
    const { Command } = await send({ ...toWeb1, Comment: 'deploy 7', TimeoutSeconds: 120, MaxErrors: '1' })
    expect(Command).toMatchObject({
      CommandId: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
      DocumentName: 'AWS-RunShellScript',
      DocumentVersion: '$DEFAULT',
      Comment: 'deploy 7',
      Parameters: { commands: ['true'] },
      InstanceIds: [web1],
      Targets: [],
      Status: 'Pending',
      StatusDetails: 'Pending',
      MaxConcurrency: '50',
      MaxErrors: '1',
      TargetCount: 1,
      CompletedCount: 0,
      TimeoutSeconds: 120,
    })
    const { RequestedDateTime, ExpiresAfter } = Command ?? {}
    expect(Number(ExpiresAfter) - Number(RequestedDateTime)).toBe((120 + 3600) * 1000)
  })

  test('the targets of tags are not known yet', async () => {
    const { Command } = await send({ Targets: [{ Key: 'tag:Role', Values: ['web'] }] })
    expect(Command).toMatchObject({ TargetCount: 0, InstanceIds: [], Status: 'Pending' })
  })

  test.each<[string, Partial<SendCommandCommandInput>, { name: string; message?: string }]>([
    [
      'comment',
      { Comment: 'x'.repeat(101) },
      constraint('comment', 'Member must have length less than or equal to 100'),
    ],
    [
      'delivery',
      { TimeoutSeconds: 29 },
      constraint('timeoutSeconds', 'Member must have value greater than or equal to 30'),
    ],
    ['concurrency', { MaxConcurrency: '0' }, { name: 'ValidationException' }],
    ['errors', { MaxErrors: '-1' }, { name: 'ValidationException' }],
    ['no instance id', { InstanceIds: ['web'] }, { name: 'ValidationException' }],
    ['no target at all', { InstanceIds: [] }, { name: 'ValidationException' }],
    ['both', { Targets: [{ Key: 'tag:Role', Values: ['web'] }] }, { name: 'ValidationException' }],
    ['twice', { InstanceIds: [web1, web1] }, { name: 'DuplicateInstanceId' }],
    [
      'unknown',
      { InstanceIds: [web1, 'i-0fffffffffffffff0'] },
      {
        name: 'InvalidInstanceId',
        message: 'Instances [[i-0fffffffffffffff0]] not in a valid state for account 123456789012',
      },
    ],
    ['document', { DocumentName: 'No-Such' }, { name: 'InvalidDocument' }],
    ['version', { DocumentVersion: '99' }, { name: 'InvalidDocumentVersion' }],
    ['no commands', { Parameters: {} }, { name: 'InvalidParameters' }],
    ['unknown parameter', { Parameters: { commands: ['true'], shell: ['bash'] } }, { name: 'InvalidParameters' }],
    ['execution', { Parameters: { commands: ['true'], executionTimeout: ['172801'] } }, { name: 'InvalidParameters' }],
    ['size', { Parameters: { commands: ['x'.repeat(65_536)] } }, { name: 'MaxDocumentSizeExceeded' }],
  ])('refuses: %s', async (_what, more, error) => {
    await expect(send({ ...toWeb1, ...more })).rejects.toMatchObject(error)
  })
})

describe('permissions', () => {
  const document = 'arn:aws:ssm:eu-west-1::document/AWS-RunShellScript'
  const instance = (id: string) => `arn:aws:ec2:eu-west-1:123456789012:instance/${id}`
  const allow = (Resource: string | string[], Condition?: Record<string, Record<string, string>>) => ({
    Effect: 'Allow' as const,
    Action: ['ssm:SendCommand', 'ssm:ListCommands', 'ssm:ListCommandInvocations', 'ssm:GetCommandInvocation'],
    Resource,
    ...(Condition ? { Condition } : {}),
  })
  const reads = allow('*')
  const readsOnly = { ...reads, Action: reads.Action.slice(1) }

  test('the document and every instance', async () => {
    cloud.aws.setPolicy({ Statement: allow([document, instance(web1)]) })
    await expect(send(toWeb1)).resolves.toBeDefined()
    expect(cloud.aws.journal().at(-1)?.needs).toMatchObject([
      { action: 'ssm:SendCommand', resource: document },
      { action: 'ssm:SendCommand', resource: instance(web1), context: { 'ssm:resourceTag/Role': 'web' } },
    ])
    await expect(send({ InstanceIds: [web2] })).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message: expect.stringContaining(`ssm:SendCommand on resource: ${instance(web2)}`),
    })
    cloud.aws.setPolicy({ Statement: allow(instance(web1)) })
    await expect(send(toWeb1)).rejects.toMatchObject({ message: expect.stringContaining(document) })
  })

  test('by tag', async () => {
    cloud.aws.setPolicy({
      Statement: [allow(document), allow(instance('*'), { StringEquals: { 'ssm:resourceTag/Role': 'web' } })],
    })
    await expect(send(toWeb1)).resolves.toBeDefined()
    await expect(send({ InstanceIds: [web2] })).rejects.toMatchObject({ name: 'AccessDeniedException' })
  })

  test('hosts that a tag selects and that one may not: AccessDenied, and nothing runs there', async () => {
    cloud.aws.setPolicy({ Statement: [readsOnly, allow([document, instance(web1)])] })
    const { Command } = await send({ Targets: [{ Key: 'tag-key', Values: ['Role'] }] })
    const commandId = Command?.CommandId ?? ''
    expect(await cloud.ended(commandId)).toMatchObject({ Status: 'Failed', ErrorCount: 0 })
    const all = await cloud.until(commandId, found => found.length === 2)
    expect(all.map(({ StatusDetails }) => StatusDetails)).toEqual(['Success', 'AccessDenied'])
    expect(cloud.aws.journal().flatMap(({ denied }) => denied?.resource ?? [])).toContain(instance(web2))
  })

  test('reads and CancelCommand have no resource', async () => {
    const { CommandId = '' } = await cloud.ran(['true'])
    await cloud.cancel(CommandId)
    const needs = cloud.aws
      .journal()
      .filter(({ operation }) => !operation.startsWith('SendCommand'))
      .flatMap(entry => entry.needs.map(({ resource }) => resource))
    expect(new Set(needs)).toEqual(new Set(['*']))
  })

  test('a host’s role is not concerned by the policy of who deploys, and has one of its own', async () => {
    cloud.aws.setPolicy({ Statement: { Effect: 'Deny', Action: 'sts:*', Resource: '*' } })
    const { accessKeyId, arn } = cloud.host().identity
    const identity = async () => {
      const answer = await fetch(cloud.aws.endpoint, {
        method: 'POST',
        headers: {
          'content-type': 'application/x-amz-json-1.1',
          'x-amz-target': 'AmazonSSM.DescribeParameters',
          authorization: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/20260101/eu-west-1/ssm/aws4_request, SignedHeaders=host, Signature=0`,
        },
        body: '{}',
      })
      return answer.status
    }
    expect(await identity()).toBe(200)
    expect(cloud.aws.journal().at(-1)).toMatchObject({ operation: 'DescribeParameters', caller: arn })
    cloud.host().setRolePolicy({ Statement: { Effect: 'Allow', Action: 'ssm:GetParameter', Resource: '*' } })
    expect(await identity()).toBe(400)
    cloud.host().setRolePolicy(undefined)
    expect(await identity()).toBe(200)
  })
})

describe('faults', () => {
  test('the answer of SendCommand is lost: the command runs once, and can be found by its comment', async () => {
    cloud.aws.addFault({ service: 'ssm', operation: 'SendCommand', kind: 'lost-answer', times: 1 })
    await expect(send({ ...toWeb1, Comment: 'nonce 4711' })).rejects.toBeDefined()
    const found = await cloud.ssm.send(new ListCommandInvocationsCommand({ InstanceId: web1 }))
    for (let all = found; ; all = await cloud.ssm.send(new ListCommandInvocationsCommand({ InstanceId: web1 }))) {
      const ours = (all.CommandInvocations ?? []).filter(({ Comment }) => Comment === 'nonce 4711')
      if (ours.length === 0) continue
      expect(ours).toHaveLength(1)
      return
    }
  })

  test('throttled', async () => {
    cloud.aws.addFault({ service: 'ssm', operation: 'ListCommandInvocations', kind: 'throttle', times: 1 })
    await expect(cloud.ssm.send(new ListCommandInvocationsCommand({}))).rejects.toMatchObject({
      name: 'ThrottlingException',
    })
  })
})
