import {
  CreateClusterCommand,
  CreateServiceCommand,
  DeleteClusterCommand,
  DeregisterTaskDefinitionCommand,
  DescribeClustersCommand,
  DescribeServicesCommand,
  DescribeTasksCommand,
  ListClustersCommand,
  ListTasksCommand,
  RunTaskCommand,
  type RunTaskCommandInput,
  StopTaskCommand,
} from '@aws-sdk/client-ecs'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { containerOf, network, type StartedCloud, startedCloud } from './support/cloud.ts'

let cloud: StartedCloud
let definition: string
beforeAll(async () => {
  cloud = await startedCloud()
  definition = await cloud.register(
    [cloud.container('app', ['env', 'WHAT'], { environment: [{ name: 'WHAT', value: 'defined' }] })],
    {
      tags: [
        { key: 'team', value: 'a' },
        { key: 'stage', value: 'test' },
      ],
    },
  )
})
afterAll(async () => {
  await cloud.stop()
})

const run = (more: Partial<RunTaskCommandInput> = {}) =>
  cloud.ecs.send(
    new RunTaskCommand({
      cluster: 'main',
      taskDefinition: definition,
      launchType: 'FARGATE',
      networkConfiguration: network,
      ...more,
    }),
  )

describe('overrides', () => {
  test('environment is merged, command replaced', async () => {
    const overrides = { containerOverrides: [{ name: 'app', environment: [{ name: 'WHAT', value: 'overridden' }] }] }
    const task = await cloud.start(definition, { overrides })
    await cloud.stopped(task.taskArn)
    expect(await cloud.lines(task.taskArn, 'app')).toEqual(['overridden'])
    expect(task.overrides).toMatchObject(overrides)
    const said = await cloud.start(definition, {
      overrides: { containerOverrides: [{ name: 'app', command: ['say', 'hi', '6'] }] },
    })
    expect(containerOf(await cloud.stopped(said.taskArn), 'app').exitCode).toBe(6)
    expect(await cloud.lines(said.taskArn, 'app')).toEqual(['hi'])
  })

  test('cpu, memory and storage of the task', async () => {
    const task = await cloud.start(definition, {
      overrides: { cpu: '512', memory: '1024', ephemeralStorage: { sizeInGiB: 50 } },
    })
    expect(task).toMatchObject({ cpu: '512', memory: '1024', ephemeralStorage: { sizeInGiB: 50 } })
  })

  test('an unknown container', async () => {
    await expect(run({ overrides: { containerOverrides: [{ name: 'web' }] } })).rejects.toThrow(
      'Override for container named web is not a container in the TaskDefinition.',
    )
  })
})

describe('tags, group, startedBy', () => {
  test('propagated from the definition, the request wins', async () => {
    const { taskArn, group, startedBy } = await cloud.start(definition, {
      propagateTags: 'TASK_DEFINITION',
      tags: [{ key: 'stage', value: 'now' }],
      startedBy: 'ci/run-7',
    })
    expect({ group, startedBy }).toEqual({ group: 'family:family-1', startedBy: 'ci/run-7' })
    const withTags = await cloud.ecs.send(
      new DescribeTasksCommand({ cluster: 'main', tasks: [taskArn], include: ['TAGS'] }),
    )
    expect(withTags.tasks?.[0]?.tags).toEqual([
      { key: 'team', value: 'a' },
      { key: 'stage', value: 'now' },
    ])
    expect((await cloud.described(taskArn)).tags).toEqual([])
  })

  test('ListTasks: by startedBy and desired status, in pages', async () => {
    const sleeping = {
      overrides: { containerOverrides: [{ name: 'app', command: ['sleep', '20000'] }] },
      startedBy: 'lister',
    }
    const { tasks = [] } = await run({ ...sleeping, count: 3 })
    const list = async (more: object) =>
      await cloud.ecs.send(new ListTasksCommand({ cluster: 'main', startedBy: 'lister', ...more }))
    const first = await list({ maxResults: 2 })
    const second = await list({ maxResults: 2, nextToken: first.nextToken })
    expect([...(first.taskArns ?? []), ...(second.taskArns ?? [])]).toEqual(tasks.map(({ taskArn }) => taskArn))
    expect(second.nextToken).toBeUndefined()
    await cloud.ecs.send(new StopTaskCommand({ cluster: 'main', task: tasks[0]?.taskArn }))
    expect((await list({ desiredStatus: 'STOPPED' })).taskArns).toEqual([tasks[0]?.taskArn])
    expect((await list({})).taskArns).toHaveLength(2)
    expect(
      (await cloud.ecs.send(new ListTasksCommand({ cluster: 'main', family: 'family-1', desiredStatus: 'RUNNING' })))
        .taskArns,
    ).toEqual(expect.arrayContaining([tasks[1]?.taskArn]))
    for (const { taskArn } of tasks) await cloud.ecs.send(new StopTaskCommand({ cluster: 'main', task: taskArn }))
  })
})

