import { Failure } from '@aws-deploy-actions/action-runtime'

/** What AWS answered with an error, in one shape for all services. */
export interface AwsAnswer {
  /** `ThrottlingException`, `AccessDeniedException`, … or Node's error code (`ECONNRESET`) */
  readonly code: string
  readonly message: string
  /** undefined when no answer came */
  readonly status: number | undefined
  /** milliseconds that the server asked us to wait */
  readonly retryAfterMs: number | undefined
}

export type FaultKind = 'throttled' | 'transient' | 'permission' | 'credentials' | 'final'

const THROTTLING = new Set([
  'BandwidthLimitExceeded',
  'EC2ThrottledException',
  'LimitExceededException.RateExceeded',
  'PriorRequestNotComplete',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'RequestThrottled',
  'RequestThrottledException',
  'SlowDown',
  'ThrottledException',
  'Throttling',
  'ThrottlingException',
  'TooManyRequestsException',
])
const CREDENTIALS = new Set([
  'CredentialsProviderError',
  'ExpiredToken',
  'AuthFailure',
  'ExpiredTokenException',
  'IncompleteSignature',
  'InvalidAccessKeyId',
  'InvalidClientTokenId',
  'InvalidIdentityToken',
  'InvalidSignatureException',
  'MissingAuthenticationToken',
  'MissingAuthenticationTokenException',
  'RequestExpired',
  'SignatureDoesNotMatch',
  'TokenProviderError',
  'UnrecognizedClientException',
])
const PERMISSION = new Set([
  'AccessDenied',
  'AccessDeniedException',
  'NotAuthorized',
  'UnauthorizedOperation',
  'AuthorizationError',
])
// Node's codes for a connection that broke, was refused or never came up, those of its fetch (undici, "Errors"), and the
// SDK's names for the same.
const CONNECTION =
  /^(?:ECONNRESET|ECONNREFUSED|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENETDOWN|ENOTFOUND|EAI_AGAIN|TimeoutError|RequestTimeout|RequestTimeoutException|NetworkingError|ERR_STREAM_PREMATURE_CLOSE|UND_ERR_(?:SOCKET|CONNECT_TIMEOUT|HEADERS_TIMEOUT|BODY_TIMEOUT)|HPE_\w+)$/
// ECS answers several registrations of one family at a time with a ClientException (seen in terraform-provider-aws,
// issue 9777).
const THROTTLING_WORDS = /^(?:Rate exceeded|Too many concurrent attempts to create a new revision)/i

/** The error of an SDK call as plain data. */
export function awsAnswer(error: unknown): AwsAnswer {
  const thrown = error instanceof Error ? error : new Error(String(error))
  const status = numberAt(thrown, '$metadata', 'httpStatusCode') ?? numberAt(thrown, '$response', 'statusCode')
  // fetch hides the connection's error in `cause`.
  const code = textAt(thrown, 'code') ?? textAt(thrown, 'cause', 'code') ?? thrown.name
  const seconds = Number(textAt(thrown, '$response', 'headers', 'retry-after'))
  return {
    code: status === undefined ? code : thrown.name,
    message: thrown.message,
    status,
    retryAfterMs: Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined,
  }
}

/** How to react to an answer: wait longer, try again, or give up and say why. */
export function faultKind({ code, message, status }: AwsAnswer): FaultKind {
  if (THROTTLING.has(code) || status === 429 || THROTTLING_WORDS.test(message)) return 'throttled'
  if (CREDENTIALS.has(code)) return 'credentials'
  if (PERMISSION.has(code) || /not authorized to perform/i.test(message)) return 'permission'
  if (status !== undefined && status >= 500) return 'transient'
  // An answer that is no JSON or XML: something between AWS and us cut or replaced it.
  if (code === 'SyntaxError' || /Deserialization error/.test(message)) return 'transient'
  if (CONNECTION.test(code) || /socket hang up|other side closed/.test(message)) return 'transient'
  return 'final'
}

/** AWS refused for want of a permission. Retrying cannot help; the message names what to add to which policy. */
export class PermissionError extends Failure {
  override readonly name = 'PermissionError'
  /** e.g. `ecs:RunTask` */
  readonly action: string

  /** @param arn of the resource, where the caller knows it: AWS's own words come first, but do not always name it */
  constructor(answer: AwsAnswer, askedFor: string, { arn, ...options }: ErrorOptions & { readonly arn?: string } = {}) {
    const denied = deniedIn(answer.message)
    const action = denied?.action ?? askedFor
    const resource = denied?.resource ?? arn ?? '*'
    const explicit = /with an explicit deny/.test(answer.message)
    // Some services name the resource by its bare name, which a policy cannot hold.
    const Resource = resource === '*' || resource.startsWith('arn:') ? resource : (arn ?? '*')
    const statement = JSON.stringify({ Effect: 'Allow', Action: action, Resource })
    super(
      `The role may not ${action}.`,
      {
        resource,
        said: `${answer.code}: ${answer.message}`,
        cause: explicit
          ? 'A policy denies it explicitly (identity, boundary, session or organization): an Allow alone does not help.'
          : 'No policy of the role allows it.',
        next: [
          explicit
            ? `Take the deny away, and keep this statement in the role's policy: ${statement}`
            : `Add this statement to the role's policy: ${statement}`,
        ],
      },
      options,
    )
    this.action = action
  }
}

/** There are no credentials, or they are expired or wrong. */
export class CredentialsError extends Failure {
  override readonly name = 'CredentialsError'

  constructor(answer: AwsAnswer, askedFor: string, options?: ErrorOptions) {
    const expired = /expired/i.test(answer.code + answer.message)
    super(
      expired ? 'The AWS credentials expired.' : 'AWS did not accept the credentials.',
      {
        resource: askedFor,
        said: `${answer.code}: ${answer.message}`,
        cause: expired
          ? 'The session of the role ended while the step was running.'
          : 'No credentials are set, or they belong to another account or are wrong.',
        next: [
          expired
            ? 'Raise role-duration-seconds of aws-actions/configure-aws-credentials (and the maximum session duration of the role).'
            : 'Run aws-actions/configure-aws-credentials before this step, with permission id-token: write.',
        ],
      },
      options,
    )
  }
}

/** AWS answered with an error that no retry mends. `code` is AWS's name for it. */
export class AwsError extends Failure {
  override readonly name = 'AwsError'
  readonly code: string

  constructor(answer: AwsAnswer, askedFor: string, options?: ErrorOptions) {
    super(`${askedFor} failed.`, { said: `${answer.code}: ${answer.message}` }, options)
    this.code = answer.code
  }
}

/** The action and resource in AWS's text: "… is not authorized to perform: ecs:RunTask on resource: arn:… because …". */
function deniedIn(message: string): { action: string; resource: string | undefined } | undefined {
  const match = /not authorized to perform:? ([a-z0-9-]+:[A-Za-z0-9]+)(?: on resource:? "?([^\s"]+))?/i.exec(message)
  if (match?.[1] === undefined) return undefined
  return { action: match[1], resource: match[2]?.replace(/[.,]$/, '') }
}

function at(value: unknown, path: readonly string[]): unknown {
  let found = value
  for (const key of path) {
    if (typeof found !== 'object' || found === null) return undefined
    found = Reflect.get(found, key)
  }
  return found
}

function numberAt(value: unknown, ...path: string[]): number | undefined {
  const found = at(value, path)
  return typeof found === 'number' ? found : undefined
}

function textAt(value: unknown, ...path: string[]): string | undefined {
  const found = at(value, path)
  return typeof found === 'string' ? found : undefined
}
