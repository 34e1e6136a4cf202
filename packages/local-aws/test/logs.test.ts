import {
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  DeleteLogGroupCommand,
  DescribeLogGroupsCommand,
  DescribeLogStreamsCommand,
  FilterLogEventsCommand,
  GetLogEventsCommand,
  PutLogEventsCommand,
  PutRetentionPolicyCommand,
} from '@aws-sdk/client-cloudwatch-logs'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type StartedCloud, startedCloud } from './support/cloud.ts'

let cloud: StartedCloud
beforeAll(async () => {
  cloud = await startedCloud()
})
afterAll(async () => {
  await cloud.stop()
})

describe('groups and streams', () => {
  test('are created once, described, deleted', async () => {
    const logGroupName = '/a/group'
    await cloud.logs.send(new CreateLogGroupCommand({ logGroupName }))
    await expect(cloud.logs.send(new CreateLogGroupCommand({ logGroupName }))).rejects.toMatchObject({
      name: 'ResourceAlreadyExistsException',
    })
    await cloud.logs.send(new PutRetentionPolicyCommand({ logGroupName, retentionInDays: 14 }))
    const { logGroups } = await cloud.logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: '/a/' }))
    expect(logGroups).toMatchObject([
      {
        logGroupName,
        retentionInDays: 14,
        arn: 'arn:aws:logs:eu-west-1:123456789012:log-group:/a/group:*',
        logGroupArn: 'arn:aws:logs:eu-west-1:123456789012:log-group:/a/group',
      },
    ])
    for (const logStreamName of ['b', 'a'])
      await cloud.logs.send(new CreateLogStreamCommand({ logGroupName, logStreamName }))
    await expect(
      cloud.logs.send(new CreateLogStreamCommand({ logGroupName, logStreamName: 'a' })),
    ).rejects.toMatchObject({ name: 'ResourceAlreadyExistsException' })
    const { logStreams } = await cloud.logs.send(new DescribeLogStreamsCommand({ logGroupName }))
    expect(logStreams?.map(({ logStreamName }) => logStreamName)).toEqual(['a', 'b'])
    await cloud.logs.send(new DeleteLogGroupCommand({ logGroupName }))
    await expect(cloud.logs.send(new DescribeLogStreamsCommand({ logGroupName }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: 'The specified log group does not exist.',
    })
  })

  test('a stream that is not there yet', async () => {
    const get = new GetLogEventsCommand({ logGroupName: '/ecs/test', logStreamName: 'x' })
    await expect(cloud.logs.send(get)).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: 'The specified log stream does not exist.',
    })
  })

  test('names', async () => {
    await expect(cloud.logs.send(new CreateLogGroupCommand({ logGroupName: 'a b' }))).rejects.toMatchObject({
      name: 'InvalidParameterException',
    })
    await expect(
      cloud.logs.send(new CreateLogStreamCommand({ logGroupName: '/ecs/test', logStreamName: 'a:b' })),
    ).rejects.toMatchObject({ name: 'InvalidParameterException' })
  })
})

describe('events', () => {
  const stream = { logGroupName: '/ecs/test', logStreamName: 'mine' }
  beforeAll(async () => {
    await cloud.logs.send(new CreateLogStreamCommand(stream))
    const logEvents = ['GET /health 200', 'error: no "such" thing', 'GET / 500'].map((message, n) => ({
      timestamp: 1_000 + n,
      message,
    }))
    await cloud.logs.send(new PutLogEventsCommand({ ...stream, logEvents }))
  })

  test('come back as they were', async () => {
    const { events } = await cloud.logs.send(
      new GetLogEventsCommand({
        logGroupIdentifier: 'arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/test',
        logStreamName: 'mine',
        startFromHead: true,
      }),
    )
    expect(events?.map(({ timestamp, message }) => [timestamp, message])).toEqual([
      [1000, 'GET /health 200'],
      [1001, 'error: no "such" thing'],
      [1002, 'GET / 500'],
    ])
  })

  test('must be in order in one request', async () => {
    const logEvents = [
      { timestamp: 2, message: 'a' },
      { timestamp: 1, message: 'b' },
    ]
    await expect(cloud.logs.send(new PutLogEventsCommand({ ...stream, logEvents }))).rejects.toThrow(
      'must be in chronological order',
    )
  })

  test.each([
    ['GET', ['GET /health 200', 'GET / 500']],
    ['GET 500', ['GET / 500']],
    ['"GET /"', ['GET /health 200', 'GET / 500']],
    ['', ['GET /health 200', 'error: no "such" thing', 'GET / 500']],
  ])('filtered by %j', async (filterPattern, expected) => {
    const { events } = await cloud.logs.send(
      new FilterLogEventsCommand({ logGroupName: '/ecs/test', logStreamNames: ['mine'], filterPattern }),
    )
    expect(events?.map(({ message }) => message)).toEqual(expected)
  })
})

describe('a task’s lines', () => {
  test('100,000 from three containers: none lost, none twice, in order', async () => {
    const counts = { app: 40_000, left: 30_000, right: 30_000 }
    const task = await cloud.ran([
      cloud.container('left', ['lines', '30000'], { essential: false }),
      cloud.container('right', ['lines', '30000'], { essential: false }),
      // the essential one ends the task: it comes last
      cloud.container('app', ['lines', '40000'], {
        dependsOn: ['left', 'right'].map(containerName => ({ containerName, condition: 'COMPLETE' as const })),
      }),
    ])
    expect(task.containers?.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0])
    for (const [name, count] of Object.entries(counts)) {
      const lines = await cloud.lines(task.taskArn ?? '', name)
      expect(lines).toHaveLength(count)
      expect(lines.findIndex((line, n) => line !== `line ${n}`)).toBe(-1)
    }
  })

  test('become readable a little after they were written', async () => {
    const slow = await startedCloud({ speed: 4 })
    try {
      const { taskArn } = await slow.start(await slow.register([slow.container('app', ['wait'])]))
      const stream = { logGroupName: '/ecs/test', logStreamName: `test/app/${taskArn.split('/').at(-1)}` }
      await slow.speaking(taskArn, 'app')
      const { events } = await slow.logs.send(new GetLogEventsCommand(stream))
      const { timestamp = 0, ingestionTime = 0 } = events?.[0] ?? {}
      // 500 ms of AWS's time at speed 4
      expect(ingestionTime - timestamp).toBeGreaterThanOrEqual(120)
    } finally {
      await slow.stop()
    }
  })
})
