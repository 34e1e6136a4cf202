import { expect, test } from '@jest/globals'
import { withoutAccount } from '../src/index.ts'

const stars = '************'
const digest = `sha256:${'0123456789'.repeat(6)}abcd`

test.each([
  // account ids: alone, in ARNs, inside names and URLs
  ['123456789012', stars],
  ['account 123456789012.', `account ${stars}.`],
  ['arn:aws:ecs:eu-west-1:123456789012:task-definition/app:7', `arn:aws:ecs:eu-west-1:${stars}:task-definition/app:7`],
  ['arn:aws:iam::123456789012:role/deploy', `arn:aws:iam::${stars}:role/deploy`],
  ['s3://logs-123456789012-eu-west-1/x', `s3://logs-${stars}-eu-west-1/x`],
  ['/ecs/app_123456789012', `/ecs/app_${stars}`],
  ['bucket123456789012x', `bucket${stars}x`],
  ['arn%3Aaws%3Aiam%3A%3A123456789012%3Arole', `arn%3Aaws%3Aiam%3A%3A${stars}%3Arole`],
  ['"111111111111","222222222222"', `"${stars}","${stars}"`],
  // registry hosts
  ['123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:1', 'ecr:team/app:1'],
  [`123456789012.dkr.ecr.eu-west-1.amazonaws.com/app@${digest}`, `ecr:app@${digest}`],
  ['123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com/app', 'ecr:app'],
  ['123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/app', 'ecr:app'],
  ['123456789012.dkr-ecr.eu-west-1.on.aws/app', 'ecr:app'],
  ['dial 123456789012.dkr.ecr.eu-west-1.amazonaws.com: refused', 'dial ecr: refused'],
  ['https://123456789012.dkr.ecr.eu-west-1.amazonaws.com', 'https://ecr'],
  ['public.ecr.aws/acme/app:1 from public.ecr.aws', 'ecr-public:acme/app:1 from ecr-public'],
  ['127.0.0.1:5000/app:1', 'ecr:app:1'],
  ['image localhost:5000/app, [::1]:5000/app', 'image ecr:app, ecr:app'],
  // not registries
  ['http://127.0.0.1:8080/health', 'http://127.0.0.1:8080/health'],
  ['http://localhost:8080/', 'http://localhost:8080/'],
  ['http://***@127.0.0.1:8080/health', 'http://***@127.0.0.1:8080/health'],
  ['connect 127.0.0.1:5432', 'connect 127.0.0.1:5432'],
  ['not-public.ecr.awsome/x', 'not-public.ecr.awsome/x'],
  // digests, task ids, SHAs, UUIDs, times, counts
  ...[
    digest,
    '12345678901234567890123456789012',
    '0a1b2c3d4e5f123456789012aaaabbbb',
    `${'f'.repeat(8)}123456789012${'f'.repeat(20)}`,
    '01234567-0123-0123-0123-123456789012',
    'ecs-svc/1234567890123456789',
    '1763619000000',
    '2026-11-20T06:31:00.123Z',
    '20261120063100',
    '12345678901',
    '1234567890123',
    'run 17000000000, 8192 bytes',
  ].map(text => [text, text]),
])('%s', (text, wanted) => {
  expect(withoutAccount(text)).toBe(wanted)
  expect(withoutAccount(wanted)).toBe(wanted)
})
