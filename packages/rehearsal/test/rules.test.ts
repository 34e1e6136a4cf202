import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { comparison, inRepository, isCompared, record, rehearsedRule, rules } from './support/rule.ts'

const all = rules()

test('there are at least 40 rules, and each names its source', () => {
  expect(all.length).toBeGreaterThanOrEqual(40)
  expect(
    all.filter(({ source }) => !/github\/docs|actions\/|docs\.github\.com|yaml\.org|docker-library/.test(source)),
  ).toEqual([])
})

test('the README counts them, and lists those where act differs', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const compared = all.filter(isCompared)
  expect(readme).toContain(`one small workflow per rule of GitHub's, ${all.length} of them`)
  expect(readme).toContain(`the ${compared.length} that it can run`)
  const listed = [...readme.matchAll(/^\| \[([\w-]+)\]\(test\/rules\/\1\.yml\) \| (.*) \| (.*) \|$/gm)]
  expect(listed.map(([, name, act, right]) => [name, `${act}; ${right}`.toLowerCase()])).toEqual(
    compared.flatMap(({ name, fields: { act, 'act-prints': prints = act } }) =>
      prints === undefined ? [] : [[name, String(prints).trim().toLowerCase()]],
    ),
  )
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
