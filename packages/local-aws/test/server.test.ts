import { DescribeLogGroupsCommand } from '@aws-sdk/client-cloudwatch-logs'
import { DescribeClustersCommand, ListTasksCommand, RunTaskCommand } from '@aws-sdk/client-ecs'
import { CreateSecretCommand } from '@aws-sdk/client-secrets-manager'
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { network, type StartedCloud, startedCloud } from './support/cloud.ts'

let cloud: StartedCloud
beforeAll(async () => {
  cloud = await startedCloud()
})
afterAll(async () => {
  await cloud.stop()
})
afterEach(() => {
  cloud.aws.clearFaults()
  cloud.aws.setPolicy(undefined)
})

const clusters = () => cloud.ecs.send(new DescribeClustersCommand({ clusters: ['main'] }))
// A task that goes on may pull its image meanwhile.
const last = () => cloud.aws.journal().findLast(({ service }) => service === 'ecs')

/** A request without SDK, as `aws-sdk` would sign it. */
function raw(target: string | undefined, body: string, authorization: string | undefined): Promise<Response> {
  const headers = {
    'content-type': 'application/x-amz-json-1.1',
    ...(target === undefined ? {} : { 'x-amz-target': target }),
    ...(authorization === undefined ? {} : { authorization }),
  }
  return fetch(cloud.aws.endpoint, { method: 'POST', headers, body })
}
const signed =
  'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/eu-central-1/ecs/aws4_request, SignedHeaders=host, Signature=0'
const ecsTarget = 'AmazonEC2ContainerServiceV20141113.DescribeClusters'

