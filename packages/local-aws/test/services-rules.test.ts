import { describe, expect, test } from '@jest/globals'
import { breakerThreshold } from '../src/services/ecs/service/breaker.ts'
import { rollingStep } from '../src/services/ecs/service/rolling.ts'

describe('the threshold of the circuit breaker', () => {
  test.each([
    [1, 3],
    [6, 3],
    [7, 4],
    [25, 13],
    [400, 200],
    [1000, 200],
  ])('desired count %d: %d failures by default', (desired, threshold) => {
    expect(breakerThreshold({ enable: true, rollback: true }, desired)).toBe(threshold)
  })
  test.each([
    ['COUNT' as const, 1, 50, 1],
    ['COUNT' as const, 7, 1, 7],
    ['BOUNDED_PERCENT' as const, 100, 2, 3],
    ['BOUNDED_PERCENT' as const, 100, 300, 200],
    ['BOUNDED_PERCENT' as const, 10, 50, 5],
    ['UNBOUNDED_PERCENT' as const, 50, 1, 1],
    ['UNBOUNDED_PERCENT' as const, 100, 300, 300],
    ['UNBOUNDED_PERCENT' as const, 25, 10, 3],
  ])('%s %d at desired count %d: %d', (type, value, desired, threshold) => {
    const thresholdConfiguration = { type, value }
    expect(breakerThreshold({ enable: true, rollback: false, thresholdConfiguration }, desired)).toBe(threshold)
  })
})

describe('a step of a rolling update', () => {
  const at = (
    desired: number,
    [minimumHealthyPercent, maximumPercent]: readonly [number, number],
    [primary, primaryHealthy, old, oldHealthy]: readonly [number, number, number, number],
  ) => rollingStep({ desired, minimumHealthyPercent, maximumPercent, primary, primaryHealthy, old, oldHealthy })

  test('100/200: all new ones start, old ones go one for one as new ones become healthy', () => {
    expect(at(2, [100, 200], [0, 0, 2, 2])).toEqual({ start: 2, stopOld: 0, stopPrimary: 0 })
    expect(at(2, [100, 200], [2, 0, 2, 2])).toEqual({ start: 0, stopOld: 0, stopPrimary: 0 })
    expect(at(2, [100, 200], [2, 1, 2, 2])).toEqual({ start: 0, stopOld: 1, stopPrimary: 0 })
    expect(at(2, [100, 200], [2, 2, 1, 1])).toEqual({ start: 0, stopOld: 1, stopPrimary: 0 })
  })
  test('50/100: an old one makes room first', () => {
    expect(at(2, [50, 100], [0, 0, 2, 2])).toEqual({ start: 0, stopOld: 1, stopPrimary: 0 })
    expect(at(2, [50, 100], [0, 0, 1, 1])).toEqual({ start: 1, stopOld: 0, stopPrimary: 0 })
    expect(at(2, [50, 100], [1, 0, 1, 1])).toEqual({ start: 0, stopOld: 0, stopPrimary: 0 })
    expect(at(2, [50, 100], [1, 1, 1, 1])).toEqual({ start: 0, stopOld: 1, stopPrimary: 0 })
  })
  test('0/100 at desired count 1: down, then up', () => {
    expect(at(1, [0, 100], [0, 0, 1, 1])).toEqual({ start: 0, stopOld: 1, stopPrimary: 0 })
    expect(at(1, [0, 100], [0, 0, 0, 0])).toEqual({ start: 1, stopOld: 0, stopPrimary: 0 })
  })
  test('100/150 at 3: the maximum is rounded down', () => {
    expect(at(3, [100, 150], [0, 0, 3, 3])).toEqual({ start: 1, stopOld: 0, stopPrimary: 0 })
  })
  test('75 percent of 3 is 3: the minimum is rounded up', () => {
    expect(at(3, [75, 100], [0, 0, 3, 3])).toEqual({ start: 0, stopOld: 0, stopPrimary: 0 })
  })
  test('old tasks that are not healthy make room although the minimum is not met', () => {
    expect(at(2, [100, 100], [0, 0, 2, 0])).toEqual({ start: 0, stopOld: 2, stopPrimary: 0 })
  })
  test('the service never has fewer healthy tasks than its minimum, whatever the course', () => {
    for (const [minimum, maximum] of [
      [100, 200],
      [50, 200],
      [50, 100],
      [0, 100],
      [100, 125],
    ] as const) {
      for (let desired = 1; desired <= 8; desired += 1) {
        const least = Math.ceil((desired * minimum) / 100)
        const most = Math.floor((desired * maximum) / 100)
        let state: [number, number, number, number] = [0, 0, desired, desired]
        for (let round = 0; round < 100 && (state[1] < desired || state[2] > 0); round += 1) {
          const step = at(desired, [minimum, maximum], state)
          const [primary, healthy, old] = state
          const left = old - step.stopOld
          expect(healthy + left).toBeGreaterThanOrEqual(least)
          expect(primary + step.start + left).toBeLessThanOrEqual(Math.max(most, desired))
          // one more becomes healthy every other round
          const placed = primary + step.start
          state = [placed, Math.min(placed, healthy + (round % 2)), left, left]
        }
        // a maximum that leaves no room for one more makes no progress: AWS's own rounding
        if (most > desired || least < desired) expect(state).toEqual([desired, desired, 0, 0])
      }
    }
  })
  test('scaling in stops what is too many', () => {
    expect(at(1, [100, 200], [3, 3, 0, 0])).toEqual({ start: 0, stopOld: 0, stopPrimary: 2 })
  })
})
