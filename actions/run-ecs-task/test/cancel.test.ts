import type { RunningAction } from '@aws-deploy-actions/rehearsal'
import { describe, expect } from '@jest/globals'
import { inCloud } from '../../../test/support/in-cloud.ts'
import { type TaskCloud, until } from '../../../test/support/task-cloud.ts'

/** The time counts from RunTask; before it the process starts and looks things up, on a busy machine slowly (ms). */
const STARTING_MS = 12_000
const LONG = { app: 'echo "pid $$"; exec sleep 600' }

/** Where a run can be when the signal comes: how it is held there, and how one sees that it is there. */
const PHASES: readonly {
  readonly name: string
  readonly prepare: (cloud: TaskCloud) => void
  readonly reached: (cloud: TaskCloud, action: RunningAction) => boolean
  readonly started: boolean
  readonly inputs?: Readonly<Record<string, string>>
  readonly speed?: number
}[] = [
  {
    name: 'while the task definition is looked up',
    prepare: cloud => cloud.aws.addFault({ operation: 'DescribeTaskDefinition', kind: 'delay', delayMs: 4000 }),
    reached: cloud => cloud.calls('DescribeTaskDefinition').length > 0,
    started: false,
  },
  {
    name: 'in preflight',
    prepare: cloud => cloud.aws.addFault({ operation: 'BatchGetImage', kind: 'delay', delayMs: 4000 }),
    reached: cloud => cloud.calls('BatchGetImage').length > 0,
    started: false,
  },
  {
    name: 'while a revision is registered',
    prepare: cloud => cloud.aws.addFault({ operation: 'RegisterTaskDefinition', kind: 'delay', delayMs: 4000 }),
    // The first one is the test's own.
    reached: cloud => cloud.calls('RegisterTaskDefinition').length > 1,
    inputs: { secrets: 'TOKEN=/shop/token', preflight: 'false' },
    started: false,
  },
  {
    name: 'while room is waited for',
    prepare: cloud =>
      cloud.aws.addFault({
        operation: 'RunTask',
        kind: 'answer',
        body: { tasks: [], failures: [{ reason: 'RESOURCE:CPU' }] },
      }),
    reached: (_, action) => action.output().includes('No room'),
    started: false,
  },
  {
    name: 'while RunTask is under way',
    prepare: cloud => cloud.aws.addFault({ operation: 'RunTask', kind: 'delay', delayMs: 1500 }),
    reached: cloud => cloud.calls('RunTask').length > 0,
    started: true,
  },
  {
    name: 'while the answer of RunTask is lost',
    prepare: cloud => cloud.aws.addFault({ operation: 'RunTask', kind: 'lost-answer' }),
    reached: cloud => cloud.calls('RunTask').length > 0,
    started: true,
  },
  {
    name: 'while the task is provisioned',
    prepare: () => {},
    reached: (_, action) => action.output().includes('PROVISIONING'),
    started: true,
    speed: 0.5,
  },
  {
    name: 'while the container runs',
    prepare: () => {},
    reached: (_, action) => action.output().includes('app | pid'),
    started: true,
  },
]

describe.each(['SIGINT', 'SIGTERM'] as const)('%s', signal => {
  for (const { name, prepare, reached, started, inputs = {}, speed } of PHASES) {
    inCloud(
      `${name}: nothing goes on, status cancelled`,
      async cloud => {
        await cloud.register('long', LONG)
        prepare(cloud)
        const action = await cloud.start({ 'task-definition': 'long', ...inputs })
        await until('the phase is reached', () => reached(cloud, action))
        const sent = performance.now()
        action.signal(signal)
        const { exitCode, outputs, post, stdout } = await action.result
        expect(performance.now() - sent).toBeLessThan(9000 + STARTING_MS)
        expect(exitCode).toBe(signal === 'SIGINT' ? 130 : 143)
        expect(outputs['status']).toBe('cancelled')
        expect(post?.exitCode).toBe(0)
        const tasks = await cloud.tasks()
        expect(tasks.every(({ desiredStatus }) => desiredStatus === 'STOPPED')).toBe(true)
        expect(cloud.calls('StopTask').length > 0).toBe(started)
        if (started) expect(stdout).toContain('ECS accepted it')
        if (speed === undefined) await allStopped(cloud)
        const pid = /app \| pid (\d+)/.exec(stdout)?.[1]
        if (pid !== undefined) await until('the container’s process is gone', () => !alive(Number(pid)))
      },
      speed === undefined ? {} : { speed },
    )
  }
})

