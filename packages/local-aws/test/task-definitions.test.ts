import {
  type ContainerDefinition,
  DeregisterTaskDefinitionCommand,
  DescribeTaskDefinitionCommand,
  ListTagsForResourceCommand,
  ListTaskDefinitionFamiliesCommand,
  ListTaskDefinitionsCommand,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionCommandInput,
  TagResourceCommand,
} from '@aws-sdk/client-ecs'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { role, type StartedCloud, startedCloud } from './support/cloud.ts'

let cloud: StartedCloud
beforeAll(async () => {
  cloud = await startedCloud()
})
afterAll(async () => {
  await cloud.stop()
})

const app: ContainerDefinition = { name: 'app', image: 'public.ecr.aws/x/y:1' }
const awslogs = (options: Record<string, string>) => ({ logConfiguration: { logDriver: 'awslogs' as const, options } })

/** The message with which a definition is refused. */
async function refusal(
  containers: ContainerDefinition[],
  more: Partial<RegisterTaskDefinitionCommandInput> = {},
): Promise<string> {
  const input = {
    family: 'refused',
    networkMode: 'awsvpc' as const,
    requiresCompatibilities: ['FARGATE' as const],
    cpu: '256',
    memory: '512',
    containerDefinitions: containers,
    ...more,
  }
  const error: unknown = await cloud.ecs
    .send(new RegisterTaskDefinitionCommand(input))
    .catch((thrown: unknown) => thrown)
  if (!(error instanceof Error)) throw new Error('it was accepted')
  return `${error.name}: ${error.message}`
}

