import { describe, expect, test } from '@jest/globals'
import { type BuildCache, type BuildOutput, buildArguments, type DockerBuild } from '../src/docker-build.ts'
import { buildFailure } from '../src/docker-build-failure.ts'
import type { Builder } from '../src/docker-builder.ts'
import { pushFailure } from '../src/docker-push.ts'

const nothing: DockerBuild = {
  context: 'app',
  file: undefined,
  target: undefined,
  buildArgs: new Map(),
  labels: new Map(),
  secrets: [],
  contexts: new Map(),
  platforms: [],
  pull: false,
  noCache: false,
  sourceDateEpoch: undefined,
}
const files = { id: '/f/id', metadata: '/f/metadata' }
const classic: Builder = { kind: 'classic' }
const own: Builder = { kind: 'buildx', driver: 'docker-container' }
const engine: BuildOutput = { to: 'engine', name: undefined }
const ARN = 'arn:aws:ecr:eu-west-1:123456789012:repository/app'
const repository: BuildOutput = { to: 'repository', address: 'host/app', iam: 'ecr', arn: ARN }
const kit = ['buildx', 'build', '--provenance=false', '--metadata-file', '/f/metadata']

describe('the arguments of a build', () => {
  test.each<[string, Partial<DockerBuild>, BuildOutput, BuildCache, Builder, string[]]>([
    ['nothing but the context', {}, engine, { kind: 'none' }, classic, ['build', '--iidfile', '/f/id', '--', 'app']],
    [
      'a context that looks like an option, values as they are, the date as an argument',
      { context: '-odd', buildArgs: new Map([['A', 'x y']]), labels: new Map([['l', 'v']]), sourceDateEpoch: 7 },
      engine,
      { kind: 'none' },
      classic,
      [
        'build',
        '--iidfile',
        '/f/id',
        '--build-arg',
        'A=x y',
        '--build-arg',
        'SOURCE_DATE_EPOCH=7',
        '--label',
        'l=v',
        '--',
        '-odd',
      ],
    ],
    [
      'a date of the user’s wins',
      { buildArgs: new Map([['SOURCE_DATE_EPOCH', '1']]), sourceDateEpoch: 7 },
      engine,
      { kind: 'none' },
      classic,
      ['build', '--iidfile', '/f/id', '--build-arg', 'SOURCE_DATE_EPOCH=1', '--', 'app'],
    ],
    [
      'everything the classic builder knows',
      { file: 'D', target: 't', platforms: ['linux/arm64'], pull: true, noCache: true },
      { to: 'engine', name: 'app:pr' },
      { kind: 'none' },
      classic,
      [
        'build',
        '--iidfile',
        '/f/id',
        '--tag',
        'app:pr',
        '--file',
        'D',
        '--target',
        't',
        '--platform',
        'linux/arm64',
        '--pull',
        '--no-cache',
        '--',
        'app',
      ],
    ],
    [
      'BuildKit loads the image',
      { sourceDateEpoch: 7 },
      engine,
      { kind: 'none' },
      own,
      [...kit, '--load', '--iidfile', '/f/id', '--', 'app'],
    ],
    [
      'BuildKit pushes by digest',
      { platforms: ['linux/amd64', 'linux/arm64'] },
      repository,
      { kind: 'none' },
      own,
      [
        ...kit,
        '--output',
        'type=image,name=host/app,push=true,push-by-digest=true,name-canonical=true',
        '--iidfile',
        '/f/id',
        '--platform',
        'linux/amd64,linux/arm64',
        '--',
        'app',
      ],
    ],
    [
      'secrets by name only, contexts, a registry cache',
      {
        secrets: [
          { id: 'a', value: 'secret' },
          { id: 'b', from: 'src', name: 'key.pem' },
        ],
        contexts: new Map([['more', 'docker-image://x']]),
      },
      { to: 'nowhere' },
      { kind: 'registry', reference: 'host/app:cache' },
      own,
      [
        ...kit,
        '--output',
        'type=cacheonly',
        '--secret',
        'id=a,env=ECR_PUSH_BUILD_SECRET_0',
        '--secret',
        'id=b,src=key.pem',
        '--build-context',
        'more=docker-image://x',
        '--cache-from',
        'type=registry,ref=host/app:cache',
        '--cache-to',
        'type=registry,ref=host/app:cache,image-manifest=true,oci-mediatypes=true,mode=max,ignore-error=true',
        '--iidfile',
        '/f/id',
        '--',
        'app',
      ],
    ],
    [
      'GitHub’s cache, apart for each image',
      {},
      engine,
      { kind: 'gha', scope: 'team-app' },
      own,
      [
        ...kit,
        '--load',
        '--cache-from',
        'type=gha,scope=team-app',
        '--cache-to',
        'type=gha,scope=team-app,mode=max,ignore-error=true',
        '--iidfile',
        '/f/id',
        '--',
        'app',
      ],
    ],
  ])('%s', (_, build, output, cache, builder, expected) => {
    expect(buildArguments({ ...nothing, ...build }, output, cache, builder, files)).toEqual(expected)
  })
})

