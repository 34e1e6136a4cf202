import { describe, expect, test } from '@jest/globals'
import { AwsError, awsAnswer, CredentialsError, type FaultKind, faultKind, PermissionError } from '../src/index.ts'

interface Thrown {
  readonly name?: string
  readonly message?: string
  readonly code?: string
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly cause?: unknown
}

/** An error as the SDK throws it. */
function thrown({ name = 'Error', message = '', code, status, headers, cause }: Thrown): Error {
  const error = new Error(message, { cause })
  error.name = name
  return Object.assign(error, {
    ...(code === undefined ? {} : { code }),
    $metadata: status === undefined ? { attempts: 1 } : { httpStatusCode: status },
    ...(headers === undefined ? {} : { $response: { statusCode: status, headers } }),
  })
}

const denied = (action: string, on = ''): string =>
  `User: arn:aws:sts::123456789012:assumed-role/deploy/run is not authorized to perform: ${action}${on}`

const rows: readonly [FaultKind, readonly Thrown[]][] = [
  [
    'throttled',
    [
      ...[
        'ThrottlingException',
        'Throttling',
        'ThrottledException',
        'RequestThrottled',
        'RequestThrottledException',
        'TooManyRequestsException',
        'RequestLimitExceeded',
        'BandwidthLimitExceeded',
        'ProvisionedThroughputExceededException',
        'PriorRequestNotComplete',
        'EC2ThrottledException',
        'SlowDown',
      ].map(name => ({ name, status: 400, message: 'Rate exceeded' })),
      { name: 'SlowDown', status: 503 },
      { name: 'Unknown', status: 429 },
      { name: 'ClientException', status: 400, message: 'Rate exceeded' },
      {
        name: 'ClientException',
        status: 400,
        message: 'Too many concurrent attempts to create a new revision of the specified family.',
      },
    ],
  ],
  [
    'transient',
    [
      { name: 'ServerException', status: 500, message: 'Service Unavailable. Please try again later.' },
      { name: 'InternalFailure', status: 500 },
      { name: 'ServiceUnavailable', status: 503 },
      { name: 'Unknown', status: 502, message: 'UnknownError' },
      { name: 'Unknown', status: 504 },
      { message: 'read ECONNRESET', code: 'ECONNRESET' },
      { message: 'connect ECONNREFUSED 10.0.0.1:443', code: 'ECONNREFUSED' },
      { name: 'AggregateError', code: 'ETIMEDOUT' },
      { message: 'getaddrinfo ENOTFOUND ecs.eu-west-1.amazonaws.com', code: 'ENOTFOUND' },
      { message: 'getaddrinfo EAI_AGAIN ecs.eu-west-1.amazonaws.com', code: 'EAI_AGAIN' },
      { code: 'EPIPE' },
      { code: 'ECONNABORTED' },
      { code: 'EHOSTUNREACH' },
      { code: 'ENETUNREACH' },
      { code: 'ERR_STREAM_PREMATURE_CLOSE', message: 'Premature close' },
      { code: 'HPE_INVALID_CONSTANT', message: 'Parse Error: Expected HTTP/' },
      { message: 'socket hang up' },
      { name: 'TimeoutError', message: 'Request did not complete within 20000 ms' },
      { name: 'RequestTimeout', status: 408 },
      { name: 'RequestTimeoutException', status: 408 },
      { name: 'SyntaxError', status: 200, message: 'Unexpected token < in JSON at position 0' },
      {
        name: 'SyntaxError',
        status: 403,
        message: 'Unexpected token <\n  Deserialization error: to see the raw response',
      },
      { name: 'Error', code: 'ECONNRESET', status: 200, message: 'aborted\n  Deserialization error: to see the raw' },
      { name: 'TypeError', message: 'fetch failed', cause: { code: 'ECONNRESET' } },
      { name: 'TypeError', message: 'fetch failed', cause: { code: 'UND_ERR_SOCKET' } },
    ],
  ],
  [
    'permission',
    [
      { name: 'AccessDeniedException', status: 400, message: denied('ecs:RunTask') },
      { name: 'AccessDenied', status: 403 },
      { name: 'UnauthorizedOperation', status: 403, message: 'You are not authorized to perform this operation.' },
      { name: 'AuthorizationError', status: 403 },
      { name: 'NotAuthorized', status: 400 },
      { name: 'ClientException', status: 400, message: denied('iam:PassRole') },
      { name: 'AccessDenied', status: 403, message: 'Not authorized to perform sts:AssumeRoleWithWebIdentity' },
    ],
  ],
  [
    'credentials',
    [
      { name: 'ExpiredTokenException', status: 400, message: 'The security token included in the request is expired' },
      { name: 'ExpiredToken', status: 403 },
      { name: 'RequestExpired', status: 400 },
      {
        name: 'UnrecognizedClientException',
        status: 400,
        message: 'The security token included in the request is invalid.',
      },
      { name: 'InvalidClientTokenId', status: 403 },
      { name: 'InvalidSignatureException', status: 400 },
      { name: 'SignatureDoesNotMatch', status: 403 },
      { name: 'IncompleteSignature', status: 400 },
      { name: 'MissingAuthenticationToken', status: 403 },
      { name: 'InvalidAccessKeyId', status: 403 },
      { name: 'AuthFailure', status: 401 },
      { name: 'InvalidIdentityToken', status: 400 },
      { name: 'CredentialsProviderError', message: 'Could not load credentials from any providers' },
      { name: 'TokenProviderError' },
    ],
  ],
  [
    'final',
    [
      { name: 'InvalidParameterException', status: 400, message: 'TaskDefinition is inactive' },
      { name: 'ClientException', status: 400, message: 'Unable to describe task definition.' },
      { name: 'ClusterNotFoundException', status: 400 },
      { name: 'ResourceNotFoundException', status: 400 },
      { name: 'RepositoryNotFoundException', status: 400 },
      { name: 'LimitExceededException', status: 400 },
      { name: 'ConflictException', status: 400 },
      { code: 'CERT_HAS_EXPIRED', message: 'certificate has expired' },
      { name: 'TypeError', message: 'x is not a function' },
      {},
    ],
  ],
]

