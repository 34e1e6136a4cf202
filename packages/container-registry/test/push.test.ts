import { systemClock } from '@aws-deploy-actions/action-runtime'
import { PermissionError } from '@aws-deploy-actions/aws-clients'
import { ecrLogin, Repository } from '@aws-deploy-actions/container-registry'
import type { LocalAws } from '@aws-deploy-actions/local-aws'
import { CreateRepositoryCommand as CreatePublicRepositoryCommand, ECRPUBLICClient } from '@aws-sdk/client-ecr-public'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import {
  blob,
  digestOf,
  dockerSave,
  imageConfig,
  layoutOf,
  type Member,
  noise,
  ociImage,
  ociIndex,
} from '../../../test/support/sample-archives.ts'
import { type RegistryCloud, startRegistryCloud } from './registry-cloud.ts'

let cloud: RegistryCloud
let aws: LocalAws
let repository: Repository
let signal: AbortController

beforeAll(async () => {
  cloud = await startRegistryCloud()
  aws = cloud.aws
})
afterAll(() => cloud?.stop())
beforeEach(async () => {
  signal = new AbortController()
  repository = (await cloud.repository({}, signal.signal)).repository
})
afterEach(() => {
  aws.clearFaults()
  aws.setPolicy(undefined)
})

const push = (members: readonly Member[], target = repository) => cloud.push(members, target)
/** `PATCH upload 202`, of one repository, since it was made. */
const requests = (name = repository.name) => cloud.requests(name)

async function bytesOf(digest: string): Promise<Buffer> {
  const found = await fetch(repository.url(`blobs/${digest}`), {
    headers: { authorization: `Basic ${Buffer.from(`AWS:${cloud.login.credentials.password}`).toString('base64')}` },
  })
  expect(found.status).toBe(200)
  return Buffer.from(await found.arrayBuffer())
}

const big = noise(3_000_000, 'big')

test('docker save and OCI archives arrive byte for byte; a second push sends no blob', async () => {
  const layers = ['small', big]
  const first = await push(dockerSave(layers))
  expect(first).toMatchObject({ sent: 3, present: 0, bytes: 5 + big.length + imageConfig(layers).length })
  for (const content of [...layers, imageConfig(layers)]) {
    expect((await bytesOf(digestOf(content))).equals(Buffer.from(content))).toBe(true)
  }
  expect((await repository.manifest('v1'))?.digest).toBe(first.digest)

  expect(await push(dockerSave(layers))).toMatchObject({ sent: 0, present: 3, bytes: 0, digest: first.digest })
  const image = ociImage(['small', 'new'])
  const oci = await push(layoutOf(image.members, image.manifest))
  expect(oci).toMatchObject({ sent: 2, present: 1, digest: digestOf(image.manifest) })
  expect((await repository.manifest('v1'))?.bytes.toString()).toBe(image.manifest)
})

test('an index goes up with all of its images', async () => {
  const images = [ociImage(['one']), ociImage(['two'], 'arm64')]
  const index = ociIndex(images)
  const members = [...images.flatMap(image => image.members), blob(index)]
  await push(layoutOf(members, index, 'application/vnd.oci.image.index.v1+json'))
  expect((await repository.manifest('v1'))?.bytes.toString()).toBe(index)
  for (const { manifest } of images) expect(await repository.digestOf(digestOf(manifest))).toBe(digestOf(manifest))
})

test.each(['HEAD blob', 'POST upload', 'PATCH upload', 'PUT upload', 'PUT manifest', 'HEAD manifest'])(
  '%s: throttling, 503, a reset and a lost answer are ridden out',
  async operation => {
    for (const fault of [
      { kind: 'error', status: 503, code: 'UNAVAILABLE', message: 'later' },
      { kind: 'reset' },
      { kind: 'lost-answer' },
      { kind: 'throttle' },
    ] as const) {
      aws.addFault({ service: 'registry', operation, times: 1, ...fault })
    }
    const { digest } = await push(dockerSave(['one', noise(200_000, operation)]))
    expect(await repository.digestOf('v1')).toBe(digest)
    for (const content of ['one', noise(200_000, operation)]) {
      expect((await bytesOf(digestOf(content))).equals(Buffer.from(content))).toBe(true)
    }
  },
)