describe('what AWS stores', () => {
  test('server defaults, revision, status, compatibilities, required attributes', async () => {
    const { taskDefinition } = await cloud.ecs.send(
      new RegisterTaskDefinitionCommand({
        family: 'stored',
        networkMode: 'awsvpc',
        requiresCompatibilities: ['FARGATE'],
        cpu: '1 vCPU',
        memory: '2 GB',
        executionRoleArn: role,
        containerDefinitions: [
          {
            ...app,
            image: cloud.image,
            portMappings: [{ containerPort: 8080 }],
            healthCheck: { command: ['CMD', 'true'] },
            ...awslogs({ 'awslogs-group': '/g', 'awslogs-region': 'eu-west-1', 'awslogs-stream-prefix': 'p' }),
          },
        ],
      }),
    )
    expect(taskDefinition).toMatchObject({
      taskDefinitionArn: 'arn:aws:ecs:eu-west-1:123456789012:task-definition/stored:1',
      revision: 1,
      status: 'ACTIVE',
      cpu: '1024',
      memory: '2048',
      compatibilities: ['EC2', 'FARGATE'],
      requiresCompatibilities: ['FARGATE'],
      volumes: [],
      placementConstraints: [],
      registeredAt: expect.any(Date),
      registeredBy: 'arn:aws:sts::123456789012:assumed-role/local/deploy',
      containerDefinitions: [
        {
          name: 'app',
          cpu: 0,
          essential: true,
          environment: [],
          mountPoints: [],
          volumesFrom: [],
          systemControls: [],
          portMappings: [{ containerPort: 8080, hostPort: 8080, protocol: 'tcp' }],
          healthCheck: { command: ['CMD', 'true'], interval: 30, timeout: 5, retries: 3 },
        },
      ],
    })
    expect(taskDefinition?.requiresAttributes?.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'com.amazonaws.ecs.capability.logging-driver.awslogs',
        'com.amazonaws.ecs.capability.ecr-auth',
        'ecs.capability.task-eni',
      ]),
    )
    const described = await cloud.ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition: 'stored' }))
    expect(described.taskDefinition).toEqual(taskDefinition)
    expect(described.tags).toBeUndefined()
  })

  test('revisions count up; a family means its latest ACTIVE one', async () => {
    const register = () =>
      cloud.ecs.send(new RegisterTaskDefinitionCommand({ family: 'many', memory: '128', containerDefinitions: [app] }))
    await register()
    await register()
    const { taskDefinition } = await register()
    expect(taskDefinition?.revision).toBe(3)
    const gone = await cloud.ecs.send(new DeregisterTaskDefinitionCommand({ taskDefinition: 'many:3' }))
    expect(gone.taskDefinition).toMatchObject({ status: 'INACTIVE', deregisteredAt: expect.any(Date) })
    const revision = async (taskDefinition: string) =>
      (await cloud.ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition }))).taskDefinition?.revision
    expect(await revision('many')).toBe(2)
    expect(await revision('many:3')).toBe(3)
    expect(await revision('arn:aws:ecs:eu-west-1:123456789012:task-definition/many:1')).toBe(1)
    const listed = await cloud.ecs.send(
      new ListTaskDefinitionsCommand({ familyPrefix: 'many', sort: 'DESC', maxResults: 1 }),
    )
    expect(listed.taskDefinitionArns).toEqual(['arn:aws:ecs:eu-west-1:123456789012:task-definition/many:2'])
    const next = await cloud.ecs.send(
      new ListTaskDefinitionsCommand({
        familyPrefix: 'many',
        sort: 'DESC',
        maxResults: 1,
        nextToken: listed.nextToken,
      }),
    )
    expect(next.taskDefinitionArns).toEqual(['arn:aws:ecs:eu-west-1:123456789012:task-definition/many:1'])
    expect(next.nextToken).toBeUndefined()
    const families = await cloud.ecs.send(new ListTaskDefinitionFamiliesCommand({ familyPrefix: 'man' }))
    expect(families.families).toEqual(['many'])
  })

  test('tags come only when asked for', async () => {
    const { taskDefinition, tags } = await cloud.ecs.send(
      new RegisterTaskDefinitionCommand({
        family: 'tagged',
        memory: '128',
        containerDefinitions: [app],
        tags: [{ key: 'a', value: '1' }],
      }),
    )
    expect(tags).toEqual([{ key: 'a', value: '1' }])
    const resourceArn = taskDefinition?.taskDefinitionArn
    await cloud.ecs.send(new TagResourceCommand({ resourceArn, tags: [{ key: 'b', value: '2' }] }))
    const both = [
      { key: 'a', value: '1' },
      { key: 'b', value: '2' },
    ]
    expect((await cloud.ecs.send(new ListTagsForResourceCommand({ resourceArn }))).tags).toEqual(both)
    expect(
      (await cloud.ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition: 'tagged', include: ['TAGS'] }))).tags,
    ).toEqual(both)
    expect((await cloud.ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition: 'tagged' }))).tags).toBeUndefined()
  })

  test('an unknown one', async () => {
    await expect(cloud.ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition: 'none' }))).rejects.toMatchObject({
      name: 'ClientException',
      message: 'Unable to describe task definition.',
    })
  })
})

