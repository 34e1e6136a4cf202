import { parseRepositoryName } from '@aws-deploy-actions/container-registry'
import { expect, test } from '@jest/globals'
import { parsedChallenge } from '../src/authorization.ts'
import { tagIsKept } from '../src/ecr-repository.ts'
import { isLoopback } from '../src/http-exchange.ts'
import { arnOfAddress } from '../src/repository-arn.ts'

test.each([
  ['app', 'private', { registry: 'private', name: 'app', owner: undefined, uri: undefined }],
  ['team/app_1.x', 'private', { name: 'team/app_1.x' }],
  ['docker.io/library/node', 'private', { name: 'docker.io/library/node' }],
  ['app', 'public', { registry: 'public', name: 'app', owner: undefined }],
  [
    '123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app',
    'private',
    { registry: 'private', name: 'team/app', owner: '123456789012', region: 'eu-west-1' },
  ],
  ['123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com/app', 'private', { region: 'us-gov-west-1' }],
  ['ecr:team/app', 'private', { registry: 'private', name: 'team/app', uri: undefined }],
  ['public.ecr.aws/a1b2/team/app', 'private', { registry: 'public', owner: 'a1b2', name: 'team/app' }],
  ['ecr-public:a1b2/app', 'public', { registry: 'public', owner: 'a1b2', name: 'app', uri: 'public.ecr.aws/a1b2/app' }],
  ['127.0.0.1:5000/team/app', 'private', { registry: 'private', name: 'team/app', uri: '127.0.0.1:5000/team/app' }],
  ['127.0.0.1:5000/a1b2/team/app', 'public', { registry: 'public', owner: 'a1b2', name: 'team/app' }],
] as const)('%s (%s) is a repository', (text, registry, expected) => {
  expect(parseRepositoryName(text, registry)).toMatchObject(expected)
})

test.each([
  ['123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app', 'arn:aws:ecr:eu-west-1:123456789012:repository/team/app'],
  ['123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:v1', 'arn:aws:ecr:eu-west-1:123456789012:repository/app'],
  ['123456789012.dkr-ecr.eu-west-1.on.aws/app@sha256:0', 'arn:aws:ecr:eu-west-1:123456789012:repository/app'],
  [
    '123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com/app',
    'arn:aws-us-gov:ecr:us-gov-west-1:123456789012:repository/app',
  ],
  ['123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/app', 'arn:aws-cn:ecr:cn-north-1:123456789012:repository/app'],
  ['public.ecr.aws/alias/app', undefined],
  ['127.0.0.1:5000/app', undefined],
  ['ghcr.io/acme/app', undefined],
])('the ARN of %s', (address, arn) => {
  expect(arnOfAddress(address)).toBe(arn)
})

test.each([
  ['', 'private'],
  ['a', 'private'],
  ['App', 'private'],
  ['app:tag', 'private'],
  ['/app', 'private'],
  ['app/', 'private'],
  ['my app', 'private'],
  ['example.org:5000/app', 'private'],
  ['ghcr.io/app@sha256:0', 'private'],
  ['127.0.0.1:5000/App', 'private'],
  ['public.ecr.aws/app', 'public'],
  ['1234.dkr.ecr.eu-west-1.amazonaws.com/app', 'private'],
  ['123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:tag', 'private'],
  ['123456789012.dkr.ecr.eu-west-1.amazonaws.com/app', 'public'],
] as const)('"%s" (%s) is none', (text, registry) => {
  expect(() => parseRepositoryName(text, registry)).toThrow(/allowed is|is in a private registry/)
})

test.each([
  ['MUTABLE', [], 'v1', false],
  ['IMMUTABLE', [], 'latest', true],
  ['IMMUTABLE_WITH_EXCLUSION', ['latest', 'dev-*'], 'latest', false],
  ['IMMUTABLE_WITH_EXCLUSION', ['latest', 'dev-*'], 'dev-7', false],
  ['IMMUTABLE_WITH_EXCLUSION', ['latest', 'dev-*'], 'v1', true],
  ['IMMUTABLE_WITH_EXCLUSION', ['v1.2'], 'v1x2', true],
  ['MUTABLE_WITH_EXCLUSION', ['v*'], 'v1', true],
  ['MUTABLE_WITH_EXCLUSION', ['v*'], 'latest', false],
] as const)('in a repository that is %s %j the tag %s is kept: %s', (mutability, filters, tag, kept) => {
  expect(tagIsKept(mutability, filters, tag)).toBe(kept)
})

test('challenges are read as RFC 9110 writes them', () => {
  expect(parsedChallenge('Basic realm="https://x/",service="ecr.amazonaws.com"')).toEqual({
    scheme: 'basic',
    parameters: { realm: 'https://x/', service: 'ecr.amazonaws.com' },
  })
  expect(parsedChallenge('Bearer realm="https://x/token?a=b,c", service=x , scope="repository:a/b:pull,push"')).toEqual(
    {
      scheme: 'bearer',
      parameters: { realm: 'https://x/token?a=b,c', service: 'x', scope: 'repository:a/b:pull,push' },
    },
  )
})

test.each([
  ['127.0.0.1:5000', true],
  ['127.9.9.9', true],
  ['localhost:1', true],
  ['[::1]:80', true],
  ['127.0.0.1.example.org', false],
  ['localhost.example.org', false],
  ['10.0.0.1', false],
])('%s is this machine: %s', (host, expected) => {
  expect(isLoopback(host)).toBe(expected)
})
