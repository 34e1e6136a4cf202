import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from '@jest/globals'
import { inCloud } from '../../../test/support/in-cloud.ts'
import { type TaskCloud, until } from '../../../test/support/task-cloud.ts'

const MIGRATION = { app: 'echo "begin $DATABASE_NAME"; sleep 4; echo "end $DATABASE_NAME"' }

/** A migration that goes on until `release()`. */
function heldMigration(cloud: TaskCloud): { readonly containers: { readonly app: string }; release(): void } {
  const file = join(cloud.temp, 'released')
  return {
    containers: {
      app: `echo "begin $DATABASE_NAME"; while [ ! -e ${file} ]; do sleep 0.1; done; echo "end $DATABASE_NAME"`,
    },
    release: () => writeFileSync(file, ''),
  }
}

const ACTION = 'run-migration-task'

async function ranToTheEnd(cloud: TaskCloud): Promise<number> {
  return (await cloud.tasks()).filter(({ containers }) => containers?.[0]?.exitCode === 0).length
}

describe('two migrations of one database', () => {
  for (const attempt of [1, 2, 3]) {
    inCloud(`at the same instant: exactly one runs (${attempt})`, async cloud => {
      await cloud.register('migrate', MIGRATION)
      const inputs = { 'task-definition': 'migrate', database: 'shop' }
      // Both are held at RunTask, so that neither can have seen the other's task before.
      cloud.aws.addFault({ operation: 'RunTask', kind: 'delay', delayMs: 3000, times: 2 })
      const results = await Promise.all([cloud.run(inputs, ACTION), cloud.run(inputs, ACTION)])
      const statuses = results.map(({ outputs }) => outputs['status']).toSorted()
      expect(statuses).toEqual(['not-started', 'succeeded'])
      expect(results.map(({ exitCode }) => exitCode).toSorted()).toEqual([0, 1])
      expect(await ranToTheEnd(cloud)).toBe(1)
      const loser = results.find(({ exitCode }) => exitCode === 1)
      expect(loser?.annotations[0]?.message).toMatch(
        /database shop was started at the same moment and was first; this one stopped itself/,
      )
    })
  }

  inCloud('one after the other: the second is refused, naming task and database', async cloud => {
    const { containers, release } = heldMigration(cloud)
    await cloud.register('migrate', containers)
    await cloud.register('other-family', MIGRATION)
    const first = await cloud.start({ 'task-definition': 'migrate', database: 'shop' }, ACTION)
    await until('the first runs', () => first.output().includes('begin shop'))
    const second = await cloud.run({ 'task-definition': 'other-family', database: 'shop' }, ACTION)
    release()
    const { outputs } = await first.result
    expect(outputs['status']).toBe('succeeded')
    expect(second.outputs['status']).toBe('not-started')
    expect(second.annotations[0]?.message).toContain(
      `The database shop is being migrated by task ${outputs['task-arn']?.split('/').at(-1)}`,
    )
    expect(cloud.calls('RunTask')).toHaveLength(1)
  })

  inCloud('with lock-timeout the second waits for the first, and then runs', async cloud => {
    const { containers, release } = heldMigration(cloud)
    await cloud.register('migrate', containers)
    const first = await cloud.start({ 'task-definition': 'migrate', database: 'shop' }, ACTION)
    await until('the first runs', () => first.output().includes('begin shop'))
    const waiting = await cloud.start({ 'task-definition': 'migrate', database: 'shop', 'lock-timeout': '30s' }, ACTION)
    await until('the second waits', () => waiting.output().includes('waiting for it'))
    release()
    const second = await waiting.result
    expect((await first.result).exitCode).toBe(0)
    expect(second.exitCode).toBe(0)
    const [one, two] = (await cloud.tasks()).toSorted((a, b) => Number(a.createdAt) - Number(b.createdAt))
    expect(Number(two?.createdAt)).toBeGreaterThanOrEqual(Number(one?.executionStoppedAt))
  })

  inCloud('lock: false, no database, or another database: nobody waits', async cloud => {
    const { containers, release } = heldMigration(cloud)
    await cloud.register('migrate', containers)
    await cloud.register('short', { app: 'exit 0' })
    const first = await cloud.start({ 'task-definition': 'migrate', database: 'shop' }, ACTION)
    await until('the first runs', () => first.output().includes('begin shop'))
    const others = await Promise.all([
      cloud.run({ 'task-definition': 'short', database: 'shop', lock: 'false' }, ACTION),
      cloud.run({ 'task-definition': 'short' }, ACTION),
      cloud.run({ 'task-definition': 'short', database: 'billing' }, ACTION),
    ])
    expect(others.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0])
    release()
    expect((await first.result).exitCode).toBe(0)
  })

  inCloud(
    'a cancelled migration holds the lock until its container is over',
    async cloud => {
      const stubborn = 'trap "" TERM; echo begin; while :; do sleep 0.1; done'
      await cloud.register('migrate', { app: { entryPoint: ['sh', '-c'], command: [stubborn], stopTimeout: 120 } })
      const first = await cloud.start({ 'task-definition': 'migrate', database: 'shop' }, ACTION)
      await until('the first runs', () => first.output().includes('begin'))
      first.signal('SIGINT')
      await first.result
      const second = await cloud.run({ 'task-definition': 'migrate', database: 'shop' }, ACTION)
      expect(second.outputs['status']).toBe('not-started')
    },
    // So that stopTimeout lasts for 24 s.
    { speed: 5 },
  )
})