describe('what AWS refuses', () => {
  const dependsOn = (containerName: string, condition: 'START' | 'COMPLETE' | 'SUCCESS' | 'HEALTHY') => ({
    dependsOn: [{ containerName, condition }],
  })
  const options = { 'awslogs-group': '/g', 'awslogs-region': 'eu-west-1' }

  test.each<[string, ContainerDefinition[], Partial<RegisterTaskDefinitionCommandInput>, string]>([
    ['family', [app], { family: 'a b' }, 'Family contains invalid characters.'],
    ['no container', [], {}, 'Container list cannot be empty.'],
    ['no essential container', [{ ...app, essential: false }], {}, 'At least one container must be essential.'],
    ['no image', [{ name: 'app' }], {}, 'Container.image should not be null or empty.'],
    ['name', [{ ...app, name: 'a.b' }], {}, "Invalid container name 'a.b'."],
    ['names twice', [app, app], {}, 'Container names must be unique'],
    ['Fargate without awsvpc', [app], { networkMode: 'bridge' }, 'Fargate only supports network mode'],
    ['Fargate without size', [app], { cpu: undefined }, "Fargate requires that 'cpu' be defined at the task level."],
    [
      'Fargate size',
      [app],
      { cpu: '256', memory: '4096' },
      'No Fargate configuration exists for given values: 256 CPU, 4096 memory.',
    ],
    [
      'awslogs without execution role',
      [{ ...app, ...awslogs({ ...options, 'awslogs-stream-prefix': 'p' }) }],
      {},
      'Fargate requires task definition to have execution role ARN to support log driver awslogs.',
    ],
    [
      'awslogs without prefix on Fargate',
      [{ ...app, ...awslogs(options) }],
      { executionRoleArn: role },
      'Log driver awslogs requires options: awslogs-stream-prefix',
    ],
    [
      'awslogs without options',
      [{ ...app, ...awslogs({}) }],
      { executionRoleArn: role },
      'Log driver awslogs requires options: awslogs-region, awslogs-group',
    ],
    [
      'log driver on Fargate',
      [{ ...app, logConfiguration: { logDriver: 'json-file' } }],
      {},
      'Fargate does not support log driver json-file.',
    ],
    [
      'secrets without execution role',
      [{ ...app, secrets: [{ name: 'A', valueFrom: 'a' }] }],
      {},
      "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
    ],
    [
      'a secret with the name of a variable',
      [{ ...app, secrets: [{ name: 'A', valueFrom: 'a' }], environment: [{ name: 'A', value: 'x' }] }],
      { executionRoleArn: role },
      "The secret name must be unique and not shared with any new or existing environment variables set on the container, such as 'A'.",
    ],
    [
      'ports in awsvpc',
      [{ ...app, portMappings: [{ containerPort: 80, hostPort: 8080 }] }],
      {},
      'When networkMode=awsvpc, the host ports and container ports in port mappings must match.',
    ],
    [
      'EC2 without memory',
      [app],
      { requiresCompatibilities: ['EC2'], memory: undefined },
      "At least one of 'memory' or 'memoryReservation' must be specified.",
    ],
    ['stopTimeout on Fargate', [{ ...app, stopTimeout: 121 }], {}, "'stopTimeout' must be at most 120 seconds"],
    ['depends on nobody', [{ ...app, ...dependsOn('db', 'START') }], {}, "container 'db' is not another container"],
    ['depends on itself', [{ ...app, ...dependsOn('app', 'START') }], {}, "container 'app' is not another container"],
    [
      'SUCCESS of an essential container',
      [app, { ...app, name: 'b', ...dependsOn('app', 'SUCCESS') }],
      {},
      "Container 'app' cannot be essential",
    ],
    [
      'COMPLETE of an essential container',
      [app, { ...app, name: 'b', ...dependsOn('app', 'COMPLETE') }],
      {},
      "Container 'app' cannot be essential",
    ],
    [
      'HEALTHY without health check',
      [app, { ...app, name: 'b', ...dependsOn('app', 'HEALTHY') }],
      {},
      "Container 'app' must have a health check",
    ],
    [
      'a cycle',
      [
        { ...app, ...dependsOn('b', 'START') },
        { ...app, name: 'b', ...dependsOn('app', 'START') },
      ],
      {},
      'Container dependencies form a cycle.',
    ],
    [
      'health check without CMD',
      [{ ...app, healthCheck: { command: ['curl'] } }],
      {},
      'the command must start with CMD or CMD-SHELL',
    ],
    [
      'health check interval',
      [{ ...app, healthCheck: { command: ['CMD', 'a'], interval: 1 } }],
      {},
      'interval must be between 5 and 300',
    ],
  ])('%s', async (_name, containers, more, text) => {
    expect(await refusal(containers, more)).toContain(`ClientException: `)
    expect(await refusal(containers, more)).toContain(text)
  })

  test('ECR images without execution role on Fargate', async () => {
    const text = 'Fargate requires task definition to have execution role ARN to support ECR images.'
    expect(await refusal([{ ...app, image: cloud.image }])).toContain(text)
    expect(await refusal([{ ...app, image: '123456789012.dkr.ecr.eu-west-1.amazonaws.com/a:1' }])).toContain(text)
  })
})
