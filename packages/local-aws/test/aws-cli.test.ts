import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { describeWith } from '../../../test/support/parts.ts'
import { network, role, type StartedCloud, startedCloud } from './support/cloud.ts'

let cloud: StartedCloud
let home: string
beforeAll(async () => {
  cloud = await startedCloud()
  home = await mkdtemp(join(tmpdir(), 'local-aws-home-'))
})
afterAll(async () => {
  await cloud.stop()
  await rm(home, { recursive: true, force: true })
})

interface Answer {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function aws(...args: string[]): Promise<Answer> {
  // pyenv and friends find the command by its own environment; AWS's own settings must not leak in
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_'))
  const env = {
    ...Object.fromEntries(inherited),
    ...cloud.aws.environment(),
    HOME: home,
    AWS_MAX_ATTEMPTS: '1',
    AWS_PAGER: '',
  }
  return new Promise(resolve => {
    execFile('aws', args, { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? 1 : 0, stdout, stderr })
    })
  })
}

async function json(...args: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await aws(...args, '--output', 'json')
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(stdout)
}

describeWith(['AWS CLI'], 'the AWS CLI', () => {
  test('who am I', async () => {
    expect(await json('sts', 'get-caller-identity')).toEqual({
      UserId: 'AROALOCALAWSEXAMPLE00:deploy',
      Account: '123456789012',
      Arn: 'arn:aws:sts::123456789012:assumed-role/local/deploy',
    })
  })

  test('a task from register to its log', async () => {
    const containers = JSON.stringify([cloud.container('app', ['say', 'from the CLI', '3'])])
    const register = [
      'ecs',
      'register-task-definition',
      '--family',
      'cli',
      '--network-mode',
      'awsvpc',
      '--requires-compatibilities',
      'FARGATE',
    ]
    expect(
      await json(
        ...register,
        '--cpu',
        '256',
        '--memory',
        '512',
        '--execution-role-arn',
        role,
        '--container-definitions',
        containers,
      ),
    ).toMatchObject({ taskDefinition: { revision: 1 } })
    const run = await aws(
      ...['ecs', 'run-task', '--cluster', 'main', '--task-definition', 'cli', '--launch-type', 'FARGATE'],
      ...['--network-configuration', JSON.stringify(network), '--query', 'tasks[0].taskArn', '--output', 'text'],
    )
    const task = run.stdout.trim()
    expect(task).toMatch(/^arn:aws:ecs:eu-west-1:123456789012:task\/main\/[0-9a-f]{32}$/)
    await cloud.stopped(task)
    expect((await aws('ecs', 'wait', 'tasks-stopped', '--cluster', 'main', '--tasks', task)).code).toBe(0)
    expect(await json('ecs', 'describe-tasks', '--cluster', 'main', '--tasks', task)).toMatchObject({
      tasks: [{ lastStatus: 'STOPPED', stopCode: 'EssentialContainerExited', containers: [{ exitCode: 3 }] }],
      failures: [],
    })
    const stream = `test/app/${task.split('/').at(-1)}`
    const events = await json(
      'logs',
      'get-log-events',
      '--log-group-name',
      '/ecs/test',
      '--log-stream-name',
      stream,
      '--start-from-head',
    )
    expect(events).toMatchObject({ events: [{ message: 'from the CLI' }] })
  })

  test('secrets and parameters', async () => {
    await json('secretsmanager', 'create-secret', '--name', 'cli', '--secret-string', 'x')
    expect(await json('secretsmanager', 'get-secret-value', '--secret-id', 'cli')).toMatchObject({ SecretString: 'x' })
    await json('ssm', 'put-parameter', '--name', '/cli', '--value', 'y', '--type', 'String')
    expect(await json('ssm', 'get-parameter', '--name', '/cli')).toMatchObject({ Parameter: { Value: 'y' } })
    expect(await json('ssm', 'describe-parameters', '--parameter-filters', 'Key=Name,Values=/cli')).toMatchObject({
      Parameters: [{ Name: '/cli' }],
    })
  })

  test('errors come in AWS’s own form', async () => {
    const { code, stderr } = await aws('ecs', 'describe-tasks', '--cluster', 'none', '--tasks', 'x')
    expect(code).toBeGreaterThan(0)
    expect(stderr).toContain(
      'An error occurred (ClusterNotFoundException) when calling the DescribeTasks operation: Cluster not found.',
    )
    cloud.aws.addFault({ service: 'sts', kind: 'expired', times: 1 })
    expect((await aws('sts', 'get-caller-identity')).stderr).toContain(
      'An error occurred (ExpiredToken) when calling the GetCallerIdentity operation: The security token included in the request is expired',
    )
  })

  test('logs: groups page by page', async () => {
    for (const name of ['/p/1', '/p/2', '/p/3']) await aws('logs', 'create-log-group', '--log-group-name', name)
    const names = await aws(
      'logs',
      'describe-log-groups',
      '--log-group-name-prefix',
      '/p/',
      '--page-size',
      '1',
      '--query',
      'logGroups[].logGroupName',
      '--output',
      'text',
    )
    expect(names.stdout.trim().split(/\s+/)).toEqual(['/p/1', '/p/2', '/p/3'])
  })
})