describe('the wire', () => {
  test('GetCallerIdentity over the query protocol', async () => {
    expect(await cloud.sts.send(new GetCallerIdentityCommand({}))).toMatchObject({
      Account: '123456789012',
      Arn: 'arn:aws:sts::123456789012:assumed-role/local/deploy',
    })
  })

  test('the region of the signature counts', async () => {
    const answer = await raw(ecsTarget, '{"clusters":["main"]}', signed)
    expect(await answer.json()).toMatchObject({
      failures: [{ arn: 'arn:aws:ecs:eu-central-1:123456789012:cluster/main', reason: 'MISSING' }],
    })
    expect(answer.headers.get('x-amzn-requestid')).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('without credentials: MissingAuthenticationToken', async () => {
    const answer = await raw(ecsTarget, '{}', undefined)
    expect(answer.status).toBe(403)
    expect(await answer.json()).toEqual({
      __type: 'MissingAuthenticationTokenException',
      message: 'Missing Authentication Token',
    })
  })

  test.each([
    ['AmazonEC2ContainerServiceV20141113.PutAttributes', 400],
    ['AmazonEC2ContainerServiceV20141113.NoSuchThing', 400],
    ['SomethingElse.Do', 404],
    [undefined, 404],
  ])('%s is not served', async (target, status) => {
    const answer = await raw(target, '{}', signed)
    expect(answer.status).toBe(status)
    expect(await answer.json()).toMatchObject({ __type: 'UnknownOperationException' })
  })

  test('a body that is no JSON', async () => {
    expect(await (await raw(ecsTarget, '{', signed)).json()).toMatchObject({ __type: 'SerializationException' })
  })

  test('a member that AWS does not know', async () => {
    const answer = await raw(ecsTarget, '{"cluster":"main"}', signed)
    expect(answer.status).toBe(400)
    expect(answer.headers.get('x-amzn-errortype')).toBe('InvalidParameterException')
    expect(await answer.json()).toEqual({
      __type: 'InvalidParameterException',
      message: "1 validation error detected: Value at 'cluster' failed to satisfy constraint: Member is not known",
    })
  })
})

describe('faults', () => {
  test('throttle, so many times', async () => {
    cloud.aws.addFault({ service: 'ecs', operation: 'DescribeClusters', kind: 'throttle', times: 2 })
    await expect(clusters()).rejects.toMatchObject({
      name: 'ThrottlingException',
      message: 'Rate exceeded',
      $metadata: { httpStatusCode: 400 },
    })
    await expect(clusters()).rejects.toMatchObject({ name: 'ThrottlingException' })
    await expect(clusters()).resolves.toBeDefined()
    expect(cloud.aws.journal().slice(-3)).toMatchObject([
      { fault: 'throttle', status: 400, error: 'ThrottlingException' },
      { fault: 'throttle' },
      { status: 200 },
    ])
    expect(last()?.fault).toBeUndefined()
  })

  test('other operations and services are not touched', async () => {
    cloud.aws.addFault({ service: 'ecs', operation: 'RunTask', kind: 'throttle' })
    cloud.aws.addFault({ service: 'ecr', kind: 'throttle' })
    await expect(clusters()).resolves.toBeDefined()
  })

  test('error with status, code and message', async () => {
    cloud.aws.addFault({ kind: 'error', status: 503, code: 'ServiceUnavailable', message: 'no', times: 1 })
    await expect(clusters()).rejects.toMatchObject({
      name: 'ServiceUnavailable',
      message: 'no',
      $metadata: { httpStatusCode: 503 },
    })
  })

  test('expired credentials', async () => {
    cloud.aws.addFault({ kind: 'expired', times: 1 })
    await expect(clusters()).rejects.toMatchObject({ name: 'ExpiredTokenException' })
    cloud.aws.addFault({ service: 'sts', kind: 'expired', times: 1 })
    await expect(cloud.sts.send(new GetCallerIdentityCommand({}))).rejects.toThrow(
      'The security token included in the request is expired',
    )
  })

  test('reset: the operation does not run', async () => {
    const definition = await cloud.register([cloud.container('app', ['exit', '0'])])
    cloud.aws.addFault({ operation: 'RunTask', kind: 'reset', times: 1 })
    await expect(cloud.start(definition, { startedBy: 'reset' })).rejects.toThrow()
    expect(last()).toMatchObject({ operation: 'RunTask', status: 0, fault: 'reset' })
    expect((await cloud.ecs.send(new ListTasksCommand({ cluster: 'main', startedBy: 'reset' }))).taskArns).toEqual([])
  })

  test('lost-answer: the operation runs, nobody hears of it', async () => {
    const definition = await cloud.register([cloud.container('app', ['sleep', '20000'])])
    cloud.aws.addFault({ operation: 'RunTask', kind: 'lost-answer', times: 1 })
    await expect(cloud.start(definition, { startedBy: 'lost' })).rejects.toThrow()
    expect((await cloud.ecs.send(new ListTasksCommand({ cluster: 'main', startedBy: 'lost' }))).taskArns).toHaveLength(
      1,
    )
  })

  test('malformed', async () => {
    cloud.aws.addFault({ operation: 'DescribeClusters', kind: 'malformed', times: 1 })
    await expect(clusters()).rejects.toThrow()
  })

  test('delay', async () => {
    cloud.aws.addFault({ operation: 'DescribeClusters', kind: 'delay', delayMs: 120, times: 1 })
    const start = performance.now()
    await clusters()
    expect(performance.now() - start).toBeGreaterThanOrEqual(115)
  })

  test('answer: instead of running', async () => {
    cloud.aws.addFault({
      operation: 'RunTask',
      kind: 'answer',
      times: 1,
      body: { tasks: [], failures: [{ arn: null, reason: 'RESOURCE:MEMORY' }] },
    })
    const answer = await cloud.ecs.send(new RunTaskCommand({ taskDefinition: 'none' }))
    expect(answer).toMatchObject({ tasks: [], failures: [{ reason: 'RESOURCE:MEMORY' }] })
  })

  test('answer made from the input', async () => {
    cloud.aws.addFault({
      operation: 'DescribeClusters',
      kind: 'answer',
      times: 1,
      body: (input: unknown) => ({ clusters: [], failures: [{ reason: JSON.stringify(input) }] }),
    })
    expect((await clusters()).failures).toEqual([{ reason: '{"clusters":["main"]}' }])
  })

  test('for a time', async () => {
    cloud.aws.addFault({ kind: 'throttle', forMs: 500 })
    await expect(clusters()).rejects.toMatchObject({ name: 'ThrottlingException' })
    await new Promise(resolve => setTimeout(resolve, 550))
    await expect(clusters()).resolves.toBeDefined()
  })

  test('never, with probability 0', async () => {
    cloud.aws.addFault({ kind: 'throttle', probability: 0 })
    await expect(clusters()).resolves.toBeDefined()
  })
})

describe('the policy', () => {
  test('denies with AWS’s text and says in the journal what was needed', async () => {
    const definition = await cloud.register([cloud.container('app', ['exit', '0'])])
    cloud.aws.setPolicy({ Statement: [{ Effect: 'Allow', Action: 'ecs:Describe*', Resource: '*' }] })
    await expect(clusters()).resolves.toBeDefined()
    await expect(cloud.start(definition)).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message: `User: arn:aws:sts::123456789012:assumed-role/local/deploy is not authorized to perform: ecs:RunTask on resource: ${definition} because no identity-based policy allows the ecs:RunTask action`,
    })
    const cluster = 'arn:aws:ecs:eu-west-1:123456789012:cluster/main'
    const need = { action: 'ecs:RunTask', resource: definition, context: { 'ecs:cluster': cluster } }
    expect(last()).toMatchObject({
      denied: need,
      needs: [
        need,
        {
          action: 'iam:PassRole',
          resource: 'arn:aws:iam::123456789012:role/execution',
          context: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' },
        },
      ],
    })
  })

  test('a denied request changes nothing', async () => {
    const definition = await cloud.register([cloud.container('app', ['exit', '0'])])
    cloud.aws.setPolicy({ Statement: { Effect: 'Allow', Action: 'ecs:*', Resource: '*' } })
    // RunTask is allowed, passing the role is not
    await expect(cloud.start(definition, { startedBy: 'denied' })).rejects.toThrow(
      'iam:PassRole on resource: arn:aws:iam::123456789012:role/execution',
    )
    expect((await cloud.ecs.send(new ListTasksCommand({ cluster: 'main', startedBy: 'denied' }))).taskArns).toEqual([])
  })

  test('GetCallerIdentity needs no permission', async () => {
    cloud.aws.setPolicy({ Statement: { Effect: 'Deny', Action: '*', Resource: '*' } })
    await expect(cloud.sts.send(new GetCallerIdentityCommand({}))).resolves.toBeDefined()
  })

  test('tasks pull, read secrets and log with their own role, not with this policy', async () => {
    const definition = await cloud.register([cloud.container('app', ['say', 'hello'])])
    cloud.aws.setPolicy({
      Statement: { Effect: 'Allow', Action: ['ecs:*', 'iam:PassRole', 'logs:GetLogEvents'], Resource: '*' },
    })
    const { taskArn } = await cloud.start(definition)
    await cloud.stopped(taskArn)
    expect(await cloud.lines(taskArn, 'app')).toEqual(['hello'])
  })
})

