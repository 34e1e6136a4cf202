import { expect } from '@jest/globals'
import { expectEnd, smoke, withServer } from './smoke.ts'

const answer = (_: unknown, response: { end(text: string): void }): void => response.end('{"version":"1"}')

withServer('an expectation that holds for `urls` only is not ignored unsaid beside `checks`', answer, async url => {
  const result = await smoke({
    checks: `- url: ${url}`,
    'expect-status': '2xx',
    'expect-version': '2',
    'max-latency': '10s',
  })
  expectEnd(result, 'passed')
  expect(result.annotations.map(({ level, title }) => [level, title])).toEqual([
    ['warning', 'expect-version, max-latency tested nothing'],
  ])
  const used = await smoke({ urls: url, checks: `- url: ${url}`, 'expect-version': '1', 'expect-body': 'version' })
  expectEnd(used, 'passed')
  expect(used.annotations).toEqual([])
})

withServer('an expectation that came out empty is a wrong input, and nothing is asked', answer, async url => {
  const { exitCode, annotations } = await smoke({ checks: `- url: ${url}\n  expect:\n    version:\n    max-latency: ` })
  expect(exitCode).toBe(1)
  expect(annotations[0]?.message).toContain('checks: entry 1, expect.version: is empty')
  expect(annotations[0]?.message).toContain('checks: entry 1, expect.max-latency: is empty')
})
