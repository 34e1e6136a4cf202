import { type HostEnd, hostOutcome, hostResult } from '@aws-deploy-actions/compose-host'
import { describe, expect, test } from '@jest/globals'

const line = (status: string, more = ''): string =>
  `{"ssm-pull-deploy":1,"status":"${status}","reason":"why","phase":"pulling","takeBack":"done","services":[{"name":"web","before":"sha256:1","after":"sha256:2"}],"seconds":3,"log":"/opt/.shop.deploy/log","evidence":["web | last words"]${more}}`
const end = (statusDetails: string, output: string, exitCode?: number): HostEnd => ({
  id: 'i-1',
  statusDetails,
  exitCode,
  result: hostResult(output),
  said: output,
})

describe('what the end of a host means', () => {
  test.each<[string, string, 'deploy' | 'rollback', string, boolean]>([
    ['Success', 'deployed', 'deploy', 'deployed', true],
    ['Success', 'unchanged', 'deploy', 'unchanged', true],
    ['Success', 'rolled-back', 'rollback', 'rolled-back', true],
    ['Success', 'rolled-back', 'deploy', 'failed', false],
    ['Success', 'deployed', 'rollback', 'failed', false],
    ['Success', 'nonsense', 'deploy', 'failed', false],
    ['Failed', 'rolled-back', 'deploy', 'rolled-back', false],
    ['Failed', 'failed', 'deploy', 'failed', false],
    // never green against SSM's own word
    ['Failed', 'deployed', 'deploy', 'failed', false],
    ['Failed', 'unchanged', 'deploy', 'failed', false],
    ['Cancelled', 'deployed', 'deploy', 'cancelled', false],
    ['Terminated', 'deployed', 'deploy', 'not-started', false],
    ['NewStatus', 'deployed', 'deploy', 'failed', false],
    ['', 'deployed', 'deploy', 'failed', false],
  ])('%s with %s of a %s: %s', (details, status, operation, expected, green) => {
    const outcome = hostOutcome(end(details, line(status)), operation)
    expect([outcome.status, outcome.failure === undefined]).toEqual([expected, green])
  })

  test.each(['Success', 'Failed'])('%s without a result is a failure that says so', details => {
    const { status, failure } = hostOutcome(end(details, 'sh: 1: gzip: not found', 127), 'deploy')
    expect(status).toBe('failed')
    expect(failure?.what).toContain('without a result')
    expect(failure?.seen).toEqual(['sh: 1: gzip: not found'])
  })

  test.each([
    'DeliveryTimedOut',
    'ExecutionTimedOut',
    'Undeliverable',
    'Terminated',
    'InvalidPlatform',
    'AccessDenied',
    'Incomplete',
    'RateExceeded',
    'NoInstancesInTag',
    'Cancelled',
  ])('%s has words of its own', details => {
    const { failure } = hostOutcome(end(details, ''), 'deploy')
    expect(failure?.said).toContain(details)
    expect(failure?.next?.join('')).not.toBe('')
    expect(failure?.what).not.toContain('not known')
  })

  test.each([
    ['no basic auth credentials', 'registry-login'],
    ['manifest unknown', 'Push the tag'],
    ['Another deploy of this directory holds the lock: x', 'lock-timeout'],
    ['no space left on device', 'keep-releases'],
  ])('%s: the next step speaks of %s', (reason, advice) => {
    const output = line('failed').replace('why', reason)
    expect(hostOutcome(end('Failed', output), 'deploy').failure?.next?.join(' ')).toContain(advice)
  })
})

describe('the result line', () => {
  test('is found among other output', () => {
    expect(hostResult(`noise\n${line('deployed')}\n----------ERROR-------\nmore`)?.services).toEqual([
      { name: 'web', before: 'sha256:1', after: 'sha256:2' },
    ])
  })

  test.each(['', '{', line('deployed').slice(0, -20), '{"ssm-pull-deploy":2}', '[]'])('%j is none', text => {
    expect(hostResult(text)).toBeUndefined()
  })
})