test.each(['HEAD blob', 'PUT manifest', 'HEAD manifest'])('%s: a longer outage is waited for', async operation => {
  aws.addFault({ service: 'registry', operation, kind: 'error', status: 503, message: 'later', times: 14 })
  const { digest } = await push(dockerSave(['one']))
  expect(await repository.digestOf('v1')).toBe(digest)
})

test('an outage without end ends with the signal', async () => {
  aws.addFault({ service: 'registry', operation: 'HEAD manifest', kind: 'error', status: 503, message: 'later' })
  const looking = repository.digestOf('v1')
  const own = signal
  setTimeout(() => own.abort(new Error('out of time')), 300)
  await expect(looking).rejects.toThrow('out of time')
})

test('a broken upload is resumed where the registry stands', async () => {
  aws.addFault({ service: 'registry', operation: 'PATCH upload', kind: 'reset', afterBytes: 1_000_000, times: 1 })
  const { bytes } = await push(dockerSave([big]))
  expect((await bytesOf(digestOf(big))).equals(big)).toBe(true)
  expect(requests().filter(line => /upload/.test(line))).toContain('GET upload 204')
  // not sent twice from the start
  expect(bytes).toBeLessThan(1.8 * big.length)
})

test('asking how far a broken upload got rides out faults, too', async () => {
  aws.addFault({ service: 'registry', operation: 'PATCH upload', kind: 'reset', afterBytes: 1_000_000, times: 1 })
  for (const kind of ['throttle', 'error', 'reset', 'lost-answer'] as const) {
    aws.addFault({ service: 'registry', operation: 'GET upload', kind, times: 1 })
  }
  await push(dockerSave([big]))
  expect((await bytesOf(digestOf(big))).equals(big)).toBe(true)
})

test('an upload that the registry forgot begins again', async () => {
  aws.addFault({ service: 'registry', operation: 'PATCH upload', kind: 'reset', afterBytes: 1_000_000, times: 1 })
  const forgotten = { kind: 'error', status: 404, code: 'BLOB_UPLOAD_UNKNOWN', message: 'unknown', times: 1 } as const
  aws.addFault({ service: 'registry', operation: 'GET upload', ...forgotten })
  aws.addFault({ service: 'registry', operation: 'PUT upload', ...forgotten })
  await push(dockerSave([big]))
  expect((await bytesOf(digestOf(big))).equals(big)).toBe(true)
})

test('a registry that stays broken is a failure that says so, and nothing is tagged', async () => {
  aws.addFault({
    service: 'registry',
    operation: 'PATCH upload',
    kind: 'error',
    status: 500,
    code: 'UNKNOWN',
    message: 'disk on fire',
  })
  await expect(push(dockerSave(['one']))).rejects.toMatchObject({
    name: 'RegistryUnavailable',
    details: { said: expect.stringMatching(/disk on fire/) },
  })
  aws.clearFaults()
  expect(await repository.digestOf('v1')).toBeUndefined()
})

test('a layer whose content is not what the config says is not committed and nothing is tagged', async () => {
  const members = dockerSave(['one', 'two']).map(member =>
    member.name === 'layer1/layer.tar' ? { ...member, content: 'six' } : member,
  )
  await expect(push(members)).rejects.toMatchObject({
    name: 'BlobMismatch',
    details: {
      resource: expect.stringMatching(/layer 2 of 2/),
      cause: expect.stringMatching(`its digest is ${digestOf('six')}`),
    },
  })
  expect(await repository.digestOf('v1')).toBeUndefined()
  expect(await repository.hasBlob(digestOf('six'))).toBe(false)
})

test('an abort in the middle ends the push at once; nothing is tagged', async () => {
  aws.addFault({ service: 'registry', operation: 'PATCH upload', kind: 'delay', delayMs: 20_000 })
  const pushing = push(dockerSave([big, 'two']))
  for (let waits = 0; !requests().some(line => line.startsWith('POST upload')); waits++) {
    expect(waits).toBeLessThan(6000)
    await systemClock.sleep(5)
  }
  const at = Date.now()
  signal.abort(new Error('cancelled by test'))
  await expect(pushing).rejects.toThrow('cancelled by test')
  expect(Date.now() - at).toBeLessThan(12_000)
  aws.clearFaults()
  expect(requests().some(line => line.startsWith('PUT manifest'))).toBe(false)
})

