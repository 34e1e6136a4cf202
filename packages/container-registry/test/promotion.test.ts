import {
  checkSourceImage,
  heldImage,
  pushContent,
  putVerified,
  type Repository,
  registryImage,
  sourceRepository,
} from '@aws-deploy-actions/container-registry'
import { PutAccountSettingCommand } from '@aws-sdk/client-ecr'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
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
import { type RegistryCloud, startRegistryCloud } from './registry-cloud.ts'

const big = noise(3_000_000, 'promotion')
const images = [ociImage(['one', big]), ociImage(['two'], 'arm64')]
const index = ociIndex(images)
const multiArchitecture = layoutOf([...images.flatMap(image => image.members), blob(index)], index, OCI_INDEX)

let cloud: RegistryCloud
let source: Repository
let target: Repository
beforeAll(async () => {
  cloud = await startRegistryCloud()
})
afterAll(() => cloud?.stop())
beforeEach(async () => {
  source = (await cloud.repository()).repository
  target = (await cloud.repository()).repository
})
afterEach(async () => {
  cloud.aws.clearFaults()
  await mounting('DISABLED')
})

async function mounting(value: 'ENABLED' | 'DISABLED'): Promise<void> {
  await cloud.ecr.send(new PutAccountSettingCommand({ name: 'BLOB_MOUNTING', value }))
}

async function promoted(reference: string, tag = 'prod') {
  const image = await registryImage(source, reference)
  const record = await pushContent(image, target)
  await putVerified(target, tag, image.root)
  return { ...record, digest: image.root.digest }
}

async function expectWhole(tag = 'prod'): Promise<void> {
  expect((await target.manifest(tag))?.bytes.toString()).toBe(index)
  for (const { manifest, config } of images) {
    expect((await target.manifest(digestOf(manifest)))?.bytes.toString()).toBe(manifest)
    expect(await target.hasBlob(digestOf(config))).toBe(true)
  }
  const bytes = await target.smallBlob({ mediaType: 'x', digest: digestOf(big), size: big.length })
  expect(bytes.equals(big)).toBe(true)
}

test('an index within one registry is mounted: not a byte of a blob is sent', async () => {
  await cloud.push(multiArchitecture, source)
  await mounting('ENABLED')
  expect(await promoted('v1')).toMatchObject({ mounted: 5, sent: 0, bytes: 0, digest: digestOf(index) })
  await expectWhole()
  const requests = cloud.requests(target.name)
  expect(requests.filter(line => /^(?:PATCH|PUT) upload/.test(line))).toEqual([])
  // children before the index
  expect(requests.filter(line => line.startsWith('PUT manifest'))).toHaveLength(3)
})

test('where the registry does not mount, the bytes are streamed through the uploads that it began', async () => {
  const { digest } = await cloud.push(multiArchitecture, source)
  expect(await promoted(digest)).toMatchObject({ mounted: 0, sent: 5 })
  await expectWhole()
  expect(cloud.requests(target.name).filter(line => line.startsWith('DELETE upload'))).toEqual([])
})

test('a second promotion sends nothing; a retag in one repository neither', async () => {
  await cloud.push(multiArchitecture, source)
  await promoted('v1')
  expect(await promoted('v1', 'other')).toMatchObject({ mounted: 0, sent: 0, present: 5, bytes: 0 })
  await expectWhole('other')
  const same = await registryImage(source, 'v1')
  expect(await pushContent(same, source)).toMatchObject({ sent: 0, mounted: 0 })
})

test('a single image keeps its docker type and bytes', async () => {
  const { digest } = await cloud.push(dockerSave(['a', 'b']), source)
  await promoted('v1')
  const there = await target.manifest('prod')
  expect(there?.digest).toBe(digest)
  expect(there?.mediaType).toBe('application/vnd.docker.distribution.manifest.v2+json')
})

