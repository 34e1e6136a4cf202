import type { Container, Task } from '@aws-sdk/client-ecs'
import { describe, expect, test } from '@jest/globals'
import { databaseLock } from '../src/index.ts'
import { type ContainerState, containerState, goesOn, isLater, othersGoOn, stopWords, taskId } from '../src/state.ts'

const BEFORE = ['PROVISIONING', 'PENDING', 'ACTIVATING'] as const
const AFTER = ['DEPROVISIONING', 'STOPPED', 'DELETED'] as const
const ALL = [...BEFORE, 'RUNNING', 'DEACTIVATING', 'STOPPING', ...AFTER] as const

const task = (lastStatus: string | undefined, containers: Container[], rest: Partial<Task> = {}): Task => ({
  taskArn: 'arn:aws:ecs:eu-west-1:123456789012:task/main/f00',
  ...(lastStatus === undefined ? {} : { lastStatus }),
  containers,
  ...rest,
})
const pending: Container = { name: 'app', lastStatus: 'PENDING' }
const running: Container = { name: 'app', lastStatus: 'RUNNING', runtimeId: 'r' }
const exited = (exitCode: number): Container => ({ name: 'app', lastStatus: 'STOPPED', runtimeId: 'r', exitCode })
const neverRan: Container = { name: 'app', lastStatus: 'STOPPED', reason: 'CannotPullContainerError: x' }
const sidecar = (lastStatus: string, exitCode?: number): Container => ({
  name: 'side',
  lastStatus,
  ...(lastStatus === 'PENDING' ? {} : { runtimeId: 's' }),
  ...(exitCode === undefined ? {} : { exitCode }),
})

describe('where the counted container stands', () => {
  const unfinished = (begun: boolean): ContainerState => ({ kind: 'unfinished', begun })
  const ended = (exitCode: number, ran = true): ContainerState => ({ kind: 'exited', exitCode, ran })
  const without = (ran: boolean): ContainerState => ({ kind: 'without-exit-code', ran })

  test('an exit code counts in every state of the task, beside any sidecar, for any stop code', () => {
    for (const status of [...ALL, undefined, 'SOMETHING_NEW']) {
      for (const code of [0, 1, 137, 143, 255]) {
        for (const side of [
          [],
          [sidecar('RUNNING')],
          [sidecar('STOPPED', 0)],
          [sidecar('STOPPED', 137)],
          [sidecar('PENDING')],
        ]) {
          for (const stopCode of [
            undefined,
            'EssentialContainerExited',
            'UserInitiated',
            'SpotInterruption',
          ] as const) {
            const seen = task(status, [...side, exited(code)], stopCode === undefined ? {} : { stopCode })
            expect(containerState(seen, 'app')).toEqual(ended(code))
          }
        }
      }
    }
  })

  test('without one it is unfinished until no container can run any more', () => {
    for (const status of ALL) {
      // While a task is deprovisioned, an exit code could still be on its way.
      const over = AFTER.some(entry => entry === status) && status !== 'DEPROVISIONING'
      expect({ status, state: containerState(task(status, [pending]), 'app') }).toEqual({
        status,
        state: over ? without(false) : unfinished(false),
      })
      expect({ status, state: containerState(task(status, [running]), 'app') }).toEqual({
        status,
        state: over ? without(true) : unfinished(true),
      })
      // A sidecar's exit code is not the container's.
      expect(containerState(task(status, [sidecar('STOPPED', 0), running]), 'app').kind).not.toBe('exited')
      // The containers come into the answer later than the task.
      expect(containerState(task(status, []), 'app')).toEqual(over ? without(false) : unfinished(false))
      expect(containerState(task(status, [sidecar('STOPPED', 0)]), 'app').kind).not.toBe('exited')
    }
    expect(containerState({}, 'app')).toEqual(unfinished(false))
    expect(containerState(task('SOMETHING_NEW', [running]), 'app')).toEqual(unfinished(true))
    expect(containerState(task('DEPROVISIONING', [pending], { stopCode: 'TaskFailedToStart' }), 'app')).toEqual(
      without(false),
    )
    // Stopped, but the exit code is not in the answer yet.
    const { exitCode: _, ...stopped } = exited(0)
    expect(containerState(task('DEACTIVATING', [stopped]), 'app')).toEqual(unfinished(true))
  })

  test('whether it ever ran', () => {
    const rows: readonly [Task, ContainerState][] = [
      [task('STOPPED', [neverRan], { stopCode: 'TaskFailedToStart' }), without(false)],
      // The synthetic code of a container whose dependency failed, whatever the task's stop code.
      [task('STOPPED', [{ ...neverRan, exitCode: 143 }], { stopCode: 'TaskFailedToStart' }), ended(143, false)],
      [
        task('STOPPED', [{ ...neverRan, exitCode: 143 }, sidecar('STOPPED', 1)], {
          stopCode: 'EssentialContainerExited',
        }),
        ended(143, false),
      ],
      [task('STOPPED', [exited(143)], { stopCode: 'UserInitiated' }), ended(143, true)],
      [task('STOPPED', [exited(1)], { stopCode: 'TaskFailedToStart' }), ended(1, true)],
      [task('STOPPED', [{ ...neverRan, exitCode: 1 }], { stopCode: 'EssentialContainerExited' }), ended(1, true)],
      [task('STOPPED', [running], { stopCode: 'TerminationNotice' }), without(true)],
      [task('STOPPED', [], { stopCode: 'TaskFailedToStart' }), without(false)],
    ]
    for (const [seen, wanted] of rows) expect(containerState(seen, 'app')).toEqual(wanted)
  })
})