test('the first error stops the other layers', async () => {
  aws.addFault({
    service: 'registry',
    operation: 'POST upload',
    kind: 'error',
    status: 400,
    code: 'SIZE_INVALID',
    message: 'too large',
    times: 1,
  })
  aws.addFault({ service: 'registry', operation: 'PATCH upload', kind: 'delay', delayMs: 20_000 })
  const at = Date.now()
  await expect(push(dockerSave(['one', 'two', 'three']))).rejects.toMatchObject({ code: 'SIZE_INVALID' })
  expect(Date.now() - at).toBeLessThan(12_000)
})

test('a denied request names the IAM action', async () => {
  aws.setPolicy({
    Statement: [{ Effect: 'Allow', Action: ['ecr:BatchGetImage', 'ecr:BatchCheckLayerAvailability'], Resource: '*' }],
  })
  const denied = await push(dockerSave(['one'])).catch((error: unknown) => error)
  expect(denied).toBeInstanceOf(PermissionError)
  expect(denied).toMatchObject({
    action: 'ecr:InitiateLayerUpload',
    details: { said: expect.stringMatching(/is not authorized to perform/) },
  })
  aws.setPolicy({ Statement: [{ Effect: 'Allow', Action: ['ecr:BatchGetImage'], Resource: '*' }] })
  await expect(push(dockerSave(['two']))).rejects.toMatchObject({ action: 'ecr:BatchCheckLayerAvailability' })
})

test('a missing repository is told in the registry’s words', async () => {
  const nowhere = new Repository(repository.connection, 'no/where', 'ecr')
  await expect(push(dockerSave(['one']), nowhere)).rejects.toMatchObject({
    message: 'The repository no/where does not exist.',
    details: { said: expect.stringMatching(/name 'no\/where' does not exist in the registry with id '123456789012'/) },
  })
})

test('a wrong password is told apart from a denial', async () => {
  const strangers = new Repository(
    cloud.connection(aws.registryAddress, { username: 'AWS', password: 'wrong' }),
    repository.name,
    'ecr',
  )
  await expect(push(dockerSave(['one']), strangers)).rejects.toThrow(/did not accept the credentials/)
})

test('a layer is taken over from another repository without its bytes, where the registry does that', async () => {
  await push(dockerSave(['shared']))
  const { repository: other } = await cloud.repository()
  const { mounted } = await other.mountBlob(digestOf('shared'), repository.name)
  expect(await other.hasBlob(digestOf('shared'))).toBe(mounted)
  expect(requests(other.name).filter(line => line.startsWith('PATCH'))).toEqual([])
})

test('ECR Public: its token service, its own names', async () => {
  const ecr = new ECRPUBLICClient({ region: 'us-east-1' })
  const made = await ecr.send(new CreatePublicRepositoryCommand({ repositoryName: 'open' }))
  ecr.destroy()
  const uri = made.repository?.repositoryUri ?? ''
  const hidden: string[] = []
  const { credentials, host } = await ecrLogin('public', 'ap-south-1', cloud.step(), secret => hidden.push(secret))
  expect(host).toBeUndefined()
  expect(hidden).toContain(credentials.password)
  const target = new Repository(
    cloud.connection(uri.split('/')[0], credentials),
    uri.slice(uri.indexOf('/') + 1),
    'ecr-public',
  )
  for (const kind of ['throttle', 'error', 'reset', 'lost-answer', 'malformed'] as const) {
    aws.addFault({ service: 'registry', operation: 'GET token', kind, times: 1 })
  }
  const { digest } = await push(dockerSave(['public']), target)
  expect(await target.digestOf('v1')).toBe(digest)
  const tokens = aws.journal().filter(({ operation }) => operation === 'GET token')
  expect(tokens.length).toBeGreaterThan(5)
})

test('layers go up four at a time', async () => {
  aws.addFault({ service: 'registry', operation: 'POST upload', kind: 'delay', delayMs: 150 })
  const layers = Array.from({ length: 8 }, (_, index) => `layer ${index}`)
  await push(dockerSave(layers))
  const starts = aws
    .journal()
    .filter(
      ({ operation, input }) => operation === 'POST upload' && JSON.stringify(input).includes(`"${repository.name}"`),
    )
  const together = starts.filter(({ at }) => at - (starts[0]?.at ?? 0) < 100)
  expect(starts).toHaveLength(9)
  expect(together).toHaveLength(4)
})
