import { entryLines, type InputReader } from '@aws-deploy-actions/action-runtime'
import { RESULTS, type Result } from './needs.ts'

export interface SummarizeInputs {
  /** `toJSON(needs)` as it came; what is wrong with it is a matter of the verdict */
  readonly needs: string
  readonly reports: readonly string[]
  readonly title: string | undefined
  readonly environmentUrl: string | undefined
  readonly junit: readonly string[]
  readonly coverage: readonly string[]
  readonly failOn: ReadonlySet<Result>
  readonly allowedToFail: ReadonlySet<string>
  readonly allowedToSkip: ReadonlySet<string>
  readonly pullRequestComment: boolean
  readonly token: string | undefined
}

/** Reads and checks every input of the action. */
export function readInputs(input: InputReader): SummarizeInputs {
  return {
    needs: input.required('needs', 'allowed is ${{ toJSON(needs) }}'),
    reports: input.names('reports'),
    title: input.optional('title'),
    environmentUrl: input.parsed('environment-url', webAddress),
    junit: input.names('junit'),
    coverage: input.names('coverage'),
    failOn: new Set(input.parsed('fail-on', failingResults) ?? ['failure', 'cancelled']),
    allowedToFail: new Set(input.names('allowed-to-fail')),
    allowedToSkip: new Set(input.names('allowed-to-skip')),
    pullRequestComment: input.boolean('pull-request-comment', false),
    token: input.optional('github-token'),
  }
}

function failingResults(text: string): Result[] {
  return entryLines(text).map(line => {
    const result = RESULTS.find(entry => entry === line.trim())
    if (result === undefined || result === 'success')
      throw new Error('allowed is failure, cancelled, skipped, one a line')
    return result
  })
}

/**
 * The address as a browser reads it, without user and password.
 * @throws when it is none of http or https
 */
export function webAddress(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw new Error('allowed is an http:// or https:// address')
  url.username = ''
  url.password = ''
  return url.href
}
