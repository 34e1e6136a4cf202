import { describe, expect } from '@jest/globals'
import { inCloud } from '../../../test/support/in-cloud.ts'
import { until } from '../../../test/support/task-cloud.ts'

describe('the lines of a migration and its verification', () => {
  inCloud('the verification begins while last lines are on their way; they are printed first', async cloud => {
    await cloud.register('migrate', { app: { entryPoint: ['sh', '-c'], command: ['echo migrated'] } })
    // The start of the stream, again and again: nothing there yet.
    const nextForwardToken = `f/30${'0'.repeat(54)}/s`
    cloud.aws.addFault({ operation: 'GetLogEvents', kind: 'answer', body: { events: [], nextForwardToken } })
    const action = await cloud.start(
      { 'task-definition': 'migrate', database: 'shop', 'verify-command': '["echo looked at it"]' },
      'run-migration-task',
    )
    await until('the verification was started', () => cloud.calls('RunTask').length === 2)
    expect(action.output()).not.toContain('app | ')
    cloud.aws.clearFaults()
    const { exitCode, stdout, annotations } = await action.result
    expect([exitCode, annotations]).toEqual([0, []])
    const lines = stdout.split('\n').filter(line => line.startsWith('app | '))
    expect(lines).toEqual(['app | migrated', 'app | looked at it'])
    // What says where the log of the verification is stands between them.
    const where = stdout.lastIndexOf('Log of app: ')
    expect(where).toBeGreaterThan(stdout.indexOf('app | migrated'))
    expect(where).toBeLessThan(stdout.indexOf('app | looked at it'))
  })
})
