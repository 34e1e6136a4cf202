import { durationText, type InputReader } from '@aws-deploy-actions/action-runtime'
import {
  ANY_SUCCESS,
  type Check,
  type CheckDefaults,
  checkedUrl,
  type Expectations,
  givenChecks,
  headersFromLines,
  jsonPath,
  type PollOptions,
  shownUrl,
  statusPatterns,
  type VersionSource,
  versionSource,
} from '@aws-deploy-actions/http-probe'

export interface SmokeTestInputs {
  readonly checks: readonly Check[]
  readonly timeoutMs: number
  readonly polling: PollOptions
  /** inputs that are given and hold for `urls` only, of which there are none */
  readonly unused: readonly string[]
}

const MINUTES = 60_000

/** Reads and checks every input of the action. */
export function readInputs(input: InputReader): SmokeTestInputs {
  const defaults: CheckDefaults = {
    headers: headersOf(input),
    versionFrom: input.parsed('version-path', versionSource) ?? { json: jsonPath('version') },
  }
  const expect = expectationsOf(input, defaults.versionFrom)
  const checks = [...checksOfUrls(input, defaults, expect), ...checksOfDocument(input, defaults)]
  if (input.verbatim('urls').trim() === '' && input.verbatim('checks').trim() === '')
    input.conflict('urls', 'is required, unless checks is given; allowed is one http:// or https:// address per line')
  else if (checks.length === 0 && input.verbatim('checks').trim() === '')
    input.conflict('urls', 'holds only comments; allowed is one http:// or https:// address per line')
  const timeoutMs = input.duration('timeout', 5 * MINUTES, 100)
  const polling = {
    intervalMs: input.duration('interval', 2000, 50),
    requestTimeoutMs: input.duration('request-timeout', 10_000, 50),
    successes: input.integer('successes', 1, 1000) ?? 1,
    followRedirects: input.boolean('follow-redirects', true),
    tlsMinDays: input.integer('tls-min-days', 0, 3650) ?? 0,
    maxParallel: input.integer('max-parallel', 1, 1000) ?? 10,
  }
  const least = (polling.successes - 1) * polling.intervalMs
  if (least > timeoutMs) {
    const needed = `${polling.successes} successes at intervals of ${durationText(polling.intervalMs)}`
    input.conflict('timeout', `is too short for ${needed}; allowed is more than ${durationText(least)}`)
  }
  return { checks, timeoutMs, polling, unused: input.verbatim('urls').trim() === '' ? unusedInputs(input) : [] }
}

/** `expect-status` has a default in action.yml: that value counts as not given. */
function unusedInputs(input: InputReader): string[] {
  const names = ['expect-status', 'expect-body', 'expect-version', 'max-latency']
  return names.filter(name => !['', name === 'expect-status' ? '2xx' : ''].includes(input.verbatim(name).trim()))
}

function headersOf(input: InputReader): ReadonlyMap<string, string> {
  const { headers, problems } = headersFromLines(input.verbatim('headers'))
  for (const problem of problems) input.conflict('headers', problem)
  return headers
}

function expectationsOf(input: InputReader, versionFrom: VersionSource): Expectations {
  const body = input.optional('expect-body')
  const version = input.optional('expect-version')
  const maxLatencyMs = input.duration('max-latency', 0, 1)
  return {
    ...ANY_SUCCESS,
    status: input.parsed('expect-status', statusPatterns) ?? ANY_SUCCESS.status,
    bodyContains: body === undefined ? [] : [body],
    maxLatencyMs: maxLatencyMs === 0 ? undefined : maxLatencyMs,
    version: version === undefined ? undefined : { wanted: version, from: versionFrom },
  }
}

function checksOfUrls(input: InputReader, { headers }: CheckDefaults, expect: Expectations): Check[] {
  return input.names('urls').flatMap(text => {
    try {
      const url = checkedUrl(text)
      return { name: shownUrl(url), url, method: 'GET', headers, body: undefined, expect }
    } catch (error) {
      input.conflict('urls', error instanceof Error ? error.message : String(error))
      return []
    }
  })
}

function checksOfDocument(input: InputReader, defaults: CheckDefaults): Check[] {
  const folder = input.variable('GITHUB_WORKSPACE') ?? ''
  const { checks, problems } = givenChecks(input.verbatim('checks'), folder, defaults)
  for (const problem of problems) input.conflict('checks', problem)
  return checks
}
