import { describe, expect, test } from '@jest/globals'
import { needsFrom, RESULTS, type Result } from '../src/needs.ts'
import { type Rules, verdictOf } from '../src/verdict.ts'

const DEFAULTS: Rules = {
  failOn: new Set<Result>(['failure', 'cancelled']),
  allowedToFail: new Set(),
  allowedToSkip: new Set(),
}

/** Jobs a, b, c … with these results. */
function judged(results: readonly (string | undefined)[], rules: Partial<Rules> = {}): ReturnType<typeof verdictOf> {
  const jobs = results.map((result, index) => [String.fromCharCode(97 + index), { result, outputs: {} }])
  return verdictOf(needsFrom(JSON.stringify(Object.fromEntries(jobs))), { ...DEFAULTS, ...rules })
}

describe('by default', () => {
  const all = RESULTS.flatMap(a => RESULTS.flatMap(b => RESULTS.map(c => [a, b, c])))

  test.each(all)('%s, %s, %s: failure beats cancelled beats success; skipped only when all are', (...results) => {
    const { status, fails } = judged(results)
    const has = (result: Result): boolean => results.includes(result)
    const expected = has('failure')
      ? 'failure'
      : has('cancelled')
        ? 'cancelled'
        : has('success')
          ? 'success'
          : 'skipped'
    expect(status).toBe(expected)
    expect(fails).toBe(expected === 'failure' || expected === 'cancelled')
  })
})

describe('what counts', () => {
  const skipToo = new Set<Result>(['failure', 'cancelled', 'skipped'])
  const rows: readonly [string, readonly (string | undefined)[], Partial<Rules>, Result, boolean][] = [
    ['an allowed failure', ['failure', 'success'], { allowedToFail: new Set(['a']) }, 'success', false],
    ['another failure beside it', ['failure', 'failure'], { allowedToFail: new Set(['a']) }, 'failure', true],
    ['only an allowed failure', ['failure'], { allowedToFail: new Set(['a']) }, 'success', false],
    ['a cancel of a job that may fail', ['cancelled', 'success'], { allowedToFail: new Set(['a']) }, 'cancelled', true],
    [
      'cancelled not in fail-on',
      ['cancelled', 'success'],
      { failOn: new Set<Result>(['failure']) },
      'cancelled',
      false,
    ],
    ['failure not in fail-on', ['failure', 'success'], { failOn: new Set<Result>(['cancelled']) }, 'failure', false],
    ['a skip that must not be', ['skipped', 'success'], { failOn: skipToo }, 'skipped', true],
    [
      'a skip that may be',
      ['skipped', 'success'],
      { failOn: skipToo, allowedToSkip: new Set(['a']) },
      'success',
      false,
    ],
    ['a skip beside a failure', ['skipped', 'failure'], { failOn: skipToo }, 'failure', true],
    ['all skipped', ['skipped', 'skipped'], {}, 'skipped', false],
    ['all skipped, and that must not be', ['skipped', 'skipped'], { failOn: skipToo }, 'skipped', true],
    ['no result', ['success', undefined], {}, 'failure', true],
    ['an unknown result', ['success', 'neutral'], {}, 'failure', true],
    ['an unknown result with nothing to fail on', ['Success'], { failOn: new Set() }, 'failure', true],
    ['an unknown result of a job that may fail', ['odd'], { allowedToFail: new Set(['a']) }, 'failure', true],
  ]

  test.each(rows)('%s', (_, results, rules, status, fails) => {
    expect(judged(results, rules)).toMatchObject({ status, fails })
  })
})

test.each(['', 'null', '[]', '"success"', '7', 'true', '{', '[{"result":"success"}]', '{}', 'x: {result: success}'])(
  'needs that hold no job are a failure: %j',
  json => {
    expect(verdictOf(needsFrom(json), { ...DEFAULTS, failOn: new Set() })).toMatchObject({
      status: 'failure',
      fails: true,
    })
  },
)

test.each(['null', '"success"', '[]', '{"result":["success"]}', '{"result":null}', '{"conclusion":"success"}'])(
  'a job of another form has no known result: %s',
  job => {
    expect(verdictOf(needsFrom(`{"a":${job}}`), DEFAULTS)).toMatchObject({
      status: 'failure',
      fails: true,
      sentence: 'a ended without a known result.',
    })
  },
)

test.each([
  [['success'], 'The only job succeeded.'],
  [['success', 'success', 'success'], 'All 3 jobs succeeded.'],
  [['success', 'success', 'skipped'], '2 of 3 jobs succeeded, 1 was skipped.'],
  [['skipped', 'skipped'], 'Both jobs were skipped.'],
  [['failure', 'success', 'skipped'], 'a failed; 1 of 3 jobs succeeded, 1 was skipped.'],
  [['failure', 'failure', 'cancelled', 'odd'], 'a and b failed; d ended without a known result; c was cancelled.'],
  [Array.from({ length: 8 }, () => 'failure'), 'a, b, c, d, e and 3 more failed.'],
])('%j in words', (results, sentence) => {
  expect(judged(results).sentence).toBe(sentence)
})