describe('how to react to an error', () => {
  test.each(rows)('%s', (wanted, errors) => {
    for (const error of errors)
      expect({ error, kind: faultKind(awsAnswer(thrown(error))) }).toEqual({ error, kind: wanted })
  })

  test('the answer as plain data', () => {
    const answers: readonly [unknown, object][] = [
      [
        thrown({ name: 'ThrottlingException', message: 'Rate exceeded', status: 400, headers: { 'retry-after': '3' } }),
        { code: 'ThrottlingException', message: 'Rate exceeded', status: 400, retryAfterMs: 3000 },
      ],
      [thrown({ name: 'X', code: 'ECONNRESET', status: 500 }), { code: 'X', status: 500, retryAfterMs: undefined }],
      [thrown({ code: 'ECONNRESET' }), { code: 'ECONNRESET', status: undefined }],
      ['just text', { code: 'Error', message: 'just text' }],
      [undefined, { code: 'Error', message: 'undefined' }],
      ...['0', '-1', 'soon', 'Fri, 20 Nov 2026 06:00:00 GMT'].map((after): [unknown, object] => [
        thrown({ status: 503, headers: { 'retry-after': after } }),
        { status: 503, retryAfterMs: undefined },
      ]),
    ]
    for (const [error, wanted] of answers) expect(awsAnswer(error)).toMatchObject(wanted)
  })
})

