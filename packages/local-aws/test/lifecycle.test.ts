import { StopTaskCommand } from '@aws-sdk/client-ecs'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { containerOf, type StartedCloud, startedCloud } from './support/cloud.ts'
import { pushImage } from './support/image.ts'

let cloud: StartedCloud
/** where a test has to look at a state that passes */
let slow: StartedCloud
beforeAll(async () => {
  cloud = await startedCloud()
  slow = await startedCloud({ speed: 20 })
})
afterAll(async () => {
  await cloud.stop()
  await slow.stop()
})

const marked = (mark: string) => ({ essential: false, environment: [{ name: 'MARK', value: mark }] })

describe('a task', () => {
  test('goes through the states in AWS’s order, with its times in order', async () => {
    const { taskArn } = await slow.start(await slow.register([slow.container('app', ['sleep', '300', '0'])]))
    const seen: string[] = []
    const task = await slow.stopped(taskArn, seen)
    const order = [
      'PROVISIONING',
      'PENDING',
      'ACTIVATING',
      'RUNNING',
      'DEACTIVATING',
      'STOPPING',
      'DEPROVISIONING',
      'STOPPED',
    ]
    // a state may pass between two looks, never come back
    expect(seen).toEqual(order.filter(status => seen.includes(status)))
    expect(seen).toEqual(expect.arrayContaining(['PROVISIONING', 'RUNNING', 'DEPROVISIONING', 'STOPPED']))
    const times = [
      task.createdAt,
      task.connectivityAt,
      task.pullStartedAt,
      task.pullStoppedAt,
      task.startedAt,
      task.executionStoppedAt,
      task.stoppingAt,
      task.stoppedAt,
    ]
    const known = times.map(time => time?.getTime() ?? Number.NaN)
    expect(known).toEqual([...known].sort((a, b) => a - b))
    expect(task).toMatchObject({
      desiredStatus: 'STOPPED',
      stopCode: 'EssentialContainerExited',
      stoppedReason: 'Essential container in task exited',
    })
    expect(containerOf(task, 'app')).toMatchObject({
      lastStatus: 'STOPPED',
      exitCode: 0,
      imageDigest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
    })
  })

  test('shows the exit code before it is STOPPED', async () => {
    const { taskArn } = await slow.start(await slow.register([slow.container('app', ['exit', '7'])]))
    const task = await slow.until(taskArn, now => containerOf(now, 'app').exitCode !== undefined)
    expect(task.lastStatus).not.toBe('STOPPED')
    expect(task.executionStoppedAt).toBeInstanceOf(Date)
    expect(containerOf(await slow.stopped(taskArn), 'app').exitCode).toBe(7)
  })
})

describe('essential', () => {
  test('the rest gets SIGTERM when an essential container ends', async () => {
    const task = await cloud.ran([
      cloud.container('app', ['after', 'm1', '5']),
      cloud.container('sidecar', ['wait'], marked('m1')),
    ])
    expect(containerOf(task, 'app').exitCode).toBe(5)
    expect(containerOf(task, 'sidecar').exitCode).toBe(0)
    expect(await cloud.lines(task.taskArn ?? '', 'sidecar')).toEqual(['ready', 'got SIGTERM'])
  })

  test('SIGKILL follows after stopTimeout', async () => {
    const task = await cloud.ran([
      cloud.container('app', ['after', 'm2', '0']),
      cloud.container('sidecar', ['stubborn'], { ...marked('m2'), stopTimeout: 2 }),
    ])
    expect(containerOf(task, 'sidecar').exitCode).toBe(137)
    expect(await cloud.lines(task.taskArn ?? '', 'sidecar')).toEqual(['ready', 'ignored SIGTERM'])
  })

  test('a container that is not essential may end first', async () => {
    const task = await cloud.ran([
      cloud.container('early', ['exit', '1'], { essential: false }),
      cloud.container('app', ['sleep', '200', '0']),
    ])
    expect(containerOf(task, 'early').exitCode).toBe(1)
    expect(containerOf(task, 'app').exitCode).toBe(0)
    expect(task.stopCode).toBe('EssentialContainerExited')
  })
})

