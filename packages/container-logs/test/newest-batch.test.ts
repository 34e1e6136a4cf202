import type { OutputLogEvent } from '@aws-sdk/client-cloudwatch-logs'
import { expect, test } from '@jest/globals'
import { NewestBatch } from '../src/newest-batch.ts'

const END = 1_000_000
const batch = (ingestionTime: number, many = 1, message = 'a line'): OutputLogEvent[] =>
  Array.from({ length: many }, () => ({ ingestionTime, message, timestamp: END - 10 }))

test.each<[string, OutputLogEvent[][], boolean]>([
  ['nothing came', [], false],
  ['the last lines came before the end: there may be more', [batch(END - 1)], false],
  ['one batch after the end', [batch(END + 40)], true],
  ['one before and one after', [batch(END - 5000, 300), batch(END + 40, 3)], true],
  ['one before and one after on the same page', [[...batch(END - 5000, 300), ...batch(END + 40, 3)]], true],
  ['a full one after the end: the driver had more', [batch(END + 40, 10_000)], false],
  ['a full one in two pages', [batch(END + 40, 5000), batch(END + 40, 5000)], false],
  ['a full one, and what was left', [batch(END + 40, 10_000), batch(END + 90, 7)], true],
  ['one that is full by its bytes', [batch(END + 40, 4, 'x'.repeat(200_000))], false],
  ['bytes, not characters, fill it', [batch(END + 40, 4, 'é'.repeat(100_000))], false],
  ['no time of CloudWatch', [[{ message: 'a line' }]], false],
])('%s', (_, pages, isLast) => {
  const newest = new NewestBatch()
  for (const page of pages) newest.take(page)
  expect(newest.isLastAfter(END)).toBe(isLast)
  expect(newest.isLastAfter(Number.POSITIVE_INFINITY)).toBe(false)
})