describe('clientToken', () => {
  test('the same request again starts nothing', async () => {
    const once = await run({ clientToken: 'token-1', count: 2 })
    const twice = await run({ clientToken: 'token-1', count: 2 })
    expect(twice.tasks?.map(({ taskArn }) => taskArn)).toEqual(once.tasks?.map(({ taskArn }) => taskArn))
  })

  test('with other parameters: ConflictException with the tasks', async () => {
    const { tasks = [] } = await run({ clientToken: 'token-2' })
    await expect(run({ clientToken: 'token-2', startedBy: 'other' })).rejects.toMatchObject({
      name: 'ConflictException',
      resourceIds: tasks.map(({ taskArn }) => taskArn),
    })
  })

  test('it counts per cluster', async () => {
    await cloud.ecs.send(new CreateClusterCommand({ clusterName: 'second' }))
    const here = await run({ clientToken: 'token-3' })
    const there = await run({ clientToken: 'token-3', cluster: 'second' })
    expect(there.tasks?.[0]?.taskArn).not.toBe(here.tasks?.[0]?.taskArn)
  })
})

describe('what AWS refuses', () => {
  test.each<[string, Partial<RunTaskCommandInput>, string]>([
    ['no cluster', { cluster: 'none' }, 'ClusterNotFoundException: Cluster not found.'],
    ['no definition', { taskDefinition: 'none' }, 'ClientException: TaskDefinition not found.'],
    ['count 0', { count: 0 }, 'count must be between 1 and 10'],
    ['count 11', { count: 11 }, 'count must be between 1 and 10'],
    ['token of 65', { clientToken: 'x'.repeat(65) }, 'clientToken must be at most 64'],
    ['token with a blank', { clientToken: 'a b' }, 'clientToken must be'],
    ['startedBy with a colon', { startedBy: 'a:b' }, 'startedBy must be'],
    ['startedBy of 129', { startedBy: 'x'.repeat(129) }, 'startedBy must be'],
    [
      'no network',
      { networkConfiguration: undefined },
      "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
    ],
    ['no subnet', { networkConfiguration: { awsvpcConfiguration: { subnets: [] } } }, 'subnets can not be empty.'],
    [
      'a subnet that is none',
      { networkConfiguration: { awsvpcConfiguration: { subnets: ['net-1'] } } },
      "The subnet ID 'net-1' does not exist",
    ],
    [
      'launch type and strategy',
      { capacityProviderStrategy: [{ capacityProvider: 'FARGATE', weight: 1 }] },
      'Specifying both a launch type and capacity provider strategy is not supported.',
    ],
    [
      'a strategy of strangers',
      { launchType: undefined, capacityProviderStrategy: [{ capacityProvider: 'mine' }] },
      'not associated with the cluster',
    ],
    [
      'a size that Fargate has not',
      { overrides: { cpu: '512', memory: '512' } },
      'No Fargate configuration exists for given values: 512 CPU, 512 memory.',
    ],
    ['a platform version', { platformVersion: '9.9.9' }, 'The specified platform version does not exist'],
    [
      'a platform version on EC2',
      { launchType: 'EC2', platformVersion: '1.4.0' },
      'The platform version must be null when specifying an EC2 launch type.',
    ],
    ['a tag', { tags: [{ key: 'aws:x', value: '1' }] }, "Tag keys can't start with aws:"],
    ['a group of services', { group: 'service:web' }, 'reserved for services'],
  ])('%s', async (_name, more, text) => {
    const error: unknown = await run(more).catch((thrown: unknown) => thrown)
    expect(String(error)).toContain(text)
  })

  test('an inactive definition', async () => {
    const old = await cloud.register([cloud.container('app', ['exit', '0'])])
    await cloud.ecs.send(new DeregisterTaskDefinitionCommand({ taskDefinition: old }))
    await expect(run({ taskDefinition: old })).rejects.toMatchObject({
      name: 'InvalidParameterException',
      message: 'TaskDefinition is inactive',
    })
  })

  test('Fargate with a definition that is not for it', async () => {
    const other = await cloud.register([cloud.container('app', ['exit', '0'])], {
      networkMode: 'bridge',
      requiresCompatibilities: ['EC2'],
    })
    await expect(run({ taskDefinition: other, networkConfiguration: undefined })).rejects.toThrow(
      'Task definition does not support launch_type FARGATE.',
    )
    await expect(run({ taskDefinition: other, launchType: 'EC2' })).rejects.toThrow(
      'Network Configuration is not valid for the given networkMode',
    )
    const { tasks } = await run({ taskDefinition: other, launchType: 'EC2', networkConfiguration: undefined })
    expect(tasks?.[0]).toMatchObject({
      launchType: 'EC2',
      containerInstanceArn: expect.stringContaining(':container-instance/main/'),
    })
  })
})

