import { describe, expect, test } from '@jest/globals'
import { comparison, inRepository, record, rehearsedRule, rules } from './support/rule.ts'

const all = rules()

test('there are at least 40 rules, and each names its source', () => {
  expect(all.length).toBeGreaterThanOrEqual(40)
  expect(
    all.filter(({ source }) => !/github\/docs|actions\/|docs\.github\.com|yaml\.org|docker-library/.test(source)),
  ).toEqual([])
})

describe('what GitHub does', () => {
  test.concurrent.each(all.map(rule => [rule.name, rule.rule, rule] as const))('%s: %s', async (_name, _text, rule) => {
    await inRepository(rule, async folder => {
      const { refused } = record(rule.fields['expect'], 'expect')
      if (refused !== undefined)
        return void (await expect(rehearsedRule(rule, folder)).rejects.toThrow(String(refused)))
      const { expected, actual } = comparison(rule, await rehearsedRule(rule, folder))
      expect(actual).toEqual(expected)
    })
  })
})
