import { describe, expect, test } from '@jest/globals'
import { smoke } from './smoke.ts'

describe('wrong inputs', () => {
  test('are one error that lists all of them, and nothing is asked', async () => {
    const { exitCode, annotations, outputs, stdout } = await smoke({
      urls: 'https://ok.example.com\nnope\nftp://user:hunter22@example.com/',
      checks: '- name: api\n  url: https://a.example.com\n  expect: { statuss: 200 }\n- { method: GET }',
      'expect-status': 'fine',
      'version-path': 'a[',
      'max-latency': 'fast',
      headers: 'Authorization: Bearer hunter22\nX-A=1\nx-a=hunter22',
      timeout: '5 minutes',
      interval: '1ms',
      'request-timeout': 'x',
      successes: '0',
      'follow-redirects': 'maybe',
      'tls-min-days': '-1',
      'max-parallel': 'all',
      summary: 'no',
    })
    expect(exitCode).toBe(1)
    expect(outputs).toEqual({})
    expect(annotations).toHaveLength(1)
    const { message = '' } = annotations[0] ?? {}
    for (const problem of [
      'urls: "nope": allowed is an http:// or https:// address',
      'urls: "ftp://***@example.com/": allowed is an http:// or https:// address',
      'checks: entry 1 (api), expect.statuss: there is no such field; did you mean status?',
      'checks: entry 2, url: is required',
      'expect-status: "fine": allowed is a status',
      'version-path: "a[": allowed is a path',
      'max-latency: "fast": allowed is a duration',
      'headers: the line that begins with "Authorization": allowed is one NAME=VALUE per line',
      'headers: the header "x-a": is given twice',
      'timeout: "5 minutes": allowed is a duration',
      'interval: "1ms": allowed is at least 50ms',
      'request-timeout: "x": allowed is a duration',
      'successes: "0": allowed is a whole number from 1',
      'follow-redirects: "maybe": allowed is true or false',
      'tls-min-days: "-1": allowed is a whole number from 0',
      'max-parallel: "all": allowed is a whole number from 1',
      'summary: "no": allowed is true or false',
    ]) {
      expect(message).toContain(problem)
    }
    expect(stdout).not.toContain('hunter22')
  })

  test.each<[Record<string, string>, string]>([
    [{}, 'urls: is required, unless checks is given'],
    [{ urls: '# none' }, 'urls: holds only comments'],
    [{ checks: 'deploy/none.yml' }, 'checks: "deploy/none.yml": there is no such file'],
    [{ checks: '- { url: "http://a.test", headers: { a: hunter22' }, 'checks: line 1 is not valid YAML or JSON'],
    [{ urls: 'http://a.test', successes: '10', interval: '1m' }, 'timeout: is too short for 10 successes'],
  ])('%j', async (inputs, problem) => {
    const { exitCode, annotations, stdout } = await smoke({ timeout: '5m', ...inputs })
    expect(exitCode).toBe(1)
    expect(annotations[0]?.message).toContain(problem)
    expect(stdout).not.toContain('hunter22')
  })
})
