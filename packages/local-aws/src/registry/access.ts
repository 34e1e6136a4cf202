import { type Answer, errorAnswer } from './answers.ts'
import type { Grant, Tokens } from './tokens.ts'

/** A request's identity: a grant, nobody (public registry only), or the answer that refuses it. */
export type Access = { readonly grant: Grant } | { readonly grant: undefined } | { readonly refused: Answer }

/** aws/containers-roadmap and many "denied:" reports; the status is what docker login shows for them. */
const expired = errorAnswer('DENIED', 'Your authorization token has expired. Reauthenticate and try again.', 403)
/** kreuzwerker/terraform-provider-docker pull 666 for the text; aws/aws-cli issue 5317 for "400 Bad Request". */
const invalid = errorAnswer('DENIED', 'Your Authorization Token is invalid.', 400)

/** The bearer token of a client that never logged in. */
const anonymousToken = 'anonymous'

function challenge(kind: 'private' | 'public', origin: string): Answer {
  // private: header and body as curl shows them; public: token endpoint of public.ecr.aws
  const header =
    kind === 'private'
      ? `Basic realm="${origin}/",service="ecr.amazonaws.com"`
      : `Bearer realm="${origin}/token/",service="public.ecr.aws",scope="aws"`
  return {
    status: 401,
    headers: { 'www-authenticate': header, 'content-type': 'text/plain; charset=utf-8' },
    body: 'Not Authorized\n',
  }
}

/** `AWS:password` in base64: the header of Basic, and what ECR calls an authorization token. */
function passwordOf(encoded: string): string | undefined {
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  return text.startsWith('AWS:') ? text.slice('AWS:'.length) : undefined
}

function verified(tokens: Tokens, kind: 'private' | 'public', encoded: string, now: Date): Access {
  const password = passwordOf(encoded)
  if (password === undefined) return { refused: invalid }
  const result = tokens.verify(password, now)
  if (result.state === 'expired') return { refused: expired }
  if (result.state === 'invalid' || result.grant.kind !== kind) return { refused: invalid }
  return { grant: result.grant }
}

/**
 * @param header the request's Authorization: Basic on the private registry, Bearer on the public one, whose token is
 *   ECR Public's authorization token or the answer of its token endpoint
 * @param origin `http://host:port` as the client wrote it
 */
export function accessOf(
  tokens: Tokens,
  kind: 'private' | 'public',
  header: string | undefined,
  origin: string,
  now: Date,
): Access {
  if (header === undefined) return { refused: challenge(kind, origin) }
  const [scheme = '', encoded = ''] = header.split(' ')
  if (scheme.toLowerCase() !== (kind === 'private' ? 'basic' : 'bearer')) return { refused: invalid }
  if (kind === 'public' && encoded === anonymousToken) return { grant: undefined }
  return verified(tokens, kind, encoded, now)
}

/** The token endpoint of the public registry: who has a password trades it, who has none gets to pull. */
export function tokenAnswer(tokens: Tokens, header: string | undefined, now: Date): Answer {
  const grantToken = (token: string): Answer => ({
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token }),
  })
  if (header === undefined) return grantToken(anonymousToken)
  const [scheme = '', encoded = ''] = header.split(' ')
  if (scheme.toLowerCase() !== 'basic') return invalid
  const access = verified(tokens, 'public', encoded, now)
  return 'refused' in access ? access.refused : grantToken(encoded)
}

export const anonymousPushRefused: Answer = errorAnswer('DENIED', 'Not Authorized', 403)
export const expiredAnswer: Answer = expired
