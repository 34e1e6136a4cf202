import { expect, test } from '@jest/globals'
import {
  asFailure,
  Cancelled,
  Deadline,
  DeadlineExceeded,
  Failure,
  failureText,
  InputError,
  systemClock,
} from '../src/index.ts'
import { Secrets } from '../src/secrets.ts'

test('a failure reads in the order in which a person asks', () => {
  expect(failureText({ what: 'It failed.' })).toBe('It failed.')
  expect(failureText({ what: 'It failed.', seen: [], next: [] })).toBe('It failed.')
  expect(failureText({ what: 'It failed.', next: ['Try again.'] })).toBe('It failed.\nWhat to do: Try again.')
  expect(
    failureText({
      next: ['One.', 'Two.'],
      cause: 'Rain.',
      seen: ['line 1', 'line 2'],
      said: 'X: y',
      resource: 'task/1',
      what: 'It failed.',
    }).split('\n'),
  ).toEqual([
    'It failed.',
    'Resource: task/1',
    'AWS says: X: y',
    'Last seen:',
    '  line 1',
    '  line 2',
    'Likely cause: Rain.',
    'What to do:',
    '- One.',
    '- Two.',
  ])
})

test('every failure has its status; anything thrown becomes one', () => {
  expect(new Failure('x').status).toBe('failed')
  expect(new InputError([]).status).toBe('failed')
  expect(new DeadlineExceeded('x').status).toBe('timed-out')
  expect(new Cancelled('SIGTERM')).toMatchObject({ status: 'cancelled', signal: 'SIGTERM', name: 'Cancelled' })
  expect(new Cancelled('SIGINT').record.cause).toContain('SIGINT')

  const failure = new Failure('x', { said: 'y' })
  expect(asFailure(failure)).toBe(failure)
  expect(failure.record).toEqual({ what: 'x', said: 'y' })
  const error = new TypeError('no such thing')
  expect(asFailure(error)).toMatchObject({ message: 'TypeError: no such thing', cause: error, status: 'failed' })
  for (const thrown of ['text', undefined, null, 42, { a: 1 }])
    expect(asFailure(thrown).message).toBe(`Error: ${String(thrown)}`)
})

test('a deadline counts down by its clock and then fails in its own words', () => {
  let now = 1_000_000
  const clock = { now: () => now, sleep: async () => {} }
  const deadline = new Deadline(clock, 500, { what: 'Lunch.' })
  expect([deadline.at, deadline.left]).toEqual([1_000_500, 500])
  now += 499
  expect(deadline.left).toBe(1)
  expect(() => deadline.check()).not.toThrow()
  now += 1
  expect(() => deadline.check()).toThrow('Lunch.')
  now += 10_000
  expect(deadline.left).toBe(0)
  expect(() => new Deadline(clock, 0).check()).toThrow(DeadlineExceeded)
})

test('sleep waits, and ends with the reason of the signal', async () => {
  const began = performance.now()
  await systemClock.sleep(20)
  expect(performance.now() - began).toBeGreaterThan(15)
  const cancel = new AbortController()
  const reason = new Cancelled('SIGINT')
  const sleeping = systemClock.sleep(60_000, cancel.signal)
  cancel.abort(reason)
  await expect(sleeping).rejects.toBe(reason)
  await expect(systemClock.sleep(60_000, cancel.signal)).rejects.toBe(reason)
})

test('secrets go from every form in which we write them', () => {
  const secrets = new Secrets()
  const { redact, add } = { redact: secrets.redact, add: (value: string | undefined) => secrets.add(value) }
  expect(redact('nothing known yet')).toBe('nothing known yet')
  for (const value of [
    undefined,
    '',
    'short',
    'p@ss_word|#1',
    'pa"ss\\word',
    'long-value',
    'long-value-longer',
    'a.*(b)+[c',
  ])
    add(value)
  const rows: readonly [string, string][] = [
    ['x p@ss_word|#1 y p@ss_word|#1', 'x *** y ***'],
    ['short stays', 'short stays'],
    ['long-value-longer long-value', '*** ***'],
    ['a.*(b)+[c aXX(b)+[c', '*** aXX(b)+[c'],
    [JSON.stringify({ a: 'pa"ss\\word' }), '{"a":"***"}'],
    // as `code` and `plain` write it
    ['p&#64;ss&#95;word&#124;&#35;1', '***'],
  ]
  for (const [text, wanted] of rows) expect(redact(text)).toBe(wanted)
  add('-----BEGIN KEY-----\nMIIEvQIBADAN\r\nx\n-----END KEY-----\n')
  expect(redact('app | -----BEGIN KEY-----\napp | MIIEvQIBADAN\napp | x')).toBe('app | ***\napp | ***\napp | x')
})
