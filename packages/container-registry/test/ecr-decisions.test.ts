import { describe, expect, test } from '@jest/globals'
import { expiredImages, keptTaggedImages, type ListedImage } from '../src/image-expiry.ts'
import { findingsFrom, mergedCounts, scanDecision } from '../src/scan-decision.ts'

const HOUR = 3_600_000
const NOW = Date.UTC(2026, 10, 20)

function image(
  digest: string,
  tags: readonly string[],
  hoursAgo: number,
  more: Partial<ListedImage> = {},
): ListedImage {
  return { digest, tags, pushedAt: new Date(NOW - hoursAgo * HOUR), isIndex: false, subject: undefined, ...more }
}

const hex = 'a'.repeat(64)
const signed = `sha256:${hex}`

/** [what, images, keep, protect, just pushed, named by kept indexes, expected: deleted] */
const expiries: readonly (readonly [
  string,
  readonly ListedImage[],
  number,
  readonly string[],
  readonly string[],
  readonly string[],
  readonly string[],
])[] = [
  ['nothing there', [], 3, [], [], [], []],
  ['fewer than are kept', [image('a', ['1'], 50)], 3, [], [], [], []],
  ['the oldest go', [image('a', ['1'], 3), image('b', ['2'], 2), image('c', ['3'], 1)], 2, [], [], [], ['a']],
  [
    'whatever their order',
    [image('c', ['3'], 1), image('a', ['1'], 3), image('b', ['2'], 2)],
    1,
    [],
    [],
    [],
    ['a', 'b'],
  ],
  ['several tags are one image', [image('a', ['1', '1.0'], 3), image('b', ['2'], 2)], 1, [], [], [], ['a']],
  ['protected stay', [image('a', ['stable', '1'], 9), image('b', ['2'], 2)], 1, ['stable'], [], [], []],
  [
    'protected do not count',
    [image('a', ['stable'], 1), image('b', ['2'], 2), image('c', ['3'], 3)],
    1,
    ['stable'],
    [],
    [],
    ['c'],
  ],
  [
    'just pushed stay, old as they may be',
    [image('a', ['1'], 99), image('b', ['2'], 2), image('c', ['3'], 3)],
    1,
    [],
    ['a'],
    [],
    ['c'],
  ],
  ['keep none', [image('a', ['1'], 1), image('b', ['2'], 2)], 0, [], ['a'], [], ['b']],
  ['untagged of a day', [image('a', [], 24), image('b', [], 24.01)], 5, [], [], [], ['b']],
  [
    'untagged that an index names',
    [image('i', ['1'], 50, { isIndex: true }), image('a', [], 50)],
    5,
    [],
    [],
    ['a'],
    [],
  ],
  ['untagged just pushed', [image('a', [], 500)], 5, [], ['a'], [], []],
  [
    'tagged that a kept index names',
    [image('i', ['2'], 1, { isIndex: true }), image('a', ['amd64'], 5)],
    1,
    [],
    [],
    ['a'],
    [],
  ],
  ['an attestation of a kept image', [image('a', ['1'], 50), image('s', [], 50, { subject: 'a' })], 1, [], [], [], []],
  [
    'an attestation of an expired image',
    [image('a', ['1'], 50), image('s', [], 50, { subject: 'a' })],
    0,
    [],
    [],
    [],
    ['a', 's'],
  ],
  [
    'a signature of an attestation',
    [image('a', ['1'], 50), image('s', [], 50, { subject: 'a' }), image('t', [], 50, { subject: 's' })],
    1,
    [],
    [],
    [],
    [],
  ],
  [
    'a signature by tag stays and does not count',
    [image(signed, ['1'], 5), image('s', [`sha256-${hex}.sig`], 1), image('b', ['2'], 9)],
    2,
    [],
    [],
    [],
    [],
  ],
  [
    'a signature by tag goes with its image',
    [image(signed, ['1'], 5), image('s', [`sha256-${hex}.sig`], 1), image('b', ['2'], 3)],
    1,
    [],
    [],
    [],
    [signed, 's'],
  ],
  ['a signature of nothing goes', [image('s', [`sha256-${hex}.att`], 1), image('b', ['2'], 3)], 1, [], [], [], ['s']],
  [
    'a referrers index by tag',
    [image(signed, ['1'], 5), image('s', [`sha256-${hex}`], 1, { isIndex: true })],
    1,
    [],
    [],
    [],
    [],
  ],
]

test.each(expiries)('expiry: %s', (_, images, keep, protect, justPushed, named, expected) => {
  const kept = keptTaggedImages(images, { keep, protect, justPushed })
  const { tagged, untagged } = expiredImages(images, kept, new Set(named), NOW)
  expect([...tagged, ...untagged].map(({ digest }) => digest)).toEqual(expected)
})

describe('scan gate', () => {
  const levels = ['critical', 'high', 'medium', 'low'] as const
  const severities = ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'INFORMATIONAL', 'UNDEFINED', 'UNTRIAGED']

  test.each(
    levels.flatMap((failOn, limit) =>
      severities.flatMap((severity, rank) =>
        ['COMPLETE', 'ACTIVE'].map(status => [failOn, severity, status, rank <= limit ? 'closed' : 'open'] as const),
      ),
    ),
  )('%s meets %s (%s): %s', (failOn, severity, status, kind) => {
    const decision = scanDecision({ status, description: undefined, counts: { [severity]: 2 }, findings: [] }, failOn)
    expect(decision.kind).toBe(kind)
    if (decision.kind === 'closed') expect(decision).toMatchObject({ why: 'findings', text: `2 ${severity}` })
  })

  test.each(['IN_PROGRESS', 'PENDING', undefined])('%s is waited for, whatever is counted', status => {
    expect(scanDecision({ status, description: '', counts: { CRITICAL: 1 }, findings: [] }, 'low')).toEqual({
      kind: 'wait',
    })
  })

  test.each([
    'FAILED',
    'UNSUPPORTED_IMAGE',
    'SCAN_ELIGIBILITY_EXPIRED',
    'FINDINGS_UNAVAILABLE',
    'LIMIT_EXCEEDED',
    'IMAGE_ARCHIVED',
    'SOMETHING_NEW',
  ])('%s closes it and says why', status => {
    expect(scanDecision({ status, description: 'AWS’s words', counts: {}, findings: [] }, 'critical')).toMatchObject({
      kind: 'closed',
      why: 'not-scanned',
      text: expect.stringMatching(`^${status}: .+AWS’s words`),
    })
  })

  test('counts: the larger of what is counted and what is listed', () => {
    const findings = ['HIGH', 'HIGH', 'LOW'].map(severity => ({ name: 'x', severity, package: undefined }))
    expect(mergedCounts({ HIGH: 1, LOW: 3, MEDIUM: 0 }, findings)).toEqual({ HIGH: 2, LOW: 3, MEDIUM: 0 })
    expect(findingsFrom(findings, 'high')).toHaveLength(2)
  })
})
