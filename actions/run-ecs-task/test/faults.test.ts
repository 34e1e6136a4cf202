import { describe, expect } from '@jest/globals'
import { inCloud } from '../../../test/support/in-cloud.ts'

const NO_ROOM = {
  tasks: [],
  failures: [
    { reason: 'Capacity is unavailable at this time. Please try again later or in a different availability zone' },
  ],
}

describe('faults that pass are ridden out', () => {
  inCloud('capacity twice, then room: green, a new token for each try, one task', async cloud => {
    await cloud.register('ok', { app: 'exit 0' })
    cloud.aws.addFault({ service: 'ecs', operation: 'RunTask', kind: 'answer', body: NO_ROOM, times: 2 })
    const { exitCode, stdout } = await cloud.run({ 'task-definition': 'ok' })
    expect(exitCode).toBe(0)
    expect(stdout).toContain('No room for the task yet (Capacity is unavailable')
    const tokens = cloud.calls('RunTask').map(({ input }) => Reflect.get(Object(input), 'clientToken'))
    expect(new Set(tokens).size).toBe(3)
    expect(await cloud.tasks()).toHaveLength(1)
  })

  inCloud('RESOURCE:MEMORY and AGENT of container instances are waited for', async cloud => {
    await cloud.register('ok', { app: 'exit 0' })
    const arn = 'arn:aws:ecs:eu-west-1:123456789012:container-instance/apps/0123456789abcdef0123456789abcdef'
    const failures = [
      { arn, reason: 'RESOURCE:MEMORY' },
      { arn, reason: 'AGENT' },
    ]
    cloud.aws.addFault({
      service: 'ecs',
      operation: 'RunTask',
      kind: 'answer',
      body: { tasks: [], failures },
      times: 1,
    })
    expect((await cloud.run({ 'task-definition': 'ok' })).exitCode).toBe(0)
  })

  inCloud('everything throttled for 10 s: green, one task', async cloud => {
    await cloud.register('ok', { app: 'exit 0' })
    cloud.aws.addFault({ kind: 'throttle', forMs: 10_000 })
    const { exitCode, stdout } = await cloud.run({ 'task-definition': 'ok', timeout: '1m' })
    expect(exitCode).toBe(0)
    expect(stdout).toContain('throttled (ThrottlingException)')
    expect(await cloud.tasks()).toHaveLength(1)
  })

  inCloud('RunTask alone throttled for 10 s: the same token again, one task', async cloud => {
    await cloud.register('ok', { app: 'exit 0' })
    cloud.aws.addFault({ service: 'ecs', operation: 'RunTask', kind: 'throttle', forMs: 10_000 })
    expect((await cloud.run({ 'task-definition': 'ok', timeout: '1m' })).exitCode).toBe(0)
    expect(await cloud.tasks()).toHaveLength(1)
  })

  inCloud('MISSING for some seconds after RunTask', async cloud => {
    await cloud.register('ok', { app: 'exit 0' })
    const body = { tasks: [], failures: [{ arn: 'arn:aws:ecs:eu-west-1:123456789012:task/apps/x', reason: 'MISSING' }] }
    cloud.aws.addFault({ service: 'ecs', operation: 'DescribeTasks', kind: 'answer', body, times: 3 })
    const { exitCode } = await cloud.run({ 'task-definition': 'ok' })
    expect(exitCode).toBe(0)
    expect(cloud.calls('DescribeTasks').filter(({ fault }) => fault === 'answer')).toHaveLength(3)
  })

  inCloud('connections reset, 500s and broken answers everywhere, half of the time', async cloud => {
    await cloud.register('ok', { app: 'echo fine; sleep 1' })
    for (const kind of ['reset', 'error', 'malformed'] as const) {
      // The registry is left alone: there ECS itself pulls, and its own patience is not ours.
      for (const service of ['ecs', 'logs', 'ecr']) cloud.aws.addFault({ service, kind, probability: 0.2, forMs: 8000 })
    }
    const { exitCode, stdout } = await cloud.run({ 'task-definition': 'ok' })
    expect(exitCode).toBe(0)
    expect(stdout.match(/app \| fine/g)).toHaveLength(1)
    cloud.aws.clearFaults()
    expect(await cloud.tasks()).toHaveLength(1)
  })

  inCloud('RunTask and DescribeTasks reset, each twice in a row: green, one task', async cloud => {
    await cloud.register('ok', { app: 'exit 0' })
    for (const operation of ['RunTask', 'DescribeTasks'])
      cloud.aws.addFault({ service: 'ecs', operation, kind: 'reset', times: 2 })
    expect((await cloud.run({ 'task-definition': 'ok' })).exitCode).toBe(0)
    expect(cloud.calls('RunTask').map(({ fault }) => fault)).toEqual(['reset', 'reset', undefined])
    expect(await cloud.tasks()).toHaveLength(1)
  })

  inCloud('the answer of RunTask lost twice: one task, found by its token', async cloud => {
    await cloud.register('ok', { app: 'exit 0' })
    cloud.aws.addFault({ service: 'ecs', operation: 'RunTask', kind: 'lost-answer', times: 2 })
    const { exitCode } = await cloud.run({ 'task-definition': 'ok' })
    expect(exitCode).toBe(0)
    expect(cloud.calls('RunTask')).toHaveLength(3)
    expect(await cloud.tasks()).toHaveLength(1)
  })

  inCloud('the answer of RegisterTaskDefinition lost: one revision', async cloud => {
    await cloud.register('ok', { app: 'exit 7' })
    cloud.aws.addFault({ service: 'ecs', operation: 'RegisterTaskDefinition', kind: 'lost-answer', times: 1 })
    const { exitCode, outputs } = await cloud.run({ 'task-definition': 'ok', entrypoint: '["true"]' })
    expect(exitCode).toBe(0)
    expect(outputs['task-definition-arn']).toMatch(/task-definition\/ok:2$/)
    expect(cloud.calls('RegisterTaskDefinition').filter(({ status }) => status === 200 || status === 0)).toHaveLength(2)
  })
})

