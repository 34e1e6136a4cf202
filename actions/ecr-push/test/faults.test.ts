import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import {
  blob,
  digestOf,
  dockerSave,
  layoutOf,
  noise,
  OCI_INDEX,
  ociImage,
  ociIndex,
} from '../../../test/support/sample-archives.ts'
import { heldIn } from './support/held-content.ts'
import { type PushCloud, startedPushCloud } from './support/push-cloud.ts'

const big = noise(300_000, 'faults')
const images = [ociImage(['one', big]), ociImage(['two'], 'arm64')]
const index = ociIndex(images)
const contents = [...images.map(({ config }) => config), 'one', big, 'two']
const members = layoutOf([...images.flatMap(image => image.members), blob(index)], index, OCI_INDEX)

let cloud: PushCloud
let counter = 0

beforeAll(async () => {
  cloud = await startedPushCloud()
  cloud.tar('image.tar', members)
  await cloud.repository('source')
  expect((await cloud.run({ repository: 'source', archive: 'image.tar', tags: 'v1' })).exitCode).toBe(0)
})
afterAll(() => cloud?.stop())
afterEach(() => cloud.aws.clearFaults())

const FAULTS = [
  ['429', { kind: 'error', status: 429, code: 'TOOMANYREQUESTS', message: 'Rate exceeded' }],
  ['500', { kind: 'error', status: 500, code: 'UNKNOWN', message: 'Internal Server Error' }],
  ['503', { kind: 'error', status: 503, code: 'UNAVAILABLE', message: 'Service Unavailable' }],
  ['a reset', { kind: 'reset' }],
  ['a lost answer', { kind: 'lost-answer' }],
] as const

/** Every step of a push from an archive; copying from a registry has some of its own. */
const UPLOAD = ['HEAD manifest', 'HEAD blob', 'POST upload', 'PATCH upload', 'PUT upload', 'PUT manifest']
const WAYS = [
  ['an archive', { archive: 'image.tar' }, UPLOAD],
  ['another repository', { 'source-image': 'ecr:source:v1' }, ['GET manifest', 'GET blob', 'GET layer', ...UPLOAD]],
] as const

describe.each(FAULTS)('%s, twice at every step of a push', (_, fault) => {
  test.each(WAYS)('from %s: ridden out, all of the image is there, under its tags', async (_, inputs, operations) => {
    const name = `team/ridden${counter++}`
    await cloud.repository(name)
    const start = cloud.aws.journal().length
    for (const operation of operations) cloud.aws.addFault({ service: 'registry', operation, times: 2, ...fault })
    const { exitCode, outputs, annotations } = await cloud.run({ repository: name, ...inputs, tags: 'v1\nlatest' })
    const met = cloud.aws
      .journal()
      .slice(start)
      .flatMap(entry => (entry.fault === fault.kind ? [entry.operation] : []))
    expect(met.sort()).toEqual(operations.flatMap(operation => [operation, operation]).sort())
    expect([exitCode, outputs['digest'], annotations]).toEqual([0, digestOf(index), []])
    const held = heldIn(cloud.ecr, name)
    for (const reference of ['v1', 'latest']) expect(await held.manifest(reference)).toBe(index)
    for (const { manifest } of images) expect(await held.manifest(digestOf(manifest))).toBe(manifest)
    for (const content of contents) {
      expect((await held.blob(digestOf(content))).equals(Buffer.from(content))).toBe(true)
    }
  })
})

test.each(['POST upload', 'PUT upload'])('%s that always fails: red, nothing tagged', async operation => {
  const name = `team/ridden${counter++}`
  await cloud.repository(name)
  cloud.tar('small.tar', dockerSave([operation]))
  cloud.aws.addFault({ service: 'registry', operation, kind: 'error', status: 500, message: 'disk on fire' })
  const { exitCode, outputs, annotations } = await cloud.run({
    repository: name,
    archive: 'small.tar',
    tags: 'v1',
    'push-attempts': '1',
  })
  expect([exitCode, outputs['status'], outputs['digest']]).toEqual([1, 'failed', undefined])
  expect(annotations).toEqual([
    expect.objectContaining({ level: 'error', message: expect.stringMatching(/The registry says: .*disk on fire/) }),
  ])
  expect(await heldIn(cloud.ecr, name).tags()).toEqual({})
})