describe('capacity providers', () => {
  test('a strategy decides, and is shown', async () => {
    const task = await cloud.start(definition, {
      launchType: undefined,
      capacityProviderStrategy: [
        { capacityProvider: 'FARGATE', weight: 1 },
        { capacityProvider: 'FARGATE_SPOT', weight: 4 },
      ],
    })
    expect(task).toMatchObject({
      capacityProviderName: 'FARGATE_SPOT',
      launchType: 'FARGATE',
      platformVersion: '1.4.0',
    })
  })
})

describe('DescribeTasks', () => {
  test('what is not there is MISSING', async () => {
    const arn = 'arn:aws:ecs:eu-west-1:123456789012:task/main/00000000000000000000000000000000'
    const { tasks, failures } = await cloud.ecs.send(new DescribeTasksCommand({ cluster: 'main', tasks: [arn] }))
    expect({ tasks, failures }).toEqual({ tasks: [], failures: [{ arn, reason: 'MISSING' }] })
  })

  test('none and too many', async () => {
    const describeTasks = (tasks: string[]) => cloud.ecs.send(new DescribeTasksCommand({ cluster: 'main', tasks }))
    await expect(describeTasks([])).rejects.toThrow('Tasks cannot be empty.')
    await expect(describeTasks(Array.from({ length: 101 }, (_, n) => String(n)))).rejects.toThrow('100')
  })

  test('StopTask of nothing', async () => {
    await expect(cloud.ecs.send(new StopTaskCommand({ cluster: 'main', task: 'x' }))).rejects.toThrow(
      'The referenced task was not found.',
    )
  })
})

describe('clusters', () => {
  test('come and go', async () => {
    await cloud.ecs.send(new CreateClusterCommand({ clusterName: 'short', tags: [{ key: 'a', value: 'b' }] }))
    const { clusters, failures } = await cloud.ecs.send(
      new DescribeClustersCommand({ clusters: ['short', 'none'], include: ['TAGS'] }),
    )
    expect(clusters).toMatchObject([
      { clusterName: 'short', status: 'ACTIVE', runningTasksCount: 0, tags: [{ key: 'a', value: 'b' }] },
    ])
    expect(failures).toEqual([{ arn: 'arn:aws:ecs:eu-west-1:123456789012:cluster/none', reason: 'MISSING' }])
    expect((await cloud.ecs.send(new ListClustersCommand({}))).clusterArns).toContain(
      'arn:aws:ecs:eu-west-1:123456789012:cluster/short',
    )
    await cloud.ecs.send(new DeleteClusterCommand({ cluster: 'short' }))
    expect((await cloud.ecs.send(new DescribeClustersCommand({ clusters: ['short'] }))).clusters).toMatchObject([
      { status: 'INACTIVE' },
    ])
  })

  test('one with tasks stays', async () => {
    const { taskArn } = await cloud.start(definition, {
      overrides: { containerOverrides: [{ name: 'app', command: ['sleep', '20000'] }] },
    })
    await cloud.until(taskArn, ({ lastStatus }) => lastStatus === 'RUNNING')
    await expect(cloud.ecs.send(new DeleteClusterCommand({ cluster: 'main' }))).rejects.toMatchObject({
      name: 'ClusterContainsTasksException',
    })
    await cloud.ecs.send(new StopTaskCommand({ cluster: 'main', task: taskArn }))
  })
})

describe('services', () => {
  const vpc = {
    awsvpcConfiguration: {
      subnets: ['subnet-1', 'subnet-2'],
      securityGroups: ['sg-1'],
      assignPublicIp: 'DISABLED' as const,
    },
  }

  test('are there to copy settings from', async () => {
    await cloud.ecs.send(
      new CreateServiceCommand({
        cluster: 'main',
        serviceName: 'web',
        taskDefinition: definition,
        desiredCount: 0,
        launchType: 'FARGATE',
        networkConfiguration: vpc,
      }),
    )
    const { services, failures } = await cloud.ecs.send(
      new DescribeServicesCommand({ cluster: 'main', services: ['web', 'none'] }),
    )
    expect(services).toMatchObject([
      {
        serviceName: 'web',
        status: 'ACTIVE',
        launchType: 'FARGATE',
        platformVersion: 'LATEST',
        networkConfiguration: vpc,
        taskDefinition: definition,
        desiredCount: 0,
      },
    ])
    expect(failures).toMatchObject([{ arn: 'arn:aws:ecs:eu-west-1:123456789012:service/main/none', reason: 'MISSING' }])
  })
})