describe('the database', () => {
  inCloud('reaches the container in the variable that is named', async cloud => {
    await cloud.register('migrate', { app: 'test "$PGDATABASE" = "shop=1 \'x\'"' })
    const { exitCode, summary, outputs } = await cloud.run(
      { 'task-definition': 'migrate', database: "shop=1 'x'", 'database-variable': 'PGDATABASE' },
      ACTION,
    )
    expect(exitCode).toBe(0)
    expect(summary).toContain('### ✅ Migration of shop=1')
    expect(JSON.parse(outputs['report'] ?? '')).toMatchObject({ tasks: [{ database: "shop=1 'x'" }] })
  })

  inCloud('given twice is a wrong input', async cloud => {
    const { annotations } = await cloud.run(
      { 'task-definition': 'x', database: 'a', environment: 'DATABASE_NAME=b' },
      ACTION,
    )
    expect(annotations[0]?.message).toContain('environment: DATABASE_NAME is what database-variable sets')
  })
})

describe('what the lock holds on to', () => {
  inCloud('verification belongs to it: nobody comes between a migration and its verification', async cloud => {
    await cloud.register('migrate', { app: { entryPoint: ['sh', '-c'], command: ['echo migrating; sleep 2'] } })
    const inputs = { 'task-definition': 'migrate', database: 'shop', 'lock-timeout': '60s' }
    const first = await cloud.start({ ...inputs, 'verify-command': '["echo verifying; sleep 2"]' }, ACTION)
    await until('the first migrates', () => first.output().includes('app | migrating'))
    const second = await cloud.run(inputs, ACTION)
    const { outputs } = await first.result
    expect([outputs['verify-exit-code'], second.exitCode]).toEqual(['0', 0])
    const started = cloud
      .calls('RunTask')
      .map(({ input }) => String(Reflect.get(Object(input), 'group')).replace(/^github\/4711-1-[0-9a-f]+/, ''))
    expect(started).toEqual(['/1-of-2/app', '/2-of-2', ''])
  })

  inCloud('verification belongs to it whatever a sidecar ends with', async cloud => {
    await cloud.register('migrate', {
      app: { entryPoint: ['sh', '-c'], command: ['echo migrating; sleep 2'] },
      sidecar: { entryPoint: ['sh', '-c'], command: ['trap "exit 1" TERM; while :; do sleep 0.1; done'] },
    })
    const inputs = { 'task-definition': 'migrate', database: 'shop', 'lock-timeout': '60s' }
    const first = await cloud.start({ ...inputs, 'verify-command': '["echo verifying; sleep 2"]' }, ACTION)
    await until('the first migrates', () => first.output().includes('app | migrating'))
    const second = await cloud.run(inputs, ACTION)
    const { outputs } = await first.result
    expect([outputs['verify-exit-code'], second.exitCode]).toEqual(['0', 0])
    const started = cloud.calls('RunTask').map(({ input }) => String(Reflect.get(Object(input), 'group')))
    expect(started.map(group => /\/[12]-of-2/.exec(group)?.[0])).toEqual(['/1-of-2', '/2-of-2', undefined])
  })

  inCloud('a verification that finds no room for more than half a minute keeps it', async cloud => {
    await cloud.register('migrate', { app: { entryPoint: ['sh', '-c'], command: ['echo migrating'] } })
    const inputs = { 'task-definition': 'migrate', database: 'shop' }
    const first = await cloud.start({ ...inputs, 'verify-command': '["echo verifying"]' }, ACTION)
    await until('the migration runs', () => first.output().includes('Started task'))
    const failures = [{ reason: 'RESOURCE:CPU' }]
    cloud.aws.addFault({ operation: 'RunTask', kind: 'answer', body: { tasks: [], failures } })
    await until('there is no room', () => first.output().includes('No room'))
    const [migration] = await cloud.tasks()
    await until('half a minute is over', () => Date.now() > Number(migration?.executionStoppedAt) + 32_000, 40_000)
    const second = await cloud.run(inputs, ACTION)
    cloud.aws.clearFaults()
    expect(second.outputs['status']).toBe('not-started')
    expect(second.annotations[0]?.message).toContain('The database shop is being migrated by task')
    expect((await first.result).outputs).toMatchObject({ status: 'succeeded', 'verify-exit-code': '0' })
  })

  inCloud('an earlier task that shows late, and ours cannot be stopped: failed, and how to stop it', async cloud => {
    const { containers, release } = heldMigration(cloud)
    await cloud.register('migrate', containers)
    // Neither sees the other before both run.
    cloud.aws.addFault({ operation: 'ListTasks', kind: 'answer', body: { taskArns: [] } })
    const inputs = { 'task-definition': 'migrate', database: 'shop', 'lock-timeout': '60s' }
    const runs = await Promise.all([cloud.start(inputs, ACTION), cloud.start(inputs, ACTION)])
    await until('both run', () => runs.every(run => run.output().includes('begin shop')))
    const message = 'User: u is not authorized to perform: ecs:StopTask on resource: r'
    cloud.aws.clearFaults()
    cloud.aws.addFault({ operation: 'StopTask', kind: 'error', status: 400, code: 'AccessDeniedException', message })
    const loser = await Promise.race(runs.map(run => run.result))
    release()
    const results = await Promise.all(runs.map(run => run.result))
    expect(results.map(({ exitCode }) => exitCode).toSorted()).toEqual([0, 1])
    expect([loser.exitCode, loser.outputs['status']]).toEqual([1, 'failed'])
    const told = loser.annotations.map(({ message: text }) => text).join('\n')
    expect(told).toContain('this one could not be stopped: both may run')
    expect(told).toContain(`aws ecs stop-task --cluster apps --task ${loser.outputs['task-arn']}`)
  })

  inCloud('an earlier task that shows late: failed when the container had begun, and it says so', async cloud => {
    const { containers, release } = heldMigration(cloud)
    await cloud.register('migrate', containers)
    // Neither sees the other before both run.
    cloud.aws.addFault({ operation: 'ListTasks', kind: 'answer', body: { taskArns: [] } })
    const inputs = { 'task-definition': 'migrate', database: 'shop' }
    const runs = await Promise.all([cloud.start(inputs, ACTION), cloud.start(inputs, ACTION)])
    await until('both run', () => runs.every(run => run.output().includes('begin shop')))
    cloud.aws.clearFaults()
    await until('one gives way', () => cloud.calls('StopTask').length > 0)
    release()
    const results = await Promise.all(runs.map(run => run.result))
    const loser = results.find(({ exitCode }) => exitCode === 1)
    expect(results.map(({ exitCode }) => exitCode).toSorted()).toEqual([0, 1])
    expect(loser?.outputs['status']).toBe('failed')
    expect(loser?.annotations[0]?.message).toContain('had begun when it was stopped')
    expect(cloud.calls('StopTask')).toHaveLength(1)
  })

  inCloud("lock: '' is the default, not off", async cloud => {
    const { containers, release } = heldMigration(cloud)
    await cloud.register('migrate', containers)
    const first = await cloud.start({ 'task-definition': 'migrate', database: 'shop' }, ACTION)
    await until('the first runs', () => first.output().includes('begin shop'))
    const second = await cloud.run({ 'task-definition': 'migrate', database: 'shop', lock: '' }, ACTION)
    release()
    await first.result
    expect(second.outputs['status']).toBe('not-started')
  })
})