describe('the journal', () => {
  test('holds requests in order, with input, without secret values', async () => {
    const before = cloud.aws.journal().length
    await cloud.secrets.send(new CreateSecretCommand({ Name: 'journal', SecretString: 'hunter2' }))
    await cloud.logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: '/ecs' }))
    const entries = cloud.aws.journal().slice(before)
    expect(entries.map(({ service, operation }) => `${service}:${operation}`)).toEqual([
      'secretsmanager:CreateSecret',
      'logs:DescribeLogGroups',
    ])
    expect(entries[1]).toMatchObject({ input: { logGroupNamePrefix: '/ecs' }, status: 200, region: 'eu-west-1' })
    expect(JSON.stringify(entries)).not.toContain('hunter2')
  })

  test('cuts what is big', async () => {
    await expect(
      cloud.ecs.send(new RunTaskCommand({ taskDefinition: 'x'.repeat(100_000), networkConfiguration: network })),
    ).rejects.toThrow()
    expect(JSON.stringify(last()).length).toBeLessThan(10_000)
  })
})

describe('the side door', () => {
  const door = (method: string, path: string, body?: unknown) =>
    fetch(`${cloud.aws.endpoint}/_local/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })

  test('faults', async () => {
    expect((await door('POST', 'faults', { service: 'ecs', kind: 'throttle', times: 1 })).status).toBe(204)
    expect(await (await door('GET', 'faults')).json()).toEqual([{ service: 'ecs', kind: 'throttle', times: 1 }])
    await expect(clusters()).rejects.toMatchObject({ name: 'ThrottlingException' })
    await door('POST', 'faults', [{ kind: 'reset' }, { kind: 'expired' }])
    expect((await door('DELETE', 'faults')).status).toBe(204)
    await expect(clusters()).resolves.toBeDefined()
  })

  test('a throttle for what exceeds so many requests a second', async () => {
    await door('POST', 'faults', { service: 'ecs', kind: 'throttle', perSecond: 5 })
    const asked = await Promise.allSettled(Array.from({ length: 40 }, () => clusters()))
    const passed = asked.filter(({ status }) => status === 'fulfilled').length
    expect(passed).toBeGreaterThanOrEqual(5)
    expect(passed).toBeLessThan(40)
    await door('DELETE', 'faults')
  })

  test.each([{ kind: 'explode' }, { kind: 'throttle', time: 1 }, { kind: 'throttle', times: '1' }, 'x'])(
    'a fault that is none: %j',
    async fault => {
      expect((await door('POST', 'faults', fault)).status).toBe(400)
    },
  )

  test('policy', async () => {
    expect((await door('PUT', 'policy', { Statement: [] })).status).toBe(204)
    await expect(clusters()).rejects.toMatchObject({ name: 'AccessDeniedException' })
    expect(
      (await door('PUT', 'policy', { Statement: [{ Effect: 'Allow', Action: 'nonsense', Resource: '*' }] })).status,
    ).toBe(400)
    expect((await door('DELETE', 'policy')).status).toBe(204)
    await expect(clusters()).resolves.toBeDefined()
  })

  test('scan scripts', async () => {
    expect((await door('PUT', 'scans/team/app', { findings: [] })).status).toBe(204)
    expect((await door('PUT', 'scans/*', { finding: [] })).status).toBe(400)
  })

  test('task scripts', async () => {
    expect((await door('PUT', 'tasks/web', { failsToStart: 'No.', outOfMemory: true })).status).toBe(204)
    expect((await door('PUT', 'tasks/web', {})).status).toBe(204)
    for (const wrong of [{ failsToStart: 1 }, { fails: 'x' }, 'x']) {
      expect((await door('PUT', 'tasks/web', wrong)).status).toBe(400)
    }
  })

  test('status and journal', async () => {
    expect(await (await door('GET', 'status')).json()).toMatchObject({
      accountId: '123456789012',
      engine: 'process',
      modelErrors: [],
    })
    expect(await (await door('GET', 'journal')).json()).toEqual(
      expect.arrayContaining([expect.objectContaining({ service: 'ecs' })]),
    )
    expect((await door('GET', 'nothing')).status).toBe(404)
  })
})
