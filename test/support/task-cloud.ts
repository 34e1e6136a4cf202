import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type JournalEntry, type LocalAws, type LocalAwsOptions, startLocalAws } from '@aws-deploy-actions/local-aws'
import type { JavaScriptActionResult, RunningAction } from '@aws-deploy-actions/rehearsal'
import { CloudWatchLogsClient, CreateLogGroupCommand } from '@aws-sdk/client-cloudwatch-logs'
import {
  type ContainerDefinition,
  CreateClusterCommand,
  DescribeTasksCommand,
  ECSClient,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionCommandInput,
  type Task,
} from '@aws-sdk/client-ecs'
import { pushImage } from '../../packages/local-aws/test/support/image.ts'
import { requireValidReport } from './report.ts'
import { runAction, startAction } from './started-actions.ts'

/** A local AWS with a cluster, a log group and an image, and the means to run an action's bundle in it. */
export interface TaskCloud {
  readonly aws: LocalAws
  readonly ecs: ECSClient
  readonly image: string
  /** registers a Fargate task definition; a container is its name and shell script, or a definition */
  register(
    family: string,
    containers: Readonly<Record<string, string | Partial<ContainerDefinition>>>,
    more?: Partial<RegisterTaskDefinitionCommandInput>,
  ): Promise<string>
  run(
    inputs: Readonly<Record<string, string>>,
    action?: string,
    variables?: Readonly<Record<string, string>>,
  ): Promise<JavaScriptActionResult>
  start(
    inputs: Readonly<Record<string, string>>,
    action?: string,
    onOutput?: (text: string) => void,
  ): Promise<RunningAction>
  /** as `run`, with a workspace that holds files */
  runIn(workspace: string, inputs: Readonly<Record<string, string>>, action?: string): Promise<JavaScriptActionResult>
  /** RUNNER_TEMP of every run */
  readonly temp: string
  /** what was called, in order: `RunTask`, `DescribeTasks`, … */
  calls(operation: string): JournalEntry[]
  /** every task of the cluster, whatever its state */
  tasks(): Promise<Task[]>
  stop(): Promise<void>
}

export const CLUSTER = 'apps'
export const LOG_GROUP = '/ecs/app'
const ACTIONS = new URL('../../actions/', import.meta.url).pathname

export async function startTaskCloud(options: LocalAwsOptions = {}): Promise<TaskCloud> {
  const aws = await startLocalAws({ speed: 50, ...options })
  const environment = aws.environment()
  const config = {
    endpoint: aws.endpoint,
    region: 'eu-west-1',
    credentials: {
      accessKeyId: environment['AWS_ACCESS_KEY_ID'] ?? '',
      secretAccessKey: environment['AWS_SECRET_ACCESS_KEY'] ?? '',
    },
  }
  const ecs = new ECSClient(config)
  const logs = new CloudWatchLogsClient(config)
  await ecs.send(new CreateClusterCommand({ clusterName: CLUSTER, capacityProviders: ['FARGATE', 'FARGATE_SPOT'] }))
  await logs.send(new CreateLogGroupCommand({ logGroupName: LOG_GROUP }))
  const image = await pushImage(
    aws,
    'app',
    { files: { 'app/readme': 'the test application' }, workingDirectory: '/app' },
    '1',
  )
  const temp = await mkdtemp(join(tmpdir(), 'task-cloud-'))
  const runnerOptions = (inputs: Readonly<Record<string, string>>) => ({
    temp,
    inputs: { cluster: CLUSTER, subnets: 'subnet-0a1b2c', ...inputs },
    environment: { ...environment, GITHUB_RUN_ID: '4711', GITHUB_RUN_ATTEMPT: '1', GITHUB_REPOSITORY: 'acme/shop' },
  })
  return {
    aws,
    ecs,
    image,
    register: async (family, containers, more = {}) => {
      const { taskDefinition } = await ecs.send(
        new RegisterTaskDefinitionCommand({
          family,
          networkMode: 'awsvpc',
          requiresCompatibilities: ['FARGATE'],
          cpu: '256',
          memory: '512',
          executionRoleArn: `arn:aws:iam::${aws.accountId}:role/execution`,
          containerDefinitions: Object.entries(containers).map(([name, container]) => ({
            name,
            image,
            logConfiguration: awslogs(),
            ...(typeof container === 'string' ? { entryPoint: ['sh', '-c'], command: [container] } : container),
          })),
          ...more,
        }),
      )
      return taskDefinition?.taskDefinitionArn ?? ''
    },
    run: async (inputs, action = 'run-ecs-task', variables = {}) => {
      const { environment: own, ...options } = runnerOptions(inputs)
      const result = await runAction(join(ACTIONS, action), {
        ...options,
        environment: { ...own, ...variables },
      })
      requireValidReport(result)
      return result
    },
    runIn: (workspace, inputs, action = 'run-ecs-task') =>
      runAction(join(ACTIONS, action), { ...runnerOptions(inputs), workspace }),
    temp,
    start: (inputs, action = 'run-ecs-task', onOutput) =>
      startAction(join(ACTIONS, action), {
        ...runnerOptions(inputs),
        ...(onOutput === undefined ? {} : { onOutput }),
      }),
    calls: operation => aws.journal().filter(entry => entry.operation === operation),
    tasks: async () => {
      const arns: string[] = []
      for (const desiredStatus of ['RUNNING', 'STOPPED'] as const) {
        arns.push(...((await ecs.send(new ListTasksCommand({ cluster: CLUSTER, desiredStatus }))).taskArns ?? []))
      }
      return arns.length === 0
        ? []
        : ((await ecs.send(new DescribeTasksCommand({ cluster: CLUSTER, tasks: arns }))).tasks ?? [])
    },
    stop: async () => {
      ecs.destroy()
      logs.destroy()
      await aws.stop()
      await rm(temp, { recursive: true, force: true })
    },
  }
}

/** Looks every 50 ms until `look` is true; an error after so long (ms). */
export async function until(what: string, look: () => boolean | Promise<boolean>, mostMs = 75_000): Promise<void> {
  const end = Date.now() + mostMs
  while (!(await look())) {
    if (Date.now() > end) throw new Error(`not within ${mostMs} ms: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

export function awslogs(group = LOG_GROUP): NonNullable<ContainerDefinition['logConfiguration']> {
  return {
    logDriver: 'awslogs',
    options: { 'awslogs-group': group, 'awslogs-region': 'eu-west-1', 'awslogs-stream-prefix': 'app' },
  }
}