describe('other ways to be interrupted', () => {
  inCloud('a later signal does not disturb the clean-up', async cloud => {
    await cloud.register('long', LONG)
    cloud.aws.addFault({ operation: 'StopTask', kind: 'delay', delayMs: 1000 })
    const action = await cloud.start({ 'task-definition': 'long' })
    await until('the container runs', () => action.output().includes('app | pid'))
    action.signal('SIGINT')
    await until('StopTask is under way', () => cloud.calls('StopTask').length > 0)
    action.signal('SIGTERM')
    action.signal('SIGINT')
    const { exitCode, outputs } = await action.result
    expect(exitCode).toBe(130)
    expect(outputs['status']).toBe('cancelled')
    expect(cloud.calls('StopTask')).toHaveLength(1)
  })

  inCloud('killed before it could clean up: post finds the task and stops it', async cloud => {
    await cloud.register('long', LONG)
    const action = await cloud.start({ 'task-definition': 'long' })
    await until('the container runs', () => action.output().includes('app | pid'))
    action.signal('SIGKILL')
    const { exitCode, post } = await action.result
    expect(exitCode).toBeNull()
    expect(post?.stdout).toContain('was told to stop; ECS accepted it')
    expect(cloud.calls('StopTask')).toHaveLength(1)
  })

  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    inCloud(`${signal} while the last lines are awaited: no StopTask, cancelled all the same`, async cloud => {
      await cloud.register('quick', { app: 'echo done' })
      const action = await cloud.start({ 'task-definition': 'quick' })
      await until('the exit was seen', () => action.output().includes('exited with 0'))
      action.signal(signal)
      const { exitCode, outputs } = await action.result
      expect(exitCode).toBe(code)
      expect(outputs).toMatchObject({ status: 'cancelled', 'exit-code': '0' })
      expect(cloud.calls('StopTask')).toEqual([])
    })

    inCloud(`${signal} while what goes on beside a finished job is stopped: it is stopped`, async cloud => {
      await cloud.register('beside', {
        server: 'exec sleep 600',
        job: { essential: false, entryPoint: ['sh', '-c'], command: ['exit 0'] },
      })
      cloud.aws.addFault({ operation: 'StopTask', kind: 'delay', delayMs: 1000 })
      const action = await cloud.start({ 'task-definition': 'beside', container: 'job' })
      await until('StopTask is under way', () => cloud.calls('StopTask').length > 0)
      action.signal(signal)
      const { exitCode, outputs } = await action.result
      expect([exitCode, outputs['status'], outputs['exit-code']]).toEqual([code, 'cancelled', '0'])
      await allStopped(cloud)
    })
  }
})

describe('the deadline', () => {
  inCloud('is kept while the container runs: StopTask, timed-out, gone in 5 s', async cloud => {
    await cloud.register('long', LONG)
    const { exitCode, outputs, took, annotations, stdout } = await cloud.run({
      'task-definition': 'long',
      timeout: '4s',
    })
    expect(exitCode).toBe(1)
    expect(outputs['status']).toBe('timed-out')
    expect(took).toBeLessThan(4000 + 5000 + STARTING_MS)
    expect(annotations[0]?.message).toContain('The container app did not end within 4s.')
    expect(stdout).toContain('ECS accepted it')
    expect(cloud.calls('StopTask')).toHaveLength(1)
    await allStopped(cloud)
  })

  for (const operation of ['DescribeTaskDefinition', 'BatchGetImage']) {
    inCloud(`is kept while ${operation} is not answered: nothing was started`, async cloud => {
      await cloud.register('long', LONG)
      cloud.aws.addFault({ operation, kind: 'delay', delayMs: 60_000 })
      const { exitCode, outputs, took } = await cloud.run({ 'task-definition': 'long', timeout: '3s' })
      expect([exitCode, outputs['status']]).toEqual([1, 'timed-out'])
      expect(took).toBeLessThan(3000 + 5000 + STARTING_MS)
      expect(await cloud.tasks()).toEqual([])
    })
  }

  inCloud(
    'is kept while the task is provisioned',
    async cloud => {
      await cloud.register('long', LONG)
      const { outputs } = await cloud.run({ 'task-definition': 'long', timeout: '8s' })
      expect(outputs['status']).toBe('timed-out')
      expect(cloud.calls('StopTask')).toHaveLength(1)
      await allStopped(cloud)
    },
    { speed: 0.25 },
  )

  inCloud('is kept while RunTask is not answered; a task that started is stopped', async cloud => {
    await cloud.register('long', LONG)
    cloud.aws.addFault({ operation: 'RunTask', kind: 'lost-answer' })
    const { exitCode, took, outputs } = await cloud.run({ 'task-definition': 'long', timeout: '4s' })
    expect(exitCode).toBe(1)
    expect(outputs['status']).toBe('timed-out')
    expect(took).toBeLessThan(4000 + 5000 + STARTING_MS)
    expect((await cloud.tasks()).every(({ desiredStatus }) => desiredStatus === 'STOPPED')).toBe(true)
  })

  inCloud('is kept when nothing answers any more; what could not be stopped is named', async cloud => {
    await cloud.register('long', LONG)
    const action = await cloud.start({ 'task-definition': 'long', timeout: '6s' })
    await until('the container runs', () => action.output().includes('app | pid'))
    cloud.aws.addFault({ kind: 'delay', delayMs: 30_000 })
    const { exitCode, took, stdout } = await action.result
    expect(exitCode).toBe(1)
    expect(took).toBeLessThan(6000 + 5000 + STARTING_MS)
    expect(stdout).toContain('may still be running')
  })
})

/** Sees every task to its end. */
function allStopped(cloud: TaskCloud): Promise<void> {
  return until('every task is stopped', async () =>
    (await cloud.tasks()).every(({ lastStatus }) => lastStatus === 'STOPPED' || lastStatus === 'DEPROVISIONING'),
  )
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