test('a missing source is an error that names it, and nothing is sent', async () => {
  await expect(promoted('gone')).rejects.toMatchObject({
    name: 'ImageMissing',
    message: expect.stringContaining(`${source.name}:gone does not exist`),
    details: { said: expect.stringMatching(/Requested image not found/) },
  })
  await expect(promoted(digestOf('nothing'))).rejects.toThrow(`@${digestOf('nothing')} does not exist`)
  expect(cloud.requests(target.name)).toEqual([])
})

test.each(['GET manifest', 'GET blob', 'GET layer', 'POST upload', 'PATCH upload', 'PUT upload', 'PUT manifest'])(
  '%s: throttling, 503, a reset and a lost answer are ridden out',
  async operation => {
    await cloud.push(multiArchitecture, source)
    for (const fault of [
      { kind: 'error', status: 503, code: 'UNAVAILABLE', message: 'later' },
      { kind: 'reset' },
      { kind: 'lost-answer' },
      { kind: 'throttle' },
    ] as const) {
      cloud.aws.addFault({ service: 'registry', operation, times: 1, ...fault })
    }
    await promoted('v1')
    await expectWhole()
  },
)

test('a download that breaks half-way goes on where it broke', async () => {
  await cloud.push(multiArchitecture, source)
  cloud.aws.addFault({ service: 'registry', operation: 'GET blob', kind: 'reset', afterBytes: 1_000_000, times: 8 })
  await promoted('v1')
  await expectWhole()
  const ranges = cloud.aws.journal().map(({ input }) => /"range":"bytes=(\d+)-/.exec(JSON.stringify(input))?.[1])
  expect(ranges).toContain('1000000')
})

test('a manifest that arrives damaged is asked for again', async () => {
  await cloud.push(multiArchitecture, source)
  cloud.aws.addFault({ service: 'registry', operation: 'GET manifest', kind: 'malformed', times: 2 })
  await promoted('v1')
  await expectWhole()
})

test('a source that stays broken is a failure; nothing is tagged', async () => {
  await cloud.push(multiArchitecture, source)
  cloud.aws.addFault({ service: 'registry', operation: 'GET layer', kind: 'error', status: 500, message: 'no disk' })
  await expect(promoted('v1')).rejects.toMatchObject({ name: 'RegistryUnavailable' })
  expect(cloud.requests(target.name).filter(line => line.startsWith('PUT manifest'))).toEqual([])
})

test('an abort in the middle ends it at once; nothing is tagged', async () => {
  await cloud.push(multiArchitecture, source)
  const cancel = new AbortController()
  const aborted = target.abortedBy(cancel.signal)
  cloud.aws.addFault({ service: 'registry', operation: 'GET layer', kind: 'delay', delayMs: 20_000 })
  const image = await registryImage(source, 'v1')
  const pushing = pushContent(image, aborted)
  setTimeout(() => cancel.abort(new Error('cancelled by test')), 300)
  const at = Date.now()
  await expect(pushing).rejects.toThrow('cancelled by test')
  expect(Date.now() - at).toBeLessThan(12_000)
  expect(cloud.requests(target.name).filter(line => line.startsWith('PUT'))).toEqual([])
})

test('held images tell their labels, through an index as well', async () => {
  const config = JSON.stringify({
    config: { Labels: { 'org.opencontainers.image.revision': 'abc', team: 'shop' } },
    rootfs: { type: 'layers', diff_ids: [digestOf('x')] },
  })
  const { digest } = await cloud.push(dockerSave(['x'], { config }), source)
  expect(await heldImage(source, 'v1')).toMatchObject({
    digest,
    configDigest: digestOf(config),
    labels: { 'org.opencontainers.image.revision': 'abc', team: 'shop' },
  })
  await cloud.push(multiArchitecture, target)
  expect(await heldImage(target, 'v1')).toMatchObject({
    digest: digestOf(index),
    mediaType: OCI_INDEX,
    configDigest: digestOf(images[0]?.config ?? ''),
    labels: {},
  })
  expect(await heldImage(target, 'gone')).toBeUndefined()
})

test('a source image is found by its short name and by its address', async () => {
  const { place, repository } = await cloud.repository()
  const { digest } = await cloud.push(dockerSave(['s']), repository)
  for (const text of [
    `ecr:${place.name}:v1`,
    `${place.uri}:v1`,
    `ecr:${place.name}@${digest}`,
    `${place.uri}@${digest}`,
  ]) {
    const found = await sourceRepository(text, 'eu-west-1', cloud.step())
    expect((await registryImage(found.repository, found.reference)).root.digest).toBe(digest)
    found.close()
  }
  const shared = await sourceRepository(`${place.uri}:v1`, 'eu-west-1', cloud.step(), {
    repository: target,
    region: 'eu-west-1',
  })
  expect(shared.repository.connection).toBe(target.connection)
})

test('an image of another region is copied with a login of that region', async () => {
  const { ECRClient, CreateRepositoryCommand } = await import('@aws-sdk/client-ecr')
  const elsewhere = new ECRClient({ region: 'us-west-2' })
  const { repository } = await elsewhere.send(new CreateRepositoryCommand({ repositoryName: 'far/away' }))
  elsewhere.destroy()
  const uri = `${cloud.aws.accountId}.dkr.ecr.us-west-2.amazonaws.com/far/away`
  expect(repository?.repositoryName).toBe('far/away')
  const found = await sourceRepository(`${uri}:v1`, 'eu-west-1', cloud.step(), {
    repository: target,
    region: 'eu-west-1',
  })
  expect(found.repository.connection).not.toBe(target.connection)
  expect(found.name).toBe('ecr:far/away:v1')
  await cloud.push(dockerSave(['far']), found.repository)
  const image = await registryImage(found.repository, found.reference)
  await pushContent(image, target)
  await putVerified(target, 'v1', image.root)
  expect(await target.digestOf('v1')).toBe(image.root.digest)
  found.close()
})

test('an image of ECR Public is copied into a private repository', async () => {
  const { CreateRepositoryCommand, ECRPUBLICClient } = await import('@aws-sdk/client-ecr-public')
  const ecr = new ECRPUBLICClient({ region: 'us-east-1' })
  const made = await ecr.send(new CreateRepositoryCommand({ repositoryName: 'tools' }))
  ecr.destroy()
  const [, alias] = (made.repository?.repositoryUri ?? '').split('/')
  const found = await sourceRepository(`ecr-public:${alias}/tools:v1`, 'eu-west-1', cloud.step(), {
    repository: target,
    region: 'eu-west-1',
  })
  expect(found.name).toBe(`ecr-public:${alias}/tools:v1`)
  await cloud.push(multiArchitecture, found.repository)
  const image = await registryImage(found.repository, found.reference)
  expect(await pushContent(image, target)).toMatchObject({ mounted: 0, sent: 5 })
  await putVerified(target, 'prod', image.root)
  await expectWhole()
  found.close()
})

test.each([
  'ecr:team/app:v1',
  `ecr:app@${digestOf('x')}`,
  'ecr:123456789012/app:v1',
  'ecr-public:alias/app:v1',
  '123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:v1',
  `123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:v1@${digestOf('x')}`,
  'public.ecr.aws/docker/library/node:24',
  '127.0.0.1:5000/team/app:v1',
  'docker.io/library/node:24',
  'ghcr.io/acme/app:v1',
])('%s is a source image', text => {
  expect(() => checkSourceImage(text)).not.toThrow()
})

test.each([
  '',
  'app',
  'ecr:app',
  'ecr-public:alias/app',
  'node:24',
  'library/node:24',
  'ghcr.io/acme/app',
  'ghcr.io/Acme/app:v1',
  '127.0.0.1:5000/app@sha256:12',
  '123456789012.dkr.ecr.eu-west-1.amazonaws.com/app',
])('"%s" is none', text => {
  expect(() => checkSourceImage(text)).toThrow(/allowed is/)
})
