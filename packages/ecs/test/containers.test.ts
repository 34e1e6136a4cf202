import { describe, expect, test } from '@jest/globals'
import { adviceFor, countedContainer, type Registrable, withContainerChanges } from '../src/index.ts'
import { secretTarget } from '../src/preflight/secrets.ts'

describe('the container that counts', () => {
  const of = (...containers: [string, boolean?][]): Registrable => ({
    family: 'app',
    containerDefinitions: containers.map(([name, essential]) => ({
      name,
      ...(essential === undefined ? {} : { essential }),
    })),
  })
  test.each<[Registrable, string | undefined, string]>([
    [of(['only']), undefined, 'only'],
    [of(['only', false]), undefined, 'only'],
    [of(['side', false], ['app'], ['other', true]), undefined, 'app'],
    [of(['a', true], ['b', true]), undefined, 'a'],
    [of(['a'], ['b']), 'b', 'b'],
    [of(['side', false], ['app']), 'side', 'side'],
  ])('%j named %s is %s', (definition, named, wanted) => expect(countedContainer(definition, named)).toBe(wanted))

  test('is an error where there is none', () => {
    expect(() => countedContainer(of(['a'], ['b']), 'c')).toThrow('The task definition app has no container "c".')
    expect(() => countedContainer(of(['a', false], ['b', false]), undefined)).toThrow('no essential container')
    expect(() => countedContainer({ family: 'app', containerDefinitions: undefined }, undefined)).toThrow(
      'no essential',
    )
  })
})

test('changes touch one container: image, entry point, secrets added or replaced by name', () => {
  const definition: Registrable = {
    family: 'app',
    cpu: '256',
    containerDefinitions: [
      {
        name: 'app',
        image: 'a',
        command: ['x'],
        environment: [
          { name: 'PLAIN', value: '1' },
          { name: 'PASSWORD', value: 'in the open' },
        ],
        secrets: [
          { name: 'KEEP', valueFrom: 'k' },
          { name: 'CHANGE', valueFrom: 'old' },
        ],
      },
      { name: 'side', image: 's', environment: [{ name: 'PASSWORD', value: 'stays' }] },
    ],
  }
  const before = structuredClone(definition)
  const secrets = new Map([
    ['CHANGE', 'new'],
    ['PASSWORD', 'arn'],
  ])
  expect(withContainerChanges(definition, 'app', { image: 'b', entryPoint: ['sh', '-c'], secrets })).toEqual({
    ...definition,
    containerDefinitions: [
      {
        name: 'app',
        image: 'b',
        command: ['x'],
        entryPoint: ['sh', '-c'],
        environment: [{ name: 'PLAIN', value: '1' }],
        secrets: [
          { name: 'KEEP', valueFrom: 'k' },
          { name: 'CHANGE', valueFrom: 'new' },
          { name: 'PASSWORD', valueFrom: 'arn' },
        ],
      },
      definition.containerDefinitions?.[1],
    ],
  })
  expect(definition).toEqual(before)
  expect(withContainerChanges(definition, 'app', { secrets: new Map() })).toEqual(definition)
  expect(withContainerChanges(definition, 'none', { image: 'z', secrets })).toEqual(definition)
  expect(
    withContainerChanges(definition, 'side', { entryPoint: [], secrets: new Map() }).containerDefinitions?.[1],
  ).toEqual({
    name: 'side',
    image: 's',
    environment: [{ name: 'PASSWORD', value: 'stays' }],
    entryPoint: [],
  })
})

