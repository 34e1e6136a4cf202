import {
  Cancelled,
  type Clock,
  createLog,
  Deadline,
  DeadlineExceeded,
  Failure,
} from '@aws-deploy-actions/action-runtime'
import { describe, expect, test } from '@jest/globals'
import { AwsError, type Calling, CredentialsError, call, PermissionError, poll } from '../src/index.ts'

/** A clock whose sleeps take no time, and what was slept and said. */
function simulated(ms: number, signal?: AbortSignal) {
  let now = Date.UTC(2026, 10, 20)
  const sleeps: number[] = []
  const said: string[] = []
  const clock: Clock = {
    now: () => now,
    sleep: async (wait, abort) => {
      abort?.throwIfAborted()
      sleeps.push(wait)
      now += wait
    },
  }
  const calling: Calling = {
    clock,
    log: createLog(text => said.push(text.trimEnd())),
    deadline: new Deadline(clock, ms, { what: 'Out of time.' }),
    ...(signal === undefined ? {} : { signal }),
  }
  return { calling, sleeps, said, pass: (time: number) => (now += time) }
}

function failing(name: string, status?: number, headers?: Record<string, string>): Error {
  const error = new Error(`${name} happened`)
  error.name = name
  return Object.assign(error, { $metadata: { httpStatusCode: status }, $response: { statusCode: status, headers } })
}

/** Throws the errors one after another, the last for ever when `forEver`, then returns `done`. */
function attempts(errors: readonly Error[], forEver = false) {
  let count = 0
  return {
    count: () => count,
    attempt: async () => {
      const error = errors[forEver ? Math.min(count, errors.length - 1) : count]
      count++
      if (error !== undefined) throw error
      return 'done'
    },
  }
}

const throttled = failing('ThrottlingException', 400)
const unavailable = failing('ServiceUnavailable', 503)
const reset = failing('ECONNRESET')

