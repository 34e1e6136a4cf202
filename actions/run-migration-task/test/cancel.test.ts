import { describe, expect } from '@jest/globals'
import { inCloud } from '../../../test/support/in-cloud.ts'
import { type TaskCloud, until } from '../../../test/support/task-cloud.ts'

const ACTION = 'run-migration-task'
const LONG = { app: { entryPoint: ['sh', '-c'], command: ['echo migrating'] } }

async function running(cloud: TaskCloud): Promise<number> {
  return (await cloud.tasks()).filter(({ desiredStatus }) => desiredStatus !== 'STOPPED').length
}

describe.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s', (signal, code) => {
  inCloud('while the lock is waited for: nothing of ours was started', async cloud => {
    await cloud.register('held', { app: 'echo begin; exec sleep 600' })
    const inputs = { 'task-definition': 'held', database: 'shop', 'lock-timeout': '60s' }
    const holder = await cloud.start(inputs, ACTION)
    await until('the first runs', () => holder.output().includes('app | begin'))
    const waiting = await cloud.start(inputs, ACTION)
    await until('the second waits', () => waiting.output().includes('waiting for it'))
    waiting.signal(signal)
    const { exitCode, outputs } = await waiting.result
    expect([exitCode, outputs['status']]).toEqual([code, 'cancelled'])
    expect(cloud.calls('RunTask')).toHaveLength(1)
    expect(await running(cloud)).toBe(1)
    holder.signal(signal)
    expect((await holder.result).exitCode).toBe(code)
    expect(await running(cloud)).toBe(0)
  })

  inCloud('while it is verified: the verification is stopped, and it says that the migration is in', async cloud => {
    await cloud.register('migrate', LONG)
    const action = await cloud.start(
      { 'task-definition': 'migrate', database: 'shop', 'verify-command': '["echo verifying; exec sleep 600"]' },
      ACTION,
    )
    await until('it is verified', () => action.output().includes('app | verifying'))
    action.signal(signal)
    const { exitCode, outputs, annotations } = await action.result
    expect([exitCode, outputs['status'], outputs['exit-code']]).toEqual([code, 'cancelled', '0'])
    expect(annotations[0]?.message).toContain('The migration succeeded; the step was cancelled while it was verified.')
    expect(cloud.calls('StopTask')).toHaveLength(1)
    expect(await running(cloud)).toBe(0)
  })

  inCloud('while it migrates: stopped; the database is free when the container is over', async cloud => {
    await cloud.register('migrate', { app: 'echo migrating; exec sleep 600' })
    await cloud.register('quick', { app: 'exit 0' })
    const action = await cloud.start({ 'task-definition': 'migrate', database: 'shop' }, ACTION)
    await until('it migrates', () => action.output().includes('app | migrating'))
    action.signal(signal)
    const { exitCode, outputs } = await action.result
    expect([exitCode, outputs['status']]).toEqual([code, 'cancelled'])
    const next = await cloud.run({ 'task-definition': 'quick', database: 'shop', 'lock-timeout': '60s' }, ACTION)
    expect(next.outputs['status']).toBe('succeeded')
  })
})

describe('the lock that is not free in time', () => {
  inCloud('with lock-timeout: not-started when it is over, naming the holder', async cloud => {
    await cloud.register('held', { app: 'echo begin; exec sleep 600' })
    const holder = await cloud.start({ 'task-definition': 'held', database: 'shop' }, ACTION)
    await until('the first runs', () => holder.output().includes('app | begin'))
    const { exitCode, outputs, annotations } = await cloud.run(
      { 'task-definition': 'held', database: 'shop', 'lock-timeout': '3s' },
      ACTION,
    )
    expect([exitCode, outputs['status']]).toEqual([1, 'not-started'])
    expect(annotations[0]?.message).toMatch(/database shop is being migrated by task [0-9a-f]+; nothing was started/)
    holder.signal('SIGINT')
    await holder.result
  })
})

describe('no secret', () => {
  inCloud('of the database or the session in anything that is captured', async cloud => {
    const { SECRET_VALUE, seed } = await import('../../../test/support/task-uses.ts')
    await seed(cloud)
    const token = 'session-token-nobody-may-see'
    const { exitCode, stdout, stderr, outputs, state, summary, reports, post } = await cloud.run(
      {
        'task-definition': 'shop',
        container: 'job',
        database: 'shop',
        command: '["[ ${#PASSWORD} = 28 ] && echo connected"]',
        'verify-command': '["[ ${#PASSWORD} = 28 ]"]',
        secrets: `PASSWORD=arn:aws:secretsmanager:eu-west-1:${cloud.aws.accountId}:secret:shop/database:password::`,
      },
      ACTION,
      { AWS_SESSION_TOKEN: token },
    )
    expect(exitCode).toBe(0)
    const captured = JSON.stringify([stdout, stderr, outputs, state, summary, reports, post])
    for (const secret of [SECRET_VALUE, token, cloud.aws.environment()['AWS_SECRET_ACCESS_KEY'] ?? ''])
      expect(captured).not.toContain(secret)
  })
})