describe('verify-command', () => {
  const TWO = { app: { entryPoint: ['sh', '-c'], command: ['echo migrating'] } }

  inCloud('runs after a migration that succeeded, in the same task definition, with the same database', async cloud => {
    await cloud.register('migrate', TWO)
    const { exitCode, outputs, stdout } = await cloud.run(
      { 'task-definition': 'migrate', database: 'shop', 'verify-command': '["echo verifying $DATABASE_NAME"]' },
      ACTION,
    )
    expect(exitCode).toBe(0)
    expect(outputs).toMatchObject({ status: 'succeeded', 'exit-code': '0', 'verify-exit-code': '0' })
    expect(stdout.indexOf('app | migrating')).toBeLessThan(stdout.indexOf('app | verifying shop'))
    const [migration, verification] = cloud.calls('RunTask').map(({ input }) => Object(input))
    expect(verification).toMatchObject({ taskDefinition: migration.taskDefinition, startedBy: migration.startedBy })
    expect(outputs['task-arn']).toBe(
      (await cloud.tasks()).toSorted((a, b) => Number(a.createdAt) - Number(b.createdAt))[0]?.taskArn,
    )
  })

  inCloud('that fails makes the step fail; the migration’s own exit code stays', async cloud => {
    await cloud.register('migrate', TWO)
    const { exitCode, outputs, annotations } = await cloud.run(
      { 'task-definition': 'migrate', database: 'shop', 'verify-command': '["echo not there; exit 2"]' },
      ACTION,
    )
    expect(exitCode).toBe(1)
    expect(outputs).toMatchObject({ status: 'failed', 'exit-code': '0', 'verify-exit-code': '2' })
    expect(annotations[0]?.message).toContain('The migration succeeded, its verification did not')
    expect(annotations[0]?.message).toContain('not there')
  })

  inCloud('has its own time; when it is over, the page says that the migration is in', async cloud => {
    await cloud.register('migrate', TWO)
    const { exitCode, outputs, annotations, summary } = await cloud.run(
      { 'task-definition': 'migrate', database: 'shop', timeout: '6s', 'verify-command': '["sleep 60"]' },
      ACTION,
    )
    expect(exitCode).toBe(1)
    expect(outputs).toMatchObject({ status: 'timed-out', 'exit-code': '0' })
    expect(annotations[0]?.message).toContain(
      'The migration succeeded, its verification did not: The container app did not end within 6s.',
    )
    expect(summary).toContain('**Verification**')
    expect(JSON.parse(outputs['report'] ?? '').tasks).toHaveLength(2)
    expect(cloud.calls('StopTask')).toHaveLength(1)
  })

  inCloud('longer in all than one timeout: each task has the whole of it', async cloud => {
    await cloud.register('migrate', { app: { entryPoint: ['sh', '-c'], command: ['sleep 5'] } })
    const { exitCode, outputs } = await cloud.run(
      { 'task-definition': 'migrate', timeout: '9s', 'verify-command': '["sleep 6"]' },
      ACTION,
    )
    expect(outputs['status']).toBe('succeeded')
    expect(exitCode).toBe(0)
  })

  inCloud('does not run after a migration that failed', async cloud => {
    await cloud.register('migrate', { app: 'exit 1' })
    const { outputs } = await cloud.run(
      { 'task-definition': 'migrate', database: 'shop', 'verify-command': '["true"]' },
      ACTION,
    )
    expect(outputs).not.toHaveProperty('verify-exit-code')
    expect(cloud.calls('RunTask')).toHaveLength(1)
  })
})
