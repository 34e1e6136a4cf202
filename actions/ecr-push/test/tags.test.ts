import { expect, test } from '@jest/globals'
import { filledTags, type TagFacts } from '../src/tags.ts'

const facts: TagFacts = {
  sha: '0123456789abcdef0123456789abcdef01234567',
  ref: 'refs/heads/feature/new login#2',
  headRef: undefined,
  runId: '987654',
  runNumber: '12',
  at: new Date('2026-03-04T05:06:07.890Z'),
}

test.each<[string, Partial<TagFacts>, string | undefined]>([
  ['latest', {}, 'latest'],
  ['v1.2_3-x', {}, 'v1.2_3-x'],
  ['_under', {}, '_under'],
  ['{sha}', {}, '0123456789abcdef0123456789abcdef01234567'],
  ['{short-sha}', {}, '0123456'],
  ['{branch}', {}, 'feature-new-login-2'],
  ['{branch}', { headRef: 'from/pr', ref: 'refs/pull/3/merge' }, 'from-pr'],
  ['{branch}', { ref: 'refs/heads/.-hidden' }, 'hidden'],
  ['pr-{branch}', { ref: 'refs/heads/#1' }, 'pr-1'],
  ['{branch}', { ref: 'refs/heads/größe' }, 'gr--e'],
  ['{branch}', { ref: `refs/heads/${'x'.repeat(200)}` }, 'x'.repeat(128)],
  ['{branch}-{short-sha}', { ref: `refs/heads/${'x'.repeat(200)}` }, 'x'.repeat(128)],
  ['{branch}', { ref: 'refs/heads/---' }, undefined],
  ['{branch}', { ref: 'refs/tags/v1.0.0' }, undefined],
  ['{run}', {}, '987654'],
  ['build-{run-number}', {}, 'build-12'],
  ['{date}-{time}', {}, '20260304-050607'],
  ['{version}', { ref: 'refs/tags/v1.2.3' }, '1.2.3'],
  ['{version}', { ref: 'refs/tags/v1.2.3-rc.1+build.5' }, '1.2.3-rc.1-build.5'],
  ['{version}', { ref: 'refs/tags/1.2.3' }, undefined],
  ['{version}', {}, undefined],
  ['{sha}', { sha: undefined }, undefined],
])('%s with %j is %s', (entry, changes, tag) => {
  const { tags, dropped, problems } = filledTags([entry], { ...facts, ...changes })
  expect(problems).toEqual([])
  expect(tags).toEqual(tag === undefined ? [] : [tag])
  expect(dropped).toHaveLength(tag === undefined ? 1 : 0)
})

test.each([
  ['has blank', /allowed is a tag/],
  ['.hidden', /allowed is a tag/],
  ['-x', /allowed is a tag/],
  ['-{sha}', /allowed is a tag/],
  ['a/b', /allowed is a tag/],
  ['{sha', /allowed is a tag/],
  ['größe', /allowed is a tag/],
  ['x'.repeat(129), /at most 128/],
  ['{commit}', /\{commit\} is unknown; allowed is \{sha\}, \{short-sha\}/],
  ['{}', /\{\} is unknown/],
])('the literal %s is refused', (entry, problem) => {
  expect(filledTags([entry], facts).problems).toEqual([{ entry, problem: expect.stringMatching(problem) }])
})

test('each tag stands there once, in the order given', () => {
  expect(filledTags(['b', '{short-sha}', 'a', '0123456', 'b'], facts).tags).toEqual(['b', '0123456', 'a'])
})