describe('faults that stay fail at once, and help', () => {
  inCloud('AccessDenied on RunTask: not-started, with the action and the statement to add', async cloud => {
    await cloud.register('ok', { app: 'exit 0' })
    cloud.aws.setPolicy({
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: '*', Resource: '*' },
        { Effect: 'Deny', Action: 'ecs:RunTask', Resource: '*' },
      ],
    })
    const { exitCode, outputs, annotations, took } = await cloud.run({ 'task-definition': 'ok' })
    expect(exitCode).toBe(1)
    expect(outputs['status']).toBe('not-started')
    expect(annotations[0]?.message).toContain('The role may not ecs:RunTask.')
    expect(annotations[0]?.message).toMatch(
      /"Action":"ecs:RunTask","Resource":"arn:aws:ecs:eu-west-1:123456789012:task-definition\/ok:1"/,
    )
    expect(cloud.calls('RunTask')).toHaveLength(1)
    expect(took).toBeLessThan(60_000)
  })

  for (const [action, inputs] of [
    ['ecs:DescribeTaskDefinition', {}],
    ['ecs:RegisterTaskDefinition', { entrypoint: '["true"]' }],
    ['iam:PassRole', { entrypoint: '["true"]' }],
    ['ecs:DescribeServices', { 'network-from-service': 'web' }],
  ] as const) {
    inCloud(`AccessDenied on ${action}: red at once, with the action and the statement to add`, async cloud => {
      await cloud.register('ok', { app: 'exit 0' })
      cloud.aws.setPolicy({
        Version: '2012-10-17',
        Statement: [
          { Effect: 'Allow', Action: '*', Resource: '*' },
          { Effect: 'Deny', Action: action, Resource: '*' },
        ],
      })
      const { exitCode, outputs, annotations, took } = await cloud.run({ 'task-definition': 'ok', ...inputs })
      expect([exitCode, outputs['status']]).toEqual([1, 'not-started'])
      expect(annotations[0]?.message).toContain(`The role may not ${action}.`)
      expect(annotations[0]?.message).toContain(`"Action":"${action}"`)
      expect(cloud.calls('RunTask')).toEqual([])
      expect(took).toBeLessThan(60_000)
    })
  }

  inCloud('no room until the deadline: not-started, with the reason', async cloud => {
    await cloud.register('ok', { app: 'exit 0' })
    cloud.aws.addFault({ service: 'ecs', operation: 'RunTask', kind: 'answer', body: NO_ROOM })
    const { exitCode, outputs, annotations } = await cloud.run({ 'task-definition': 'ok', timeout: '8s' })
    expect(exitCode).toBe(1)
    expect(outputs['status']).toBe('not-started')
    expect(annotations[0]?.message).toContain('ECS had no room for the task')
    expect(await cloud.tasks()).toEqual([])
  })

  inCloud('a failure that waiting does not mend is told at once', async cloud => {
    await cloud.register('ok', { app: 'exit 0' })
    const failures = [
      {
        arn: 'arn:aws:ecs:eu-west-1:123456789012:container-instance/x',
        reason: 'ATTRIBUTE',
        detail: 'missing ecs.capability.task-eni',
      },
    ]
    cloud.aws.addFault({ service: 'ecs', operation: 'RunTask', kind: 'answer', body: { tasks: [], failures } })
    const { outputs, annotations } = await cloud.run({ 'task-definition': 'ok' })
    expect(outputs['status']).toBe('not-started')
    expect(annotations[0]?.message).toContain('ATTRIBUTE, missing ecs.capability.task-eni')
    expect(cloud.calls('RunTask')).toHaveLength(1)
  })

  inCloud('the permission to look is lost while the task runs: it is stopped first', async cloud => {
    await cloud.register('long', { app: 'sleep 60' })
    const running = await cloud.start({ 'task-definition': 'long' })
    while (!running.output().includes('RUNNING')) await new Promise(resolve => setTimeout(resolve, 50))
    cloud.aws.setPolicy({
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: '*', Resource: '*' },
        { Effect: 'Deny', Action: 'ecs:DescribeTasks', Resource: '*' },
      ],
    })
    const { exitCode, annotations } = await running.result
    expect(exitCode).toBe(1)
    expect(cloud.calls('StopTask')).toHaveLength(1)
    expect(annotations[0]?.message).toContain('ecs:DescribeTasks')
  })

  inCloud('credentials that expire while the task runs', async cloud => {
    await cloud.register('long', { app: 'sleep 60' })
    const running = await cloud.start({ 'task-definition': 'long' })
    while (!running.output().includes('RUNNING')) await new Promise(resolve => setTimeout(resolve, 50))
    cloud.aws.addFault({ service: 'ecs', operation: 'DescribeTasks', kind: 'expired' })
    const { exitCode, annotations } = await running.result
    expect(exitCode).toBe(1)
    expect(annotations[0]?.message).toContain('The AWS credentials expired.')
    expect(cloud.calls('StopTask')).toHaveLength(1)
  })

  inCloud('what could not be stopped is left to post', async cloud => {
    await cloud.register('server-beside', {
      server: 'sleep 600',
      job: { essential: false, entryPoint: ['sh', '-c'], command: ['sleep 1'] },
    })
    cloud.aws.addFault({ service: 'ecs', operation: 'StopTask', kind: 'throttle', forMs: 12_000 })
    const { exitCode, annotations, post } = await cloud.run({ 'task-definition': 'server-beside', container: 'job' })
    expect(exitCode).toBe(0)
    expect(annotations[0]?.message).toContain('was not accepted')
    expect(post?.stdout).toContain('was told to stop; ECS accepted it')
    expect((await cloud.tasks()).every(({ desiredStatus }) => desiredStatus === 'STOPPED')).toBe(true)
  })

  inCloud('credentials that expire before the start: not-started', async cloud => {
    await cloud.register('ok', { app: 'exit 0' })
    cloud.aws.addFault({ service: 'ecs', operation: 'RunTask', kind: 'expired' })
    const { outputs, annotations, post } = await cloud.run({ 'task-definition': 'ok' })
    expect(outputs['status']).toBe('not-started')
    expect(annotations[0]?.message).toContain('The AWS credentials expired.')
    expect(post?.stdout).toBe('')
  })

  inCloud('logs that may not be read do not change the verdict; they are one notice', async cloud => {
    await cloud.register('ok', {
      app: 'echo hello',
      side: { essential: false, entryPoint: ['sh', '-c'], command: ['echo side'] },
    })
    cloud.aws.setPolicy({
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: '*', Resource: '*' },
        { Effect: 'Deny', Action: 'logs:GetLogEvents', Resource: '*' },
      ],
    })
    const { exitCode, annotations } = await cloud.run({ 'task-definition': 'ok' })
    expect(exitCode).toBe(0)
    expect(annotations).toHaveLength(1)
    expect(annotations[0]).toMatchObject({ level: 'notice' })
    expect(annotations[0]?.message).toContain('logs:GetLogEvents')
  })
})
