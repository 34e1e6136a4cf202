import { Cancelled, type Clock } from '@aws-deploy-actions/action-runtime'
import type { ContainerDefinition } from '@aws-sdk/client-ecs'
import { expect, test } from '@jest/globals'
import { CallBudget } from '../src/budget.ts'
import { streamsOfTask } from '../src/index.ts'

test('the streams of a task, and the containers whose lines are not in CloudWatch', () => {
  const log = (
    logDriver: 'awslogs' | 'splunk',
    options?: Record<string, string>,
  ): ContainerDefinition['logConfiguration'] => ({
    logDriver,
    ...(options === undefined ? {} : { options }),
  })
  const containers: ContainerDefinition[] = [
    { name: 'app', logConfiguration: log('awslogs', { 'awslogs-group': '/ecs/app', 'awslogs-stream-prefix': 'ecs' }) },
    {
      name: 'far',
      logConfiguration: log('awslogs', {
        'awslogs-group': '/ecs/far',
        'awslogs-stream-prefix': 'a/b',
        'awslogs-region': 'us-east-1',
      }),
    },
    { name: 'no-prefix', logConfiguration: log('awslogs', { 'awslogs-group': '/ecs/app' }) },
    { name: 'no-group', logConfiguration: log('awslogs', { 'awslogs-stream-prefix': 'ecs' }) },
    { name: 'no-options', logConfiguration: log('awslogs') },
    { name: 'splunk', logConfiguration: log('splunk', { 'awslogs-group': 'x', 'awslogs-stream-prefix': 'y' }) },
    { name: 'silent' },
  ]
  expect(streamsOfTask(containers, 'f00', 'eu-west-1')).toEqual({
    streams: [
      { container: 'app', group: '/ecs/app', stream: 'ecs/app/f00', region: 'eu-west-1' },
      { container: 'far', group: '/ecs/far', stream: 'a/b/far/f00', region: 'us-east-1' },
    ],
    without: ['no-prefix', 'no-group', 'no-options', 'splunk', 'silent'],
  })
  expect(streamsOfTask([], 'f00', 'eu-west-1')).toEqual({ streams: [], without: [] })
})

test('a budget lets calls through evenly, however many ask at once, and saves nothing up', async () => {
  let now = 50_000
  const until: number[] = []
  const clock: Clock = {
    now: () => now,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted()
      until.push(now + ms)
    },
  }
  const budget = new CallBudget(4, clock)
  const { signal } = new AbortController()
  await Promise.all(Array.from({ length: 5 }, () => budget.take(signal)))
  // The first goes at once.
  expect(until).toEqual([50_250, 50_500, 50_750, 51_000])
  until.length = 0
  now = 51_100
  await budget.take(signal)
  expect(until).toEqual([51_250])
  until.length = 0
  now = 90_000
  for (let call = 0; call < 3; call++) await budget.take(signal)
  expect(until).toEqual([90_250, 90_500])
  const reason = new Cancelled('SIGINT')
  await expect(budget.take(AbortSignal.abort(reason))).rejects.toBe(reason)
})