describe('advice', () => {
  const pull = 'TaskFailedToStart: CannotPullContainerError: '
  const secrets =
    'ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: '
  test.each<[string, number | undefined, RegExp]>([
    [
      `${pull}pull image manifest has been retried 1 time(s): 123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:x: not found`,
      undefined,
      /tag was not pushed/,
    ],
    [`${pull}failed to resolve ref: manifest unknown`, undefined, /tag was not pushed/],
    [`${pull}The repository with name 'x' does not exist in the registry with id '1'`, undefined, /tag was not pushed/],
    [`${pull}failed to do request: Head "https://x/v2/": dial tcp 10.0.0.1:443: i/o timeout`, undefined, /no route/],
    ['Timeout waiting for network interface provisioning to complete.', undefined, /no route/],
    [`${secrets}unable to retrieve secret from asm: context deadline exceeded`, undefined, /no route/],
    [
      `${pull}image Manifest does not contain descriptor matching platform 'linux/arm64'`,
      undefined,
      /CPU architecture/,
    ],
    ['exec /bin/app: exec format error', 1, /CPU architecture/],
    [`${pull}403 Forbidden`, undefined, /may not pull/],
    [`${pull}something new`, undefined, /could not be pulled/],
    [
      `${secrets}unable to retrieve secret from asm: AccessDeniedException: not authorized`,
      undefined,
      /may not read a secret/,
    ],
    [
      `${secrets}unable to retrieve secrets from ssm: invalid ssm parameters: /shop/db`,
      undefined,
      /may not read a secret/,
    ],
    [
      'ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist.',
      undefined,
      /log group/,
    ],
    [
      'EssentialContainerExited: Essential container in task exited; app: exit code 137, OutOfMemoryError: Container killed due to memory usage',
      137,
      /more memory/,
    ],
    ['EssentialContainerExited: Essential container in task exited; app: exit code 137', 137, /SIGKILL/],
    ['EssentialContainerExited: Essential container in task exited; app: exit code 127', 127, /not found in the image/],
    ['CannotStartContainerError: exec: "x": executable file not found in $PATH', undefined, /command of the container/],
    ['Health checks failed with these codes: [404]', undefined, /wrong path or port/],
    ['Task failed container health checks', undefined, /curl/],
    ['Target.Timeout', undefined, /wrong path or port/],
    ['Elb.InitialHealthChecking', undefined, /wrong path or port/],
    ['User x is not authorized to perform: sts:GetServiceBearerToken on resource: *', undefined, /second permission/],
    ['error: Environment variable not found: DATABASE_URL.', 1, /DATABASE_URL/],
    ['SpotInterruption: Your Spot Task was interrupted.', undefined, /Spot capacity/],
    ['RESOURCE:MEMORY', undefined, /no room/],
    ['Capacity is unavailable at this time. Please try again later', undefined, /no room/],
  ])('for %s (%s)', (words, exitCode, cause) => {
    const advice = adviceFor(words, exitCode)
    expect(advice?.cause).toMatch(cause)
    expect(advice?.next.length).toBeGreaterThan(0)
    for (const step of advice?.next ?? []) expect(step).toMatch(/\.$/)
  })

  test('the exit code speaks where no words do, and where nothing is known there is none', () => {
    expect([126, 127, 137, 139, 143].map(code => adviceFor('', code) !== undefined)).toEqual(Array(5).fill(true))
    expect([undefined, 0, 1, 2, 255].map(code => adviceFor('Essential container in task exited', code))).toEqual(
      Array(5).fill(undefined),
    )
  })

  test('log lines tell what the application says of itself, nothing of pulls and networks', () => {
    const said = 'EssentialContainerExited: Essential container in task exited; app: exit code 1'
    expect(
      adviceFor(said, 1, ['Error code: P1012', 'error: Environment variable not found: DATABASE_URL.'])?.cause,
    ).toMatch(/DATABASE_URL/)
    expect(adviceFor(said, 1, ['exec /app: exec format error'])?.cause).toMatch(/architecture/)
    for (const line of [
      'psql: connection to server at "10.0.0.1", port 5432 failed: Connection timed out',
      'dial tcp 10.0.0.1:5432: i/o timeout',
      "FileNotFoundError: [Errno 2] No such file or directory: 'settings.ini'",
      'relation "users" does not exist',
      'RESOURCE: missing',
    ]) {
      expect(adviceFor(said, 1, [line])).toBeUndefined()
    }
    expect(adviceFor(said, 127, ['sh: node: not found'])?.cause).toMatch(/not found in the image/)
  })
})

test.each([
  [
    'arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/db-AbCdEf',
    { kind: 'secret', id: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/db-AbCdEf', region: 'eu-west-1' },
  ],
  [
    'arn:aws:secretsmanager:us-east-1:1:secret:db-AbCdEf:password::',
    { kind: 'secret', id: 'arn:aws:secretsmanager:us-east-1:1:secret:db-AbCdEf', region: 'us-east-1' },
  ],
  [
    'arn:aws:secretsmanager:us-east-1:1:secret:db:key:AWSPREVIOUS:uuid',
    { kind: 'secret', id: 'arn:aws:secretsmanager:us-east-1:1:secret:db', region: 'us-east-1' },
  ],
  [
    'arn:aws-us-gov:secretsmanager:us-gov-west-1:1:secret:x',
    { kind: 'secret', id: 'arn:aws-us-gov:secretsmanager:us-gov-west-1:1:secret:x', region: 'us-gov-west-1' },
  ],
  [
    'arn:aws:ssm:us-east-1:123456789012:parameter/shop/db/url',
    { kind: 'parameter', names: ['/shop/db/url'], region: 'us-east-1', accountId: '123456789012' },
  ],
  [
    'arn:aws:ssm:us-east-1:123456789012:parameter/plain',
    { kind: 'parameter', names: ['plain', '/plain'], region: 'us-east-1', accountId: '123456789012' },
  ],
  ['/shop/db/url', { kind: 'parameter', names: ['/shop/db/url'], region: 'eu-west-1', accountId: undefined }],
  ['plain', { kind: 'parameter', names: ['plain'], region: 'eu-west-1', accountId: undefined }],
])('the secret %s', (valueFrom, wanted) => expect(secretTarget(valueFrom, 'eu-west-1')).toEqual(wanted))
