import { CloudWatchLogsClient, CreateLogGroupCommand, GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs'
import {
  type ContainerDefinition,
  CreateClusterCommand,
  DescribeTasksCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionCommandInput,
  RunTaskCommand,
  type RunTaskCommandInput,
  type Task,
} from '@aws-sdk/client-ecs'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { SSMClient } from '@aws-sdk/client-ssm'
import { STSClient } from '@aws-sdk/client-sts'
import { type LocalAws, type LocalAwsOptions, startLocalAws } from '../../src/index.ts'
import { pushImage } from './image.ts'

export const role = 'arn:aws:iam::123456789012:role/execution'
export const network = { awsvpcConfiguration: { subnets: ['subnet-0a1b2c3d'] } }

/**
 * A program that does what its arguments say, in the image of these tests. Containers of one image share its folder:
 * one that waits makes the file MARK there when its signal handlers are in place, and another can wait for that.
 */
const actor = `
const { existsSync, writeFileSync } = require('node:fs')
const [what = '', ...rest] = process.argv.slice(2)
const ready = () => { console.log('ready'); if (process.env.MARK) writeFileSync(process.env.MARK, ''); setInterval(() => {}, 1000) }
const acts = {
  exit: code => process.exit(Number(code)),
  say: (text, code = '0') => { console.log(text); process.exit(Number(code)) },
  env: name => { console.log(process.env[name]); process.exit(0) },
  sleep: (ms, code = '0') => setTimeout(() => process.exit(Number(code)), Number(ms)),
  wait: () => { process.on('SIGTERM', () => { console.log('got SIGTERM'); process.exit(0) }); ready() },
  stubborn: () => { process.on('SIGTERM', () => console.log('ignored SIGTERM')); ready() },
  after: (mark, code) => setInterval(() => existsSync(mark) && process.exit(Number(code)), 5),
  lines: count => { let text = ''; for (let n = 0; n < Number(count); n++) text += 'line ' + n + '\\n'; process.stdout.write(text, () => process.exit(0)) },
}
acts[what]?.(...rest)
`

/** A local AWS with a cluster, an image, a log group and clients. */
export async function startedCloud(options: LocalAwsOptions = {}) {
  const aws = await startLocalAws({ speed: 400, ...options })
  const settings = {
    endpoint: aws.endpoint,
    region: 'eu-west-1',
    maxAttempts: 1,
    credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'any' },
  }
  const ecs = new ECSClient(settings)
  const logs = new CloudWatchLogsClient(settings)
  const secrets = new SecretsManagerClient(settings)
  const ssm = new SSMClient(settings)
  const sts = new STSClient(settings)
  await ecs.send(new CreateClusterCommand({ clusterName: 'main', capacityProviders: ['FARGATE', 'FARGATE_SPOT'] }))
  await logs.send(new CreateLogGroupCommand({ logGroupName: '/ecs/test' }))
  const image = await pushImage(aws, 'actor', {
    files: { 'app/actor.js': actor },
    workingDirectory: '/app',
    entryPoint: ['node', 'actor.js'],
  })
  return { aws, settings, ecs, logs, secrets, ssm, sts, image, ...actions(aws, ecs, logs, image) }
}

export type StartedCloud = Awaited<ReturnType<typeof startedCloud>>

function actions(aws: LocalAws, ecs: ECSClient, logs: CloudWatchLogsClient, image: string) {
  /** A container with logs and defaults for what a test does not care about. */
  function container(
    name: string,
    command: readonly string[],
    more: Partial<ContainerDefinition> = {},
  ): ContainerDefinition {
    return {
      name,
      image,
      command: [...command],
      logConfiguration: {
        logDriver: 'awslogs',
        options: { 'awslogs-group': '/ecs/test', 'awslogs-region': 'eu-west-1', 'awslogs-stream-prefix': 'test' },
      },
      ...more,
    }
  }
  let families = 0
  async function register(
    containerDefinitions: ContainerDefinition[],
    more: Partial<RegisterTaskDefinitionCommandInput> = {},
  ): Promise<string> {
    families += 1
    const { taskDefinition } = await ecs.send(
      new RegisterTaskDefinitionCommand({
        family: `family-${families}`,
        networkMode: 'awsvpc',
        requiresCompatibilities: ['FARGATE'],
        cpu: '256',
        memory: '512',
        executionRoleArn: role,
        containerDefinitions,
        ...more,
      }),
    )
    return taskDefinition?.taskDefinitionArn ?? ''
  }
  async function start(
    taskDefinition: string,
    more: Partial<RunTaskCommandInput> = {},
  ): Promise<Task & { taskArn: string }> {
    const { tasks, failures } = await ecs.send(
      new RunTaskCommand({
        cluster: 'main',
        taskDefinition,
        launchType: 'FARGATE',
        networkConfiguration: network,
        ...more,
      }),
    )
    const [task] = tasks ?? []
    if (!task?.taskArn) throw new Error(`no task: ${JSON.stringify(failures)}`)
    return { ...task, taskArn: task.taskArn }
  }
  async function described(taskArn: string): Promise<Task> {
    const { tasks } = await ecs.send(new DescribeTasksCommand({ cluster: 'main', tasks: [taskArn] }))
    const [task] = tasks ?? []
    if (!task) throw new Error(`no such task: ${taskArn}`)
    return task
  }
  /** polls until the condition holds; every status that was seen is kept in order */
  async function until(taskArn: string, condition: (task: Task) => boolean, seen: string[] = []): Promise<Task> {
    for (const end = Date.now() + 20_000; Date.now() < end; ) {
      const task = await described(taskArn)
      if (seen.at(-1) !== task.lastStatus) seen.push(task.lastStatus ?? '')
      if (condition(task)) return task
      await new Promise(resolve => setTimeout(resolve, 5))
    }
    throw new Error(`not reached: ${JSON.stringify(await described(taskArn))}`)
  }
  async function lines(taskArn: string, name: string): Promise<string[]> {
    const stream = {
      logGroupName: '/ecs/test',
      logStreamName: `test/${name}/${taskArn.split('/').at(-1)}`,
      startFromHead: true,
    }
    const messages: string[] = []
    for (let nextToken: string | undefined; ; ) {
      const page = await logs.send(new GetLogEventsCommand({ ...stream, nextToken }))
      messages.push(...(page.events ?? []).map(({ message }) => message ?? ''))
      if (page.nextForwardToken === nextToken) return messages
      nextToken = page.nextForwardToken
    }
  }
  return {
    container,
    register,
    start,
    described,
    until,
    stopped: (taskArn: string, seen?: string[]) => until(taskArn, ({ lastStatus }) => lastStatus === 'STOPPED', seen),
    /** runs one task of these containers to its end */
    async ran(containers: ContainerDefinition[], more: Partial<RunTaskCommandInput> = {}): Promise<Task> {
      const { taskArn } = await start(await register(containers), more)
      return await until(taskArn, ({ lastStatus }) => lastStatus === 'STOPPED')
    },
    /** waits until the container has printed something: its signal handlers are in place */
    async speaking(taskArn: string, name: string): Promise<void> {
      await until(taskArn, ({ lastStatus }) => lastStatus === 'RUNNING')
      while ((await lines(taskArn, name)).length === 0) await new Promise(resolve => setTimeout(resolve, 5))
    },
    lines,
    async stop() {
      for (const client of [ecs, logs]) client.destroy()
      await aws.stop()
    },
  }
}

export function containerOf(task: Task, name: string) {
  const found = task.containers?.find(container => container.name === name)
  if (!found) throw new Error(`no container ${name}`)
  return found
}
