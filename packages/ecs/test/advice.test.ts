import { expect, test } from '@jest/globals'
import { adviceFor } from '../src/advice.ts'

const MAY_NOT = 'The execution role may not pull the image.'
const NOT_THERE = 'The tag was not pushed, the repository is wrong, or a pull-through prefix is missing.'
const NOT_PULLED = 'The image could not be pulled.'
const PULL = 'CannotPullContainerError: pull image manifest has been retried 1 time(s)'

test.each([
  [`${PULL}: unexpected status code 403 Forbidden`, MAY_NOT],
  [`${PULL}: failed to authorize: unexpected status: 401 Unauthorized`, MAY_NOT],
  [`${PULL}: pull access denied, repository does not exist or may require authorization`, NOT_THERE],
  [`${PULL}: registry/web:nope: not found`, NOT_THERE],
  // A number in an id or an address is no status.
  [`${PULL}: 10.0.0.7:4030: EOF (task 40312d403f)`, NOT_PULLED],
  // What another line says is about something else.
  [`${PULL}: EOF\nevent: target group web not found`, NOT_PULLED],
  ['ResourceInitializationError: failed to invoke EFS utils\nlast line: reading secret', undefined],
])('%j', (words, cause) => {
  expect(adviceFor(words)?.cause).toBe(cause)
})