describe('a refusal names the action, the resource and the statement to add', () => {
  const task = 'arn:aws:ecs:eu-west-1:123456789012:task-definition/app:7'
  const because = ' because no identity-based policy allows the action'
  const explicit = ' with an explicit deny in a service control policy'
  test.each([
    [denied('ecs:RunTask', ` on resource: ${task}${because}`), 'ecs:RunTask', task, task],
    [denied('ecs:RunTask', ` on resource: ${task}`), 'ecs:RunTask', task, task],
    [denied('ecs:RunTask', ` on resource: ${task}.`), 'ecs:RunTask', task, task],
    [denied('ecs:RunTask', ` on resource: "${task}"`), 'ecs:RunTask', task, task],
    [denied('ecs:DescribeTaskDefinition', ` on resource: *${because}`), 'ecs:DescribeTaskDefinition', '*', '*'],
    [
      denied('iam:PassRole', ` on resource: arn:aws:iam::1:role/x${explicit}`),
      'iam:PassRole',
      'arn:aws:iam::1:role/x',
      'arn:aws:iam::1:role/x',
    ],
    [
      denied('kms:Decrypt', ' on this resource because the resource does not exist in this Region'),
      'kms:Decrypt',
      '*',
      '*',
    ],
    // Secrets Manager names the secret as it was asked for; a policy takes ARNs only.
    [
      denied('secretsmanager:DescribeSecret', ` on resource: shop/db${because}`),
      'secretsmanager:DescribeSecret',
      'shop/db',
      '*',
    ],
    ['Not authorized to perform sts:AssumeRole', 'sts:AssumeRole', '*', '*'],
    ['Access Denied', 'ecs:StopTask', '*', '*'],
    ['You are not authorized to perform this operation.', 'ecs:StopTask', '*', '*'],
  ])('%s', (message, action, resource, policyResource) => {
    const answer = awsAnswer(thrown({ name: 'AccessDeniedException', message, status: 400 }))
    const error = new PermissionError(answer, 'ecs:StopTask')
    expect(error).toMatchObject({ action, message: `The role may not ${action}.`, status: 'failed' })
    expect(error.details).toMatchObject({ resource, said: `AccessDeniedException: ${message}` })
    const [step = ''] = error.details.next ?? []
    expect(JSON.parse(step.slice(step.indexOf('{')))).toEqual({
      Effect: 'Allow',
      Action: action,
      Resource: policyResource,
    })
    expect(step).toContain(`"Action":"${action}"`)
    const isExplicit = message.includes('explicit deny')
    expect(step.startsWith('Take the deny away')).toBe(isExplicit)
    expect(error.details.cause).toMatch(isExplicit ? /denies it explicitly/ : /No policy of the role allows it/)
  })
})

test.each([
  ['403 Forbidden', 'ecr:PutImage', 'arn:aws:ecr:eu-west-1:1:repository/app'],
  [denied('ecr:UploadLayerPart', ' on this resource'), 'ecr:UploadLayerPart', 'arn:aws:ecr:eu-west-1:1:repository/app'],
  [
    denied('ecr:X', ' on resource: arn:aws:ecr:eu-west-1:2:repository/b'),
    'ecr:X',
    'arn:aws:ecr:eu-west-1:2:repository/b',
  ],
  [denied('ecr:X', ' on resource: *'), 'ecr:X', '*'],
])('a refusal of something whose ARN is known: %s', (message, action, resource) => {
  const answer = awsAnswer(thrown({ name: 'AccessDeniedException', message, status: 403 }))
  const { details } = new PermissionError(answer, 'ecr:PutImage', { arn: 'arn:aws:ecr:eu-west-1:1:repository/app' })
  expect(details.resource).toBe(resource)
  expect(details.next?.join()).toContain(JSON.stringify({ Effect: 'Allow', Action: action, Resource: resource }))
})

test('wrong credentials: expired ones ask for a longer session, others for a login', () => {
  const error = (name: string, message: string): CredentialsError =>
    new CredentialsError(awsAnswer(thrown({ name, message, status: 400 })), 'ecs:RunTask')
  const expired = error('ExpiredTokenException', 'The security token included in the request is expired')
  expect(expired.message).toBe('The AWS credentials expired.')
  expect(expired.details.next?.[0]).toContain('role-duration-seconds')
  const wrong = error('UnrecognizedClientException', 'The security token included in the request is invalid.')
  expect(wrong.message).toBe('AWS did not accept the credentials.')
  expect(wrong.details).toMatchObject({ resource: 'ecs:RunTask', said: expect.stringContaining('UnrecognizedClient') })
  expect(new AwsError(awsAnswer(thrown({ name: 'A', message: 'b', status: 400 })), 'ecs:RunTask')).toMatchObject({
    code: 'A',
    message: 'ecs:RunTask failed.',
    details: { said: 'A: b' },
  })
})
