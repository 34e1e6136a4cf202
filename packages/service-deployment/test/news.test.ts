import { expect, test } from '@jest/globals'
import { newsOf } from '../src/roll-out.ts'
import { newRollout } from '../src/rollout.ts'

test('a state is printed once while it lasts; one that comes back is printed with its time', () => {
  const revision = { arn: 'app:1', definition: { family: 'app', containerDefinitions: [] }, active: true }
  const rollout = newRollout('api', revision, revision, undefined)
  rollout.startedAt = 0
  const states = ['0 of 1', '0 of 1', '1 of 1', '0 of 1', '0 of 1', '1 of 1', '0 of 1']
  const lines = states.map((state, index) => newsOf(rollout, state, index * 30_000))
  expect(lines).toEqual([
    '0 of 1',
    undefined,
    '1 of 1',
    '0 of 1 (again, after 1m 30s)',
    undefined,
    '1 of 1 (again, after 2m 30s)',
    '0 of 1 (again, after 3m)',
  ])
})
