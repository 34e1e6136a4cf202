import { Failure } from '@aws-deploy-actions/action-runtime'
import { isRecord, parseJson } from './content.ts'
import type { HttpAnswer, HttpRequest } from './http-exchange.ts'
import { isLoopback } from './http-exchange.ts'
import { registryWords } from './registry-error.ts'

/** Name and password for a registry; ECR's user is always `AWS`. */
export interface RegistryCredentials {
  readonly username: string
  readonly password: string
}

/**
 * Answers a registry's challenges (RFC 7617 Basic, which ECR asks for, and the Bearer tokens of the distribution spec,
 * which ECR Public and most others ask for). Credentials are sent to nobody before a challenge.
 */
export class RegistryAuthorization {
  readonly #credentials: RegistryCredentials | undefined
  readonly #hide: (secret: string) => void
  #header: string | undefined
  #pending: Promise<void> | undefined

  constructor(credentials: RegistryCredentials | undefined, hide: (secret: string) => void) {
    this.#credentials = credentials
    this.#hide = hide
  }

  /** the `Authorization` header to send, once a challenge was answered */
  get header(): string | undefined {
    return this.#header
  }

  /**
   * Makes the header for a challenge. Several requests that were challenged at once share one answer.
   * @param used the header that the challenged request had
   * @returns false when there is nothing better to offer than what was refused
   */
  async answer(
    challenge: string | undefined,
    used: string | undefined,
    scope: string,
    ask: (request: HttpRequest) => Promise<HttpAnswer>,
  ): Promise<boolean> {
    if (this.#header !== used) return true
    if (challenge === undefined) return false
    const { scheme, parameters } = parsedChallenge(challenge)
    if (scheme === 'basic') {
      if (this.#credentials === undefined || used !== undefined) return false
      this.#header = basic(this.#credentials)
      this.#hide(this.#header.slice('Basic '.length))
      return true
    }
    if (scheme !== 'bearer') return false
    this.#pending ??= this.#token(parameters, scope, ask).finally(() => {
      this.#pending = undefined
    })
    await this.#pending
    return this.#header !== used
  }

  async #token(
    { realm, service, scope: asked }: Readonly<Record<string, string>>,
    scope: string,
    ask: (request: HttpRequest) => Promise<HttpAnswer>,
  ): Promise<void> {
    if (realm === undefined || !URL.canParse(realm)) throw new Error('The registry names no token service.')
    const url = new URL(realm)
    if (url.protocol !== 'https:' && !isLoopback(url.host)) {
      throw new Error(`The registry wants the password sent in the clear, to ${url.origin}.`)
    }
    if (service !== undefined) url.searchParams.set('service', service)
    url.searchParams.set('scope', asked ?? scope)
    const authorization = this.#credentials === undefined ? {} : { authorization: basic(this.#credentials) }
    const answer = await ask({ method: 'GET', url, headers: authorization })
    const document = answer.status === 200 ? parseJson(answer.body) : undefined
    const token = isRecord(document) ? (document['token'] ?? document['access_token']) : undefined
    if (typeof token !== 'string') {
      throw new Failure(`The token service ${url.host} of the registry gave no token.`, {
        said: registryWords(answer).text,
        next: ['The credentials may be expired or of another account, or the image may not be open to all.'],
      })
    }
    this.#hide(token)
    this.#header = `Bearer ${token}`
  }
}

function basic({ username, password }: RegistryCredentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

/** `Bearer realm="…",service="…"` in parts (RFC 9110, 11.6.1). */
export function parsedChallenge(challenge: string): { scheme: string; parameters: Record<string, string> } {
  const [, scheme = '', rest = ''] = /^\s*(\S+)\s*(.*)$/s.exec(challenge) ?? []
  const parameters: Record<string, string> = {}
  for (const [, name = '', quoted, bare] of rest.matchAll(/([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g)) {
    parameters[name.toLowerCase()] = quoted === undefined ? (bare ?? '') : quoted.replace(/\\(.)/g, '$1')
  }
  return { scheme: scheme.toLowerCase(), parameters }
}
