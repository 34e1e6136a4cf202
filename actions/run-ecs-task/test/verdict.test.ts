import { describe, expect } from '@jest/globals'
import { inCloud } from '../../../test/support/in-cloud.ts'
import { until } from '../../../test/support/task-cloud.ts'
import { seed } from '../../../test/support/task-uses.ts'

describe('the counted container decides', () => {
  inCloud('exit code 0, observed, is green; everything known is an output', async cloud => {
    const revision = await cloud.register('ok', { app: 'echo hello' })
    const { exitCode, outputs, summary, reports, stdout, annotations } = await cloud.run({ 'task-definition': 'ok' })
    const [task] = await cloud.tasks()
    expect(exitCode).toBe(0)
    expect(outputs).toMatchObject({
      status: 'succeeded',
      'exit-code': '0',
      'stop-code': 'EssentialContainerExited',
      'stopped-reason': 'Essential container in task exited',
      'task-arn': task?.taskArn,
      'task-definition-arn': revision,
      'log-group': '/ecs/app',
    })
    expect(JSON.parse(outputs['log-streams'] ?? '')).toEqual([
      { container: 'app', group: '/ecs/app', stream: `app/app/${task?.taskArn?.split('/').at(-1)}` },
    ])
    expect(Number(outputs['duration-seconds'])).toBeGreaterThan(0)
    expect(annotations).toEqual([])
    expect(stdout).toContain('app | hello\n')
    expect(summary).toContain('### ✅ Task succeeded')
    expect(reports).toHaveLength(1)
    expect(outputs['report']).not.toContain(cloud.aws.accountId)
    expect(JSON.parse(outputs['report'] ?? '')).toMatchObject({
      status: 'succeeded',
      tasks: [{ exitCode: 0, taskDefinition: 'ok:1' }],
    })
  })

  inCloud('a sidecar listed first that ends 0 does not hide an application that ends 1', async cloud => {
    await cloud.register('sidecar-first', {
      sidecar: { essential: false, entryPoint: ['sh', '-c'], command: ['exit 0'] },
      app: 'echo "cannot connect"; exit 1',
    })
    const { exitCode, outputs, annotations, summary } = await cloud.run({ 'task-definition': 'sidecar-first' })
    expect(exitCode).toBe(1)
    expect(outputs).toMatchObject({ status: 'failed', 'exit-code': '1' })
    expect(annotations).toHaveLength(1)
    expect(annotations[0]).toMatchObject({ level: 'error', title: 'run-ecs-task failed' })
    expect(annotations[0]?.message).toContain('The container app exited with 1.')
    expect(annotations[0]?.message).toContain('cannot connect')
    expect(summary).toContain('### ❌ Task failed')
    expect(summary).toContain('cannot connect')
  })

  inCloud('a sidecar that is killed (137) after an application that ended 0 is no failure', async cloud => {
    await cloud.register('stubborn-sidecar', {
      sidecar: { entryPoint: ['sh', '-c'], command: ['trap "" TERM; while :; do sleep 0.1; done'], stopTimeout: 2 },
      app: 'sleep 1; exit 0',
    })
    const { exitCode, outputs } = await cloud.run({ 'task-definition': 'stubborn-sidecar', container: 'app' })
    expect(outputs).toMatchObject({ status: 'succeeded', 'exit-code': '0' })
    expect(exitCode).toBe(0)
    const sidecar = async () => (await cloud.tasks())[0]?.containers?.find(({ name }) => name === 'sidecar')
    await until('the sidecar is over', async () => (await sidecar())?.exitCode !== undefined)
    expect((await sidecar())?.exitCode).toBe(137)
  })

  inCloud('a non-essential counted container: what would go on without it is told to stop', async cloud => {
    await cloud.register('server-beside', {
      server: 'sleep 60',
      job: { essential: false, entryPoint: ['sh', '-c'], command: ['exit 0'] },
    })
    const { exitCode } = await cloud.run({ 'task-definition': 'server-beside', container: 'job' })
    expect(exitCode).toBe(0)
    expect(cloud.calls('StopTask')).toHaveLength(1)
  })

  inCloud('a task that is over before the first look counts like any other', async cloud => {
    await cloud.register('quick', { app: 'exit 3' })
    cloud.aws.addFault({ service: 'ecs', operation: 'DescribeTasks', kind: 'delay', delayMs: 1500, times: 1 })
    const { exitCode, outputs, stdout } = await cloud.run({ 'task-definition': 'quick' })
    expect(stdout).not.toContain('RUNNING')
    expect(outputs).toMatchObject({ status: 'failed', 'exit-code': '3' })
    expect(exitCode).toBe(1)
  })
})