describe('why a build failed', () => {
  const failed = (said: string, builder: Builder = own, output: BuildOutput = engine) =>
    buildFailure(nothing, output, builder, 1, said)

  test.each<[string, Builder, RegExp]>([
    ['ERROR: Cannot connect to the Docker daemon at unix:///x.', classic, /No Docker Engine answers/],
    ['Error response: the --mount option requires BuildKit.', classic, /needs BuildKit/],
    ['Unknown flag: link', classic, /needs BuildKit/],
    ['ERROR: Multi-platform build is not supported for the docker driver.', own, /setup-buildx-action/],
    ['ERROR: Cache export is not supported for the docker driver.', own, /setup-buildx-action/],
    ['ERROR: docker exporter does not currently support exporting manifest lists', own, /setup-buildx-action/],
    ['ERROR: process "/bin/sh -c false" did not complete', own, /own output above/],
  ])('%s', (said, builder, words) => {
    const { details, message } = failed(said, builder)
    expect([message, details.said]).toEqual(['docker build ended with exit code 1.', said])
    expect(`${details.cause} ${details.next}`).toMatch(words)
  })

  test.each([
    [
      'failed to push: POST',
      'from POST request to https://h/v2/a/blobs/uploads/: 403 Forbidden',
      'ecr:InitiateLayerUpload',
    ],
    [
      'failed to push: PATCH',
      'from PATCH request to https://h/v2/a/blobs/uploads/1: 403 Forbidden',
      'ecr:UploadLayerPart',
    ],
    [
      'failed to push: PUT',
      'from PUT request to https://h/v2/a/blobs/uploads/1?digest=x: 403 Forbidden',
      'ecr:CompleteLayerUpload',
    ],
    ['failed to push: PUT', 'from PUT request to https://h/v2/a/manifests/sha256:1: 403 Forbidden', 'ecr:PutImage'],
    [
      'failed to push: HEAD',
      'from HEAD request to https://h/v2/a/manifests/sha256:1: 403 Forbidden',
      'ecr:BatchGetImage',
    ],
    [
      'failed to push: HEAD',
      'from HEAD request to https://h/v2/a/blobs/sha256:1: 403 Forbidden',
      'ecr:BatchCheckLayerAvailability',
    ],
  ])('%s %s', (start, words, action) => {
    expect(failed(`${start}: unexpected status ${words}`, own, repository)).toMatchObject({
      name: 'PermissionError',
      action,
      details: { resource: ARN, next: [expect.stringContaining(`"Resource":"${ARN}"`)] },
    })
  })

  test('a push that met a passing fault may be tried again; a build may not', () => {
    const said =
      'ERROR: failed to solve: failed to push h/a: unexpected status from PUT request to https://h/v2/a: 503 Service Unavailable'
    expect(failed(said, own, repository).name).toBe('RegistryUnavailable')
    expect(failed(said, own, engine).name).toBe('Failure')
  })
})

test.each([
  ['received unexpected HTTP status: 503 Service Unavailable', 'RegistryUnavailable'],
  ['failed to do request: Head "https://h/v2/a": EOF', 'RegistryUnavailable'],
  ['Get "https://h/v2/": net/http: TLS handshake timeout', 'RegistryUnavailable'],
  ['toomanyrequests: Rate exceeded', 'RegistryUnavailable'],
  ['read tcp 10.0.0.1:5->10.0.0.2:443: read: connection reset by peer', 'RegistryUnavailable'],
  ['blob upload unknown', 'RegistryUnavailable'],
  ['error parsing HTTP 403 response body: unexpected end of JSON input', 'PermissionError'],
  ['denied: requested access to the resource is denied', 'Failure'],
  ['tag does not exist: h/a:v1', 'Failure'],
  ['An image does not exist locally with the tag: h/a', 'Failure'],
  ['tag invalid: the tag is too long', 'Failure'],
  ['tag invalid: The image tag is immutable', 'ImmutableTag'],
])('docker push: %s is a %s', (said, name) => {
  expect(pushFailure(said, { address: 'h/a:v1', iam: 'ecr', arn: ARN }).name).toBe(name)
})