test('whether others go on beside the counted container', () => {
  for (const status of ALL) {
    const over = AFTER.some(entry => entry === status)
    const rows: readonly [Container[], boolean][] = [
      [[exited(0)], false],
      [[exited(0), sidecar('RUNNING')], !over],
      [[exited(0), sidecar('PENDING')], !over],
      [[exited(0), sidecar('STOPPED', 0)], false],
      [[exited(0), sidecar('STOPPED')], false],
      [[exited(0), sidecar('STOPPED', 137), { ...sidecar('RUNNING'), name: 'third' }], !over],
      [[], false],
    ]
    for (const [containers, wanted] of rows) {
      expect({ status, containers, on: othersGoOn(task(status, containers), 'app') }).toEqual({
        status,
        containers,
        on: wanted,
      })
      expect(othersGoOn(task(status, containers, { desiredStatus: 'STOPPED' }), 'app')).toBe(false)
    }
  }
})

test('whether a task still holds its lock', () => {
  for (const status of [...ALL, undefined]) {
    const over = AFTER.some(entry => entry === status)
    const rows: readonly [Container[], boolean][] = [
      [[], !over],
      [[pending], !over],
      [[running], !over],
      [[exited(0)], false],
      [[exited(0), sidecar('RUNNING')], !over],
      [[exited(1), sidecar('STOPPED', 0)], false],
    ]
    // Told to stop is not over: its containers have until stopTimeout.
    for (const [containers, wanted] of rows)
      for (const desiredStatus of ['RUNNING', 'STOPPED'])
        expect({ status, containers, on: goesOn(task(status, containers, { desiredStatus })) }).toEqual({
          status,
          containers,
          on: wanted,
        })
  }
})

test('of any two tasks exactly one is later', () => {
  const tasks: Task[] = [
    { taskArn: 'a', createdAt: new Date(1000) },
    { taskArn: 'b', createdAt: new Date(1000) },
    { taskArn: 'c', createdAt: new Date(999) },
    { taskArn: 'd' },
    { taskArn: 'e' },
    { createdAt: new Date(5) },
  ]
  for (const [at, one] of tasks.entries()) {
    for (const other of tasks.slice(at + 1)) expect(isLater(one, other)).toBe(!isLater(other, one))
    expect(isLater(one, one)).toBe(false)
  }
  const order = tasks.toSorted((a, b) => (isLater(a, b) ? 1 : -1)).map(({ taskArn }) => taskArn)
  expect(order).toEqual(['d', 'e', undefined, 'c', 'a', 'b'])
})

test('everything AWS says about an end, once each', () => {
  const pull = 'CannotPullContainerError: app: not found'
  const rows: readonly [Task, string][] = [
    [{}, 'no stop reason yet'],
    [task('RUNNING', [running]), 'no stop reason yet'],
    [task('DEACTIVATING', [exited(3)]), 'no stop reason yet; app: exit code 3'],
    [
      task('STOPPED', [exited(137), sidecar('STOPPED', 0)], {
        stopCode: 'EssentialContainerExited',
        stoppedReason: 'Essential container in task exited',
      }),
      'EssentialContainerExited: Essential container in task exited; app: exit code 137; side: exit code 0',
    ],
    [
      task('STOPPED', [{ ...exited(137), reason: 'OutOfMemoryError: killed' }], {
        stopCode: 'EssentialContainerExited',
      }),
      'EssentialContainerExited; app: exit code 137, OutOfMemoryError: killed',
    ],
    [
      task('STOPPED', [{ ...neverRan, reason: pull }], { stopCode: 'TaskFailedToStart', stoppedReason: pull }),
      `TaskFailedToStart: ${pull}; app: no exit code`,
    ],
  ]
  for (const [seen, wanted] of rows) expect(stopWords(seen)).toBe(wanted)
  expect([taskId('arn:aws:ecs:eu-west-1:1:task/main/f00'), taskId('f00'), taskId('')]).toEqual(['f00', 'f00', ''])
})

test('a lock of a database has a name that RunTask takes, its own for every database', () => {
  const names = [
    'shop',
    'Shop',
    'shop-1',
    'shop_1',
    'shop 1',
    'shop/1',
    'shop.1',
    'é漢😀',
    '漢',
    '::error::',
    'a'.repeat(500),
    `${'a'.repeat(500)}b`,
  ]
  const locks = names.map(name => databaseLock(name, 5, 'g'))
  for (const [at, lock] of locks.entries()) {
    expect(lock.startedBy).toMatch(/^[A-Za-z0-9_/-]{1,128}$/)
    expect(lock).toMatchObject({ name: `database ${names[at]}`, waitMs: 5 })
  }
  expect(new Set(locks.map(({ startedBy }) => startedBy)).size).toBe(names.length)
  expect(databaseLock('shop', 0, 'g').startedBy).toBe(databaseLock('shop', 9, 'g').startedBy)
  expect(databaseLock('shop', 0, 'g').startedBy).toMatch(/^migration\/shop\/[0-9a-f]{12}$/)
})
