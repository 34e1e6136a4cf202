import { InputError, InputReader } from '@aws-deploy-actions/action-runtime'
import { describe, expect, test } from '@jest/globals'
import { parseImageReference, readRegion, sdkConfig } from '../src/index.ts'

const digest = `@sha256:${'0a'.repeat(32)}`
const host = '123456789012.dkr.ecr.eu-west-1.amazonaws.com'

const short = (repository: string, version: string, accountId?: string): object => ({
  registry: 'private',
  accountId,
  region: undefined,
  repository,
  version,
  uri: undefined,
})
const full = (uri: string, repository: string, version: string, region = 'eu-west-1'): [string, object] => [
  uri,
  { registry: 'private', accountId: '123456789012', region, repository, version, uri },
]
const open = (text: string, alias: string, repository: string, version: string, uri?: string): [string, object] => [
  text,
  { registry: 'public', alias, repository, version, uri },
]

const right: readonly [string, object][] = [
  ['ecr:app:1.2', short('app', ':1.2')],
  ['ecr:app', short('app', '')],
  [`ecr:team/sub/app${digest}`, short('team/sub/app', digest)],
  ['ecr:123456789012/app:latest', short('app', ':latest', '123456789012')],
  ['ecr:12345/app:latest', short('12345/app', ':latest')],
  ['ecr:a-b_c.d__e:_Tag.1-x', short('a-b_c.d__e', ':_Tag.1-x')],
  [`ecr:app:${'t'.repeat(128)}`, short('app', `:${'t'.repeat(128)}`)],
  open(`ecr-public:acme/app${digest}`, 'acme', 'app', digest),
  open('ecr-public:acme/team/app:1', 'acme', 'team/app', ':1'),
  full(`${host}/app:1`, 'app', ':1'),
  full(`${host}/team/app`, 'team/app', ''),
  full(`${host}/app${digest}`, 'app', digest),
  full(`${host}/app:1${digest}`, 'app', `:1${digest}`),
  full('123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com/app:1', 'app', ':1', 'us-gov-west-1'),
  full('123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/app:1', 'app', ':1', 'cn-north-1'),
  full('123456789012.dkr-ecr.eu-west-1.on.aws/app:1', 'app', ':1'),
  open('public.ecr.aws/acme/app:1', 'acme', 'app', ':1', 'public.ecr.aws/acme/app:1'),
  open('public.ecr.aws/docker/library/nginx', 'docker', 'library/nginx', '', 'public.ecr.aws/docker/library/nginx'),
  ...['nginx', 'nginx:1.27', 'ghcr.io/acme/app:1', 'localhost:5000/app:1', '127.0.0.1:32768/app:1', 'Weird/CASE'].map(
    (uri): [string, object] => [uri, { registry: 'other', uri }],
  ),
]

describe('image references', () => {
  test.each(right)('%s', (text, wanted) => expect(parseImageReference(text)).toEqual(wanted))

  test.each([
    'ecr:',
    'ecr:App:1',
    'ecr:/app',
    'ecr:app/',
    'ecr:a//b:1',
    'ecr:-app:1',
    'ecr:app-:1',
    'ecr:app:',
    'ecr:app:-1',
    `ecr:app:${'t'.repeat(129)}`,
    'ecr:app@sha256:abc',
    `ecr:app${digest.toUpperCase()}`,
    'ecr:app:1 ',
    'ecr:app:1\n',
    'ecr:app:tag with blank',
    'ecr-public:app:1',
    'ecr-public:Acme/app:1',
    'ecr-public:/app:1',
    `${host}/App:1`,
    `${host}/app:bad tag`,
    `${host}/app@sha256:1`,
    `${host}/`,
    'public.ecr.aws/app:1',
    'public.ecr.aws/acme/app:b@d',
    'nginx: latest',
    'two images',
  ])('%j is malformed, and it says what is allowed', text => {
    expect(() => parseImageReference(text)).toThrow(/^allowed is /)
  })
})

describe('the region', () => {
  const read = (environment: Record<string, string>): string => {
    const input = new InputReader(environment)
    const region = readRegion(input)
    input.finish()
    return region
  }
  test('is the input, else the variables', () => {
    const variables = { AWS_REGION: 'us-east-1', AWS_DEFAULT_REGION: 'us-west-2' }
    expect(read({ 'INPUT_AWS-REGION': ' eu-west-1 ', ...variables })).toBe('eu-west-1')
    expect(read({ 'INPUT_AWS-REGION': '', ...variables })).toBe('us-east-1')
    expect(read({ AWS_REGION: '', AWS_DEFAULT_REGION: 'us-gov-west-1' })).toBe('us-gov-west-1')
  })
  test.each(['', 'Europe', 'eu-west', 'eu_west_1', 'eu-west-1a', 'x'])('%j is a wrong input', region => {
    expect(() => read({ 'INPUT_AWS-REGION': region })).toThrow(InputError)
  })
  test('goes into the configuration of clients that do not retry by themselves', () => {
    expect(sdkConfig('eu-west-1')).toMatchObject({ region: 'eu-west-1', maxAttempts: 1 })
  })
})
