import type { Check } from './check.ts'

const SECRET_PARAMETER =
  /([?&][^=&#]*(?:token|secret|passw|pwd|key|signature|sig|auth|credential|session)[^=&#]*=)([^&#]*)/gi

/** The URL as it may be shown: without user and password, without the values of parameters that sound secret. */
export function shownUrl(url: URL): string {
  const user = url.username === '' && url.password === '' ? '' : '***@'
  return `${url.protocol}//${user}${url.host}${url.pathname}${url.search.replace(SECRET_PARAMETER, '$1***')}`
}

/** As {@link shownUrl}, for a text that is no valid URL. */
export function shownAddress(text: string): string {
  return text.replace(/^([^/]*\/\/).*@/, '$1***@').replace(SECRET_PARAMETER, '$1***')
}

/** What these say is no secret, and taking it out of texts would only make them hard to read. */
const PLAIN_HEADERS = new Set(['accept', 'accept-encoding', 'accept-language', 'cache-control', 'content-type', 'host'])

/** Every text of a check that must not show anywhere, also the parts in which an answer may give it back. Longest first. */
export function secretsOf({ url, headers, body }: Check): string[] {
  const found = new Set<string>()
  for (const [name, value] of headers) {
    if (PLAIN_HEADERS.has(name)) continue
    for (const text of [value, ...value.split(/[\s;,]+|(?<==)/)]) found.add(text)
  }
  for (const part of [url.username, url.password]) found.add(part).add(percentDecoded(part))
  if (url.username !== '' || url.password !== '') found.add(basicCredentials(url))
  for (const [, , value = ''] of url.search.matchAll(SECRET_PARAMETER)) found.add(value).add(percentDecoded(value))
  if (body !== undefined) found.add(body)
  // One or two characters are in every text, and hide nothing.
  return [...found].filter(text => text.length >= 3).sort((a, b) => b.length - a.length)
}

/** Text from an answer without what we sent along: servers echo. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((left, secret) => left.replaceAll(secret, '***'), text)
}

/** User and password of a URL as HTTP sends them (RFC 7617). */
export function basicCredentials({ username, password }: URL): string {
  return Buffer.from(`${percentDecoded(username)}:${percentDecoded(password)}`).toString('base64')
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