describe('dependsOn', () => {
  const after = (containerName: string, condition: 'START' | 'COMPLETE' | 'SUCCESS' | 'HEALTHY') => ({
    dependsOn: [{ containerName, condition }],
  })

  test.each(['COMPLETE', 'SUCCESS'] as const)('%s: starts when the other has ended', async condition => {
    const task = await cloud.ran([
      cloud.container('init', ['sleep', '100', '0'], { essential: false }),
      cloud.container('app', ['say', 'hello'], after('init', condition)),
    ])
    expect(containerOf(task, 'init').exitCode).toBe(0)
    expect(containerOf(task, 'app').exitCode).toBe(0)
    expect(await cloud.lines(task.taskArn ?? '', 'app')).toEqual(['hello'])
  })

  test('COMPLETE does not mind a failure', async () => {
    const task = await cloud.ran([
      cloud.container('init', ['exit', '4'], { essential: false }),
      cloud.container('app', ['exit', '0'], after('init', 'COMPLETE')),
    ])
    expect(containerOf(task, 'app').exitCode).toBe(0)
  })

  test('SUCCESS: a failure gives the dependent a synthetic 143 and the task never runs', async () => {
    const task = await cloud.ran([
      cloud.container('init', ['exit', '4'], { essential: false }),
      cloud.container('app', ['say', 'no'], after('init', 'SUCCESS')),
    ])
    expect(containerOf(task, 'app')).toMatchObject({
      exitCode: 143,
      reason: expect.stringMatching(
        /^CannotStartContainerError: dependency graph: failed to resolve container ordering dependency \[init\(.*\) \(STOPPED->RUNNING\) - Exit: 4\] .* as dependency did not exit successfully\.$/,
      ),
    })
    expect(task.startedAt).toBeUndefined()
    expect(task.stopCode).toBe('TaskFailedToStart')
  })

  test('HEALTHY: starts after the first passed check', async () => {
    const task = await cloud.ran([
      cloud.container('db', ['wait'], { essential: false, healthCheck: { command: ['CMD', 'true'], interval: 5 } }),
      cloud.container('app', ['exit', '0'], after('db', 'HEALTHY')),
    ])
    expect(containerOf(task, 'db').healthStatus).toBe('HEALTHY')
    expect(containerOf(task, 'app').exitCode).toBe(0)
  })

  test('HEALTHY: startTimeout of the other gives up', async () => {
    const task = await cloud.ran([
      cloud.container('db', ['wait'], {
        essential: false,
        startTimeout: 2,
        healthCheck: { command: ['CMD-SHELL', 'exit 1'], interval: 5 },
      }),
      cloud.container('app', ['exit', '0'], after('db', 'HEALTHY')),
    ])
    expect(containerOf(task, 'app')).toMatchObject({ exitCode: 143, reason: expect.stringContaining('has timed out.') })
    expect(containerOf(task, 'db').exitCode).toBe(0)
  })

  test('START: an order, no more', async () => {
    const task = await cloud.ran([
      cloud.container('first', ['wait'], marked('m3')),
      cloud.container('app', ['after', 'm3', '0'], after('first', 'START')),
    ])
    expect(containerOf(task, 'app').exitCode).toBe(0)
    expect(containerOf(task, 'first').exitCode).toBe(0)
  })
})

describe('health checks', () => {
  test('a failing check makes container and task UNHEALTHY and stops neither', async () => {
    const { taskArn } = await cloud.start(
      await cloud.register([
        cloud.container('app', ['wait'], {
          healthCheck: { command: ['CMD-SHELL', 'exit 3'], interval: 5, retries: 2 },
        }),
      ]),
    )
    const task = await cloud.until(taskArn, ({ healthStatus }) => healthStatus === 'UNHEALTHY')
    expect(containerOf(task, 'app')).toMatchObject({ lastStatus: 'RUNNING', healthStatus: 'UNHEALTHY' })
    await cloud.ecs.send(new StopTaskCommand({ cluster: 'main', task: taskArn }))
    await cloud.stopped(taskArn)
  })

  test('failures in the start period do not count', async () => {
    const healthCheck = { command: ['CMD-SHELL', 'exit 3'], interval: 5, retries: 1, startPeriod: 300 }
    const { taskArn } = await slow.start(await slow.register([slow.container('app', ['wait'], { healthCheck })]))
    await slow.until(taskArn, ({ lastStatus }) => lastStatus === 'RUNNING')
    // at speed 20: a check every 250 ms, a start period of 15 s
    await new Promise(resolve => setTimeout(resolve, 800))
    expect((await slow.described(taskArn)).healthStatus).toBe('UNKNOWN')
    await slow.ecs.send(new StopTaskCommand({ cluster: 'main', task: taskArn }))
    await slow.stopped(taskArn)
  })

  test('they count afterwards', async () => {
    const healthCheck = { command: ['CMD-SHELL', 'exit 3'], interval: 5, retries: 1, startPeriod: 30 }
    const { taskArn } = await cloud.start(await cloud.register([cloud.container('app', ['wait'], { healthCheck })]))
    await cloud.until(taskArn, ({ healthStatus }) => healthStatus === 'UNHEALTHY')
    await cloud.ecs.send(new StopTaskCommand({ cluster: 'main', task: taskArn }))
    await cloud.stopped(taskArn)
  })
})

