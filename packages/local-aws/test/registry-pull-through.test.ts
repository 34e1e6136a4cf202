import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { digestOf } from '../src/registry/digest.ts'
import type { RegistryRecord } from '../src/registry/hooks.ts'
import { mediaTypes } from '../src/registry/manifest.ts'
import type { Upstream } from '../src/registry/pull-through.ts'
import type { Need } from '../src/service.ts'
import { accountId, basic, type Fixture, manifestOf, region, startFixture } from './registry-fixture.ts'

const config = Buffer.from('{"os":"linux"}')
const layer = Buffer.from('from upstream')
const image = manifestOf(config, [layer])
const index = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests: [{ mediaType: mediaTypes.ociManifest, digest: digestOf(image), size: image.length }],
  }),
)
const asked: string[] = []

const hub: Upstream = {
  async manifest(repository, reference) {
    asked.push(`${repository}:${reference}`)
    if (repository !== 'library/node') return undefined
    if (reference === '24') return { bytes: index, mediaType: mediaTypes.ociIndex }
    return reference === digestOf(image) ? { bytes: image, mediaType: mediaTypes.ociManifest } : undefined
  },
  async blob(_repository, digest) {
    return Readable.from([digest === digestOf(config) ? config : layer])
  },
}

const scope = { kind: 'private', registryId: accountId, region } as const
const rule = { upstreamPrefix: 'ROOT', credentialArn: undefined, customRoleArn: undefined }
let fixture: Fixture
let allowed: (need: Need) => boolean = () => true
const records: RegistryRecord[] = []

beforeAll(async () => {
  fixture = await startFixture({
    upstream: url => (url === 'registry-1.docker.io' ? hub : undefined),
    hooks: {
      authorize: need => (allowed(need) ? undefined : `denied ${need.action}`),
      record: record => records.push(record),
    },
  })
  const { pullThrough } = fixture.registry
  pullThrough.addRule(scope, { ...rule, prefix: 'hub', upstreamUrl: 'registry-1.docker.io' })
  const shared = '210987654321.dkr.ecr.eu-west-1.amazonaws.com'
  pullThrough.addRule(scope, { ...rule, prefix: 'shared', upstreamUrl: shared })
})

afterAll(async () => {
  await fixture.close()
})

describe('a pull-through prefix', () => {
  test('makes the repository at the first pull, and asks upstream once', async () => {
    expect(fixture.registry.repositories.find(scope, 'hub/library/node')).toBeUndefined()
    const first = await fixture.send('GET', '/v2/hub/library/node/manifests/24')
    expect([first.status, await first.text()]).toEqual([200, index.toString()])
    const child = await fixture.send('GET', `/v2/hub/library/node/manifests/${digestOf(image)}`)
    expect(child.status).toBe(200)
    const blob = await fixture.send('GET', `/v2/hub/library/node/blobs/${digestOf(layer)}`)
    expect(await blob.text()).toBe('from upstream')
    expect((await fixture.send('GET', '/v2/hub/library/node/manifests/24')).status).toBe(200)
    expect(asked).toEqual(['library/node:24', `library/node:${digestOf(image)}`])
  })

  test('of an image that upstream does not have is not found, and makes no repository', async () => {
    expect((await fixture.send('GET', '/v2/hub/library/other/manifests/1')).status).toBe(404)
    expect(fixture.registry.repositories.find(scope, 'hub/library/other')).toBeUndefined()
  })

  test('needs more rights than a pull', async () => {
    allowed = need => need.action !== 'ecr:BatchImportUpstreamImage'
    const denied = await fixture.send('GET', '/v2/hub/library/node/manifests/25')
    expect([denied.status, await denied.text()]).toEqual([403, expect.stringContaining('BatchImportUpstreamImage')])
    allowed = () => true
  })

  test('of another account of this cloud copies from there; a token for any region finds the rule', async () => {
    const theirs = { kind: 'private', registryId: '210987654321', region } as const
    fixture.registry.repositories.create(theirs, 'team/api')
    const { password } = fixture.registry.password('private', region, '210987654321')
    const authorization = basic(password)
    for (const blob of [config, layer]) {
      const path = `/v2/team/api/blobs/uploads/?digest=${digestOf(blob)}`
      expect((await fixture.send('POST', path, { body: blob, authorization })).status).toBe(201)
    }
    await fixture.send('PUT', '/v2/team/api/manifests/1', { body: image, authorization })
    const engine = fixture.registry.engineAccess({
      reference: '',
      registry: 'private',
      region: '*',
      registryId: accountId,
    }).authorization
    const pulled = await fixture.send('GET', '/v2/shared/team/api/manifests/1', { authorization: engine })
    expect(pulled.headers.get('docker-content-digest')).toBe(digestOf(image))
    expect(fixture.registry.repositories.find(scope, 'shared/team/api')?.tags.has('1')).toBe(true)
  })

  test('an upstream that sends other bytes than it names is not believed', async () => {
    const liar: Upstream = { ...hub, blob: async () => Readable.from([Buffer.from('something else')]) }
    const own = await startFixture({ upstream: () => liar })
    own.registry.pullThrough.addRule(scope, { ...rule, prefix: 'hub', upstreamUrl: 'anything' })
    expect((await own.send('GET', `/v2/hub/library/node/manifests/${digestOf(image)}`)).status).toBe(404)
    await own.close()
  })
})

test('references with the names of AWS lead to this registry', () => {
  const { registry } = fixture
  const { address, publicAddress, publicAlias } = registry
  expect(registry.localReference(`${accountId}.dkr.ecr.us-west-2.amazonaws.com/team/app:1`)).toEqual({
    reference: `${address}/team/app:1`,
    registry: 'private',
    region: 'us-west-2',
    registryId: accountId,
  })
  expect(registry.localReference(`public.ecr.aws/${publicAlias}/site@sha256:x`)).toMatchObject({
    reference: `${publicAddress}/${publicAlias}/site@sha256:x`,
    registry: 'public',
  })
  expect(registry.localReference(`${address}/app:1`)).toMatchObject({ registry: 'private', region: '*' })
  expect(registry.localReference('public.ecr.aws/docker/library/node:24').registry).toBeUndefined()
  expect(registry.localReference('busybox')).toMatchObject({ reference: 'busybox', registry: undefined })
})
