import { type Reason, reason } from './reason.ts'
import { shownUrl } from './shown.ts'

/** What one hop asks. */
export interface Hop {
  readonly url: URL
  readonly method: string
  /** names in lower case */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string | undefined
}

const REDIRECTS = new Set([301, 302, 303, 307, 308])
/** As many as curl's and fetch's users are used to come by with (fetch: 20, curl: 50, most proxies: 10). */
const MOST_HOPS = 10
/** Any other header that a person gives may be a credential under a name of its own, such as `X-Api-Key`. */
const FOR_ANY_ORIGIN = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'content-type',
  'user-agent',
])

/**
 * Where the last of `hops` is sent on to; undefined when its answer is the final one. Method and body change as in the
 * Fetch standard (HTTP-redirect fetch, steps 11 to 13); to another origin only harmless headers go along.
 */
export function nextHop(hops: readonly Hop[], status: number, location: string | undefined): Hop | Reason | undefined {
  const last = hops.at(-1)
  if (last === undefined || location === undefined || !REDIRECTS.has(status)) return undefined
  const url = URL.parse(location, last.url.href)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    return reason('redirect', `redirects (${status}) to what is no http or https address`)
  const becomesGet =
    (status === 303 && last.method !== 'HEAD' && last.method !== 'GET') ||
    ((status === 301 || status === 302) && last.method === 'POST')
  const headers = new Map(last.headers)
  if (url.origin !== last.url.origin) {
    for (const name of last.headers.keys()) if (!FOR_ANY_ORIGIN.has(name)) headers.delete(name)
  } else if (url.username === '' && url.password === '') {
    url.username = last.url.username
    url.password = last.url.password
  }
  if (becomesGet) for (const name of last.headers.keys()) if (name.startsWith('content-')) headers.delete(name)
  const hop: Hop = {
    url,
    method: becomesGet ? 'GET' : last.method,
    headers,
    body: becomesGet ? undefined : last.body,
  }
  const earlier = hops.findIndex(({ url: { href }, method }) => href === url.href && method === hop.method)
  if (earlier >= 0) {
    const way = [...hops.slice(earlier), hop].map(entry => shownUrl(entry.url))
    return reason('redirect', `redirects in a loop: ${way.join(' → ')}`)
  }
  if (hops.length > MOST_HOPS)
    return reason('redirect', `redirects more than ${MOST_HOPS} times, at last to ${shownUrl(url)}`, 'too often')
  return hop
}
