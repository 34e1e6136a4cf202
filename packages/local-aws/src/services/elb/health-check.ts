import { get } from 'node:http'

/** What one check found out. */
export type CheckResult =
  | { readonly kind: 'ok' }
  | { readonly kind: 'code'; readonly code: number }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'refused' }

/** One GET as the load balancer does it; never rejects. */
export function checkOnce(
  port: number,
  path: string,
  matches: (code: number) => boolean,
  timeoutMs: number,
): Promise<CheckResult> {
  return new Promise(resolve => {
    const request = get(
      {
        host: '127.0.0.1',
        port,
        path,
        agent: false,
        headers: { 'user-agent': 'ELB-HealthChecker/2.0', connection: 'close' },
      },
      response => {
        const { statusCode = 0 } = response
        response.resume()
        settle(matches(statusCode) ? { kind: 'ok' } : { kind: 'code', code: statusCode })
      },
    )
    const timer = setTimeout(() => {
      settle({ kind: 'timeout' })
      request.destroy()
    }, timeoutMs)
    request.on('error', () => settle({ kind: 'refused' }))
    function settle(result: CheckResult): void {
      clearTimeout(timer)
      resolve(result)
    }
  })
}

/**
 * `200`, `200,202` or `200-299` → whether a code is meant.
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Matcher.html
 * @returns undefined when the text is none of these
 */
export function codeMatcher(text: string): ((code: number) => boolean) | undefined {
  const ranges = text.split(',').map(part => /^(\d{3})(?:-(\d{3}))?$/.exec(part.trim()))
  if (ranges.some(range => range === null)) return undefined
  return code =>
    ranges.some(range => range !== null && code >= Number(range[1]) && code <= Number(range[2] ?? range[1]))
}