describe('one call', () => {
  test('that succeeds is made once, without a word', async () => {
    const { calling, sleeps, said } = simulated(1000)
    const { attempt, count } = attempts([])
    await expect(call('ecs:RunTask', calling, attempt)).resolves.toBe('done')
    expect([count(), sleeps, said]).toEqual([1, [], []])
  })

  test.each([
    ['throttling', throttled, 500, 5000],
    ['server errors', unavailable, 200, 3000],
    ['broken connections', reset, 200, 3000],
  ])('rides out %s: jittered, growing, never above its most', async (_, error, first, most) => {
    const seen = new Set<number>()
    for (let round = 0; round < 20; round++) {
      const { calling, sleeps } = simulated(600_000)
      const { attempt, count } = attempts(Array<Error>(12).fill(error))
      await expect(call('ecs:DescribeTasks', calling, attempt)).resolves.toBe('done')
      expect(count()).toBe(13)
      expect(sleeps).toHaveLength(12)
      for (const [tries, wait] of sleeps.entries()) {
        const limit = Math.min(most, first * 2 ** tries)
        expect(wait).toBeGreaterThanOrEqual(limit / 2)
        expect(wait).toBeLessThanOrEqual(limit)
        seen.add(wait)
      }
    }
    expect(seen.size).toBeGreaterThan(200)
  })

  test('waits as long as the server asks, within reason', async () => {
    for (const [asked, least, most] of [
      ['7', 7000, 7000],
      ['3600', 20_000, 20_000],
      ['x', 100, 200],
    ] as const) {
      const { calling, sleeps } = simulated(600_000)
      await call('ecs:X', calling, attempts([failing('ServiceUnavailable', 503, { 'retry-after': asked })]).attempt)
      expect(sleeps[0]).toBeGreaterThanOrEqual(least)
      expect(sleeps[0]).toBeLessThanOrEqual(most)
    }
  })

  test("gives up at the deadline, never after it, with AWS's last words", async () => {
    for (const [error, ms] of [
      [throttled, 60_000],
      [reset, 7000],
      [unavailable, 50],
    ] as const) {
      const { calling, sleeps } = simulated(ms)
      const ends = call('ecs:RunTask', calling, attempts([error], true).attempt)
      await expect(ends).rejects.toMatchObject({
        name: 'DeadlineExceeded',
        message: 'Out of time.',
        details: { said: `${error.name}: ${error.message}` },
      })
      const slept = sleeps.reduce((sum, wait) => sum + wait, 0)
      expect(slept).toBeLessThanOrEqual(ms)
      expect(slept).toBeGreaterThanOrEqual(ms - 5000)
    }
    const late = simulated(0)
    const { attempt, count } = attempts([])
    await expect(call('ecs:X', late.calling, attempt)).rejects.toThrow('Out of time.')
    expect(count()).toBe(0)
  })

  test('an answer that never comes ends with the deadline', async () => {
    const { calling } = simulated(30)
    const ends = call('ecs:X', calling, ({ abortSignal }) => {
      const { promise, reject } = Promise.withResolvers<never>()
      abortSignal.addEventListener('abort', () => reject(failing('AbortError')))
      return promise
    })
    await expect(ends).rejects.toMatchObject({ name: 'DeadlineExceeded', details: { said: 'no answer to ecs:X' } })
  })

  test.each([
    ['AccessDeniedException', PermissionError],
    ['ExpiredTokenException', CredentialsError],
    ['InvalidParameterException', AwsError],
  ])('%s is final', async (name, type) => {
    const { calling, sleeps } = simulated(60_000)
    const { attempt, count } = attempts([failing(name, 400)], true)
    const error: unknown = await call('ecs:RunTask', calling, attempt).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(type)
    expect(error).toMatchObject({ cause: { name } })
    expect([count(), sleeps]).toEqual([1, []])
  })

  test('a failure of ours passes as it is', async () => {
    const failure = new Failure('Ours.')
    await expect(call('ecs:X', simulated(1000).calling, attempts([failure]).attempt)).rejects.toBe(failure)
  })

  test('a cancel ends it at once: before, during and between attempts', async () => {
    const reason = new Cancelled('SIGTERM')
    const before = attempts([])
    await expect(call('ecs:X', simulated(9000, AbortSignal.abort(reason)).calling, before.attempt)).rejects.toBe(reason)
    expect(before.count()).toBe(0)

    const during = new AbortController()
    const inFlight = call('ecs:X', simulated(9000, during.signal).calling, ({ abortSignal }) => {
      const { promise, reject } = Promise.withResolvers<never>()
      abortSignal.addEventListener('abort', () => reject(failing('AbortError')))
      during.abort(reason)
      return promise
    })
    await expect(inFlight).rejects.toBe(reason)

    const between = new AbortController()
    const { calling } = simulated(9000, between.signal)
    const sleep: Clock['sleep'] = async (_, signal) => {
      between.abort(reason)
      signal?.throwIfAborted()
    }
    const { attempt, count } = attempts([reset], true)
    const ends = call('ecs:X', { ...calling, clock: { ...calling.clock, sleep } }, attempt)
    await expect(ends).rejects.toBe(reason)
    expect(count()).toBe(1)
  })

  test('an unanswered request is looked for before it is repeated; a refused one is not', async () => {
    const looked: string[] = []
    const answers: readonly (string | undefined)[] = [undefined, 'found']
    const alreadyDone = async (): Promise<string | undefined> => answers[looked.push('look') - 1]
    const lost = attempts([reset], true)
    await expect(call('ecs:X', simulated(60_000).calling, lost.attempt, alreadyDone)).resolves.toBe('found')
    expect([lost.count(), looked.length]).toEqual([2, 2])

    looked.length = 0
    await expect(call('ecs:X', simulated(60_000).calling, attempts([throttled]).attempt, alreadyDone)).resolves.toBe(
      'done',
    )
    expect(looked).toEqual([])
  })

  test('one line at the start of a bad spell, then one every half minute', async () => {
    const { calling, said, sleeps } = simulated(120_000)
    await expect(call('ecs:RunTask', calling, attempts([throttled], true).attempt)).rejects.toThrow(DeadlineExceeded)
    expect(sleeps.length).toBeGreaterThan(20)
    expect(said[0]).toBe('ecs:RunTask: throttled (ThrottlingException); trying again.')
    expect(said).toHaveLength(4)
    for (const [index, line] of said.slice(1).entries()) {
      const seconds = /for (?:(\d+)m ?)?(?:(\d+)s)?; trying again\.$/.exec(line)
      expect(Number(seconds?.[1] ?? 0) * 60 + Number(seconds?.[2] ?? 0)).toBeGreaterThanOrEqual(30 * (index + 1))
    }
    const short = simulated(120_000)
    await call('ecs:X', short.calling, attempts([reset, unavailable]).attempt)
    expect(short.said).toEqual(['ecs:X: no usable answer (ECONNRESET); trying again.'])
  })
})

describe('polling', () => {
  test('looks at once, then about every interval, until there is something', async () => {
    const { calling, sleeps } = simulated(600_000)
    let looks = 0
    await expect(poll(calling, 2000, async () => (++looks === 50 ? { looks } : undefined))).resolves.toEqual({
      looks: 50,
    })
    expect(sleeps).toHaveLength(49)
    for (const wait of sleeps) expect(wait >= 1800 && wait <= 2200).toBe(true)
    expect(new Set(sleeps).size).toBeGreaterThan(40)
    await expect(poll(calling, 2000, async () => 0)).resolves.toBe(0)
  })

  test('ends exactly at the deadline, by its words', async () => {
    const { calling, sleeps } = simulated(10_000)
    await expect(poll(calling, 3000, async () => undefined)).rejects.toThrow('Out of time.')
    expect(sleeps.reduce((sum, wait) => sum + wait, 0)).toBeCloseTo(10_000, 1)
  })

  test('hands on what the look throws, and the reason of a cancel', async () => {
    const failure = new Failure('Seen.')
    await expect(poll(simulated(9000).calling, 1000, () => Promise.reject(failure))).rejects.toBe(failure)
    const reason = new Cancelled('SIGINT')
    const ends = poll(simulated(9000, AbortSignal.abort(reason)).calling, 1000, async () => undefined)
    await expect(ends).rejects.toBe(reason)
  })
})