describe('StopTask', () => {
  test('stops a running task with the reason given', async () => {
    const { taskArn } = await cloud.start(await cloud.register([cloud.container('app', ['wait'])]))
    await cloud.speaking(taskArn, 'app')
    const { task } = await cloud.ecs.send(
      new StopTaskCommand({ cluster: 'main', task: taskArn.split('/').at(-1), reason: 'deadline' }),
    )
    expect(task).toMatchObject({ desiredStatus: 'STOPPED', stopCode: 'UserInitiated', stoppedReason: 'deadline' })
    const stopped = await cloud.stopped(taskArn)
    expect(containerOf(stopped, 'app').exitCode).toBe(0)
    expect(stopped.stopCode).toBe('UserInitiated')
  })

  test('a task that has not started has no exit code', async () => {
    const { taskArn } = await slow.start(await slow.register([slow.container('app', ['wait'])]))
    await slow.ecs.send(new StopTaskCommand({ cluster: 'main', task: taskArn }))
    const task = await slow.stopped(taskArn)
    expect(containerOf(task, 'app')).toMatchObject({ lastStatus: 'STOPPED' })
    expect(containerOf(task, 'app').exitCode).toBeUndefined()
    expect(task.startedAt).toBeUndefined()
    expect(task.stoppedReason).toBe('Task stopped by user')
  })

  test('what was said first stays', async () => {
    const task = await cloud.ran([cloud.container('app', ['exit', '0'])])
    const again = await cloud.ecs.send(new StopTaskCommand({ cluster: 'main', task: task.taskArn, reason: 'late' }))
    expect(again.task?.stopCode).toBe('EssentialContainerExited')
  })

  test('a container that others depend on is stopped after them', async () => {
    const { taskArn } = await cloud.start(
      await cloud.register([
        cloud.container('proxy', ['wait']),
        cloud.container('app', ['stubborn'], {
          stopTimeout: 2,
          dependsOn: [{ containerName: 'proxy', condition: 'START' }],
        }),
      ]),
    )
    await cloud.speaking(taskArn, 'app')
    await cloud.speaking(taskArn, 'proxy')
    await cloud.ecs.send(new StopTaskCommand({ cluster: 'main', task: taskArn }))
    const between = await cloud.until(taskArn, task => containerOf(task, 'app').lastStatus === 'STOPPED')
    expect(containerOf(between, 'app').exitCode).toBe(137)
    expect(containerOf(await cloud.stopped(taskArn), 'proxy').exitCode).toBe(0)
  })
})

describe('a task that cannot start', () => {
  test('missing tag: CannotPullContainerError in task and container, no exit code', async () => {
    const image = cloud.image.replace(/:latest$/, ':missing')
    const task = await cloud.ran([cloud.container('app', ['exit', '0'], { image })])
    const reason = `CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref ${image}: ${image}: not found`
    expect(task).toMatchObject({ stopCode: 'TaskFailedToStart', stoppedReason: reason })
    expect(containerOf(task, 'app').reason).toBe(reason)
    expect(containerOf(task, 'app').exitCode).toBeUndefined()
  })

  test('missing log group: ResourceInitializationError', async () => {
    const options = { 'awslogs-group': '/none', 'awslogs-region': 'eu-west-1', 'awslogs-stream-prefix': 'x' }
    const task = await cloud.ran([
      cloud.container('app', ['exit', '0'], { logConfiguration: { logDriver: 'awslogs', options } }),
    ])
    expect(task.stoppedReason).toBe(
      'ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist. : exit status 1',
    )
    expect(task.stopCode).toBe('TaskFailedToStart')
  })

  test('awslogs-create-group makes the group', async () => {
    const options = {
      'awslogs-group': '/made',
      'awslogs-region': 'eu-west-1',
      'awslogs-stream-prefix': 'x',
      'awslogs-create-group': 'true',
    }
    const task = await cloud.ran([
      cloud.container('app', ['exit', '0'], { logConfiguration: { logDriver: 'awslogs', options } }),
    ])
    expect(containerOf(task, 'app').exitCode).toBe(0)
  })

  test('no such executable: CannotStartContainerError', async () => {
    const task = await cloud.ran([cloud.container('app', [], { entryPoint: ['/no/such/program'] })])
    expect(task.stopCode).toBe('TaskFailedToStart')
    expect(containerOf(task, 'app').reason).toMatch(
      /^CannotStartContainerError: .*exec: "\/no\/such\/program": stat \/no\/such\/program: no such file or directory/,
    )
    expect(containerOf(task, 'app').exitCode).toBeUndefined()
  })

  test('another architecture: exec format error', async () => {
    const image = await pushImage(cloud.aws, 'foreign', {
      command: ['node'],
      architecture: process.arch === 'x64' ? 'arm64' : 'amd64',
    })
    const task = await cloud.ran([cloud.container('app', [], { image })])
    expect(containerOf(task, 'app').reason).toMatch(/^CannotStartContainerError: .*exec format error/)
  })
})