describe('no exit code is a failure that says why', () => {
  inCloud('an image that is not there: not-started, AWS’s reason, the likely cause', async cloud => {
    await cloud.register('no-image', { app: { image: cloud.image.replace(':1', ':gone') } })
    const { exitCode, outputs, annotations } = await cloud.run({ 'task-definition': 'no-image', preflight: 'false' })
    expect(exitCode).toBe(1)
    expect(outputs).toMatchObject({ status: 'not-started', 'stop-code': 'TaskFailedToStart' })
    expect(outputs).not.toHaveProperty('exit-code')
    expect(annotations[0]?.message).toMatch(/AWS says: TaskFailedToStart: CannotPullContainerError: .*not found/)
    expect(annotations[0]?.message).toContain('Likely cause: The tag was not pushed')
  })

  inCloud('a secret that may not be read', async cloud => {
    await cloud.register('no-secret', {
      app: {
        secrets: [
          { name: 'TOKEN', valueFrom: `arn:aws:secretsmanager:eu-west-1:${cloud.aws.accountId}:secret:gone-AbCdEf` },
        ],
      },
    })
    const { outputs, annotations } = await cloud.run({ 'task-definition': 'no-secret', preflight: 'false' })
    expect(outputs['status']).toBe('not-started')
    expect(annotations[0]?.message).toContain('ResourceInitializationError')
    expect(annotations[0]?.message).toContain('Likely cause: The execution role may not read a secret')
  })

  inCloud('a log group that does not exist', async cloud => {
    await cloud.register('no-group', {
      app: {
        entryPoint: ['true'],
        logConfiguration: {
          logDriver: 'awslogs',
          options: { 'awslogs-group': '/gone', 'awslogs-region': 'eu-west-1', 'awslogs-stream-prefix': 'x' },
        },
      },
    })
    const { outputs, annotations } = await cloud.run({ 'task-definition': 'no-group', preflight: 'false' })
    expect(outputs['status']).toBe('not-started')
    expect(annotations[0]?.message).toContain('Likely cause: The log group of the task definition does not exist')
  })

  inCloud('a container whose dependency failed has a synthetic 143, and never ran', async cloud => {
    await cloud.register('failed-dependency', {
      init: { essential: false, entryPoint: ['sh', '-c'], command: ['echo why it failed; exit 5'] },
      app: {
        entryPoint: ['sh', '-c'],
        command: ['exit 0'],
        dependsOn: [{ containerName: 'init', condition: 'SUCCESS' }],
      },
    })
    const { exitCode, outputs, annotations } = await cloud.run({ 'task-definition': 'failed-dependency' })
    expect(exitCode).toBe(1)
    expect(outputs['status']).toBe('not-started')
    expect(annotations[0]?.message).toContain('init: exit code 5')
    expect(annotations[0]?.message).toContain('Likely cause: A container that this one depends on failed')
    expect(annotations[0]?.message).toContain('why it failed')
    expect(outputs).not.toHaveProperty('exit-code')
  })

  inCloud('a container that ran and whose end ECS lost sight of: failed, not known, never green', async cloud => {
    await cloud.register('lost', { app: 'echo working; sleep 60' })
    const action = await cloud.start({ 'task-definition': 'lost' })
    await until('the container runs', () => action.output().includes('app | working'))
    const [task] = await cloud.tasks()
    const lost = {
      taskArn: task?.taskArn,
      lastStatus: 'STOPPED',
      desiredStatus: 'STOPPED',
      stopCode: 'InfrastructureHealth',
      stoppedReason: 'Infrastructure health check failed',
      containers: [{ name: 'app', lastStatus: 'STOPPED', runtimeId: task?.containers?.[0]?.runtimeId }],
    }
    cloud.aws.addFault({ operation: 'DescribeTasks', kind: 'answer', body: { tasks: [lost], failures: [] } })
    const { exitCode, outputs, annotations } = await action.result
    expect([exitCode, outputs['status']]).toEqual([1, 'failed'])
    expect(outputs).not.toHaveProperty('exit-code')
    expect(annotations[0]?.message).toContain('ended without an exit code: whether it succeeded is not known')
    expect(annotations[0]?.message).toContain('InfrastructureHealth: Infrastructure health check failed')
  })

  inCloud('preflight looks at public images as a runtime does', async cloud => {
    await seed(cloud)
    await cloud.register('tools', { app: { entryPoint: ['true'] } })
    const { annotations, outputs } = await cloud.run({
      'task-definition': 'tools',
      image: 'ecr-public:l0c4l4ws/tools:none',
    })
    expect(outputs['status']).toBe('not-started')
    expect(annotations[0]?.message).toMatch(/l0c4l4ws\/tools:none does not exist in ECR/)
    expect(cloud.calls('RunTask')).toEqual([])
  })

  inCloud('preflight finds everything that is missing in one error, before anything is started', async cloud => {
    await cloud.register('much-missing', {
      app: {
        image: cloud.image.replace(':1', ':gone'),
        secrets: [
          { name: 'A', valueFrom: `arn:aws:secretsmanager:eu-west-1:${cloud.aws.accountId}:secret:gone-AbCdEf` },
          { name: 'B', valueFrom: '/shop/gone' },
        ],
        logConfiguration: {
          logDriver: 'awslogs',
          options: { 'awslogs-group': '/gone', 'awslogs-region': 'eu-west-1', 'awslogs-stream-prefix': 'x' },
        },
      },
    })
    const { exitCode, outputs, annotations } = await cloud.run({ 'task-definition': 'much-missing' })
    expect(exitCode).toBe(1)
    expect(outputs['status']).toBe('not-started')
    expect(annotations).toHaveLength(1)
    for (const missing of [
      ':gone does not exist',
      'secret:gone-AbCdEf does not exist',
      '/shop/gone does not exist',
      'log group /gone does not exist',
    ]) {
      expect(annotations[0]?.message).toContain(missing)
    }
    expect(cloud.calls('RunTask')).toEqual([])
  })
})
