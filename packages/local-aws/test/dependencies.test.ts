import { describe, expect, test } from '@jest/globals'
import { type DependencyState, dependencyVerdict } from '../src/services/ecs/dependencies.ts'

const waiting: DependencyState = {
  image: 'i',
  phase: 'waiting',
  exitCode: undefined,
  startedAt: undefined,
  health: 'UNKNOWN',
  deadline: undefined,
}
const running: DependencyState = { ...waiting, phase: 'running', startedAt: 1 }
const ended = (exitCode: number): DependencyState => ({ ...running, phase: 'stopped', exitCode })
const neverStarted: DependencyState = { ...waiting, phase: 'stopped' }
const healthy: DependencyState = { ...running, health: 'HEALTHY' }
const unhealthy: DependencyState = { ...running, health: 'UNHEALTHY' }
const late: DependencyState = { ...running, deadline: 50 }

// after the agent's tests of agent/engine/dependencygraph/graph.go
describe('may a container start?', () => {
  test.each<['START' | 'COMPLETE' | 'SUCCESS' | 'HEALTHY', string, DependencyState, 'met' | 'wait' | 'never']>([
    ['START', 'waiting', waiting, 'wait'],
    ['START', 'running', running, 'met'],
    ['START', 'ended already', ended(1), 'met'],
    ['START', 'never started', neverStarted, 'never'],
    ['START', 'running past its startTimeout', late, 'met'],
    ['COMPLETE', 'waiting', waiting, 'wait'],
    ['COMPLETE', 'running', running, 'wait'],
    ['COMPLETE', 'ended 0', ended(0), 'met'],
    ['COMPLETE', 'ended 1', ended(1), 'met'],
    ['COMPLETE', 'never started', neverStarted, 'never'],
    ['COMPLETE', 'running past its startTimeout', late, 'never'],
    ['SUCCESS', 'running', running, 'wait'],
    ['SUCCESS', 'ended 0', ended(0), 'met'],
    ['SUCCESS', 'ended 1', ended(1), 'never'],
    ['SUCCESS', 'ended 0 past its startTimeout', { ...ended(0), deadline: 50 }, 'met'],
    ['SUCCESS', 'running past its startTimeout', late, 'never'],
    ['HEALTHY', 'running', running, 'wait'],
    ['HEALTHY', 'healthy', healthy, 'met'],
    ['HEALTHY', 'unhealthy', unhealthy, 'wait'],
    ['HEALTHY', 'unhealthy past its startTimeout', { ...unhealthy, deadline: 50 }, 'never'],
    ['HEALTHY', 'ended', ended(0), 'never'],
  ])('%s, the other is %s', (condition, _name, state, expected) => {
    const verdict = dependencyVerdict(
      { name: 'app', image: 'x' },
      [{ containerName: 'other', condition }],
      () => state,
      100,
    )
    expect(verdict.kind).toBe(expected)
  })

  test('all must be met; one that never will be decides', () => {
    const states = new Map([
      ['a', running],
      ['b', waiting],
      ['c', ended(1)],
    ])
    const verdict = (...conditions: [string, 'START' | 'SUCCESS'][]) =>
      dependencyVerdict(
        { name: 'app', image: 'x' },
        conditions.map(([containerName, condition]) => ({ containerName, condition })),
        name => states.get(name),
        100,
      ).kind
    expect(verdict()).toBe('met')
    expect(verdict(['a', 'START'])).toBe('met')
    expect(verdict(['a', 'START'], ['b', 'START'])).toBe('wait')
    expect(verdict(['b', 'START'], ['c', 'SUCCESS'])).toBe('never')
  })
})
