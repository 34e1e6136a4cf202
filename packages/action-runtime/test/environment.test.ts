import { expect, test } from '@jest/globals'
import { runnerEnvironment } from '../src/index.ts'

const RUN = 'a'.repeat(40)
const OTHER = 'b'.repeat(40)
const GITHUB = { GITHUB_SHA: RUN, GITHUB_REF: 'refs/heads/main', GITHUB_HEAD_REF: '' }

test.each([
  ['nothing said', {}, RUN, 'refs/heads/main'],
  ['an empty text', { CHECKED_OUT_COMMIT: '' }, RUN, 'refs/heads/main'],
  ['the commit of the run', { CHECKED_OUT_COMMIT: RUN }, RUN, 'refs/heads/main'],
  ['no commit', { CHECKED_OUT_COMMIT: 'main' }, RUN, 'refs/heads/main'],
  ['another commit, which is of another branch', { CHECKED_OUT_COMMIT: OTHER }, OTHER, undefined],
  ['a commit by SHA-256', { CHECKED_OUT_COMMIT: 'c'.repeat(64) }, 'c'.repeat(64), undefined],
])('what was checked out: %s', (_, variables, sha, ref) => {
  expect(runnerEnvironment({ ...GITHUB, ...variables }, '/')).toMatchObject({ sha, ref })
})

test('the head branch of a pull request stays: nothing is pushed for it', () => {
  const environment = runnerEnvironment({ ...GITHUB, GITHUB_HEAD_REF: 'feature', CHECKED_OUT_COMMIT: OTHER }, '/')
  expect(environment).toMatchObject({ sha: OTHER, ref: undefined, headRef: 'feature' })
})
