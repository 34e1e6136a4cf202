import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { digestOf } from '../src/registry/digest.ts'
import { isImmutable } from '../src/registry/images.ts'
import { mediaTypes, parseManifest } from '../src/registry/manifest.ts'
import { accountId, errorOf, type Fixture, manifestOf, region, startFixture } from './registry-fixture.ts'

let fixture: Fixture

beforeAll(async () => {
  fixture = await startFixture()
  fixture.create('app')
  fixture.create('elsewhere', 'us-west-2')
})

afterAll(async () => {
  await fixture.close()
})

const config = Buffer.from('{}')
const layer = Buffer.from('a layer')

async function put(
  reference: string,
  body: Buffer,
  type: string = mediaTypes.ociManifest,
  name = 'app',
): Promise<Response> {
  return await fixture.send('PUT', `/v2/${name}/manifests/${reference}`, { body, headers: { 'content-type': type } })
}

describe('a manifest', () => {
  test('comes back byte for byte, by tag and by digest', async () => {
    for (const blob of [config, layer]) await fixture.pushBlob('app', blob)
    const body = manifestOf(config, [layer])
    const pushed = await put('v1', body)
    expect([pushed.status, pushed.headers.get('docker-content-digest')]).toEqual([201, digestOf(body)])
    for (const reference of ['v1', digestOf(body)]) {
      const got = await fixture.send('GET', `/v2/app/manifests/${reference}`)
      expect(got.headers.get('content-type')).toBe(mediaTypes.ociManifest)
      expect(got.headers.get('docker-content-digest')).toBe(digestOf(body))
      expect(Buffer.from(await got.arrayBuffer()).equals(body)).toBe(true)
      const head = await fixture.send('HEAD', `/v2/app/manifests/${reference}`)
      expect(head.headers.get('content-length')).toBe(String(body.length))
    }
  })

  test('a client that does not take its type is told so', async () => {
    const accept = { accept: mediaTypes.dockerManifest }
    const refused = await fixture.send('GET', '/v2/app/manifests/v1', { headers: accept })
    expect(await errorOf(refused)).toMatchObject({ status: 404, code: 'MANIFEST_UNKNOWN' })
    const both = { accept: `${mediaTypes.dockerManifest}, ${mediaTypes.ociManifest};q=0.5` }
    expect((await fixture.send('GET', '/v2/app/manifests/v1', { headers: both })).status).toBe(200)
  })

  test('that names a layer which is not there is refused', async () => {
    const missing = Buffer.from('never pushed')
    const refused = await errorOf(await put('v2', manifestOf(config, [layer, missing])))
    expect(refused).toMatchObject({ status: 400, code: 'MANIFEST_BLOB_UNKNOWN' })
    expect(refused.message).toContain(digestOf(missing))
    expect((await fixture.send('HEAD', '/v2/app/manifests/v2')).status).toBe(404)
  })

  test('under a digest that is not its own is refused with the text of AWS', async () => {
    const wrong = digestOf(Buffer.from('x'))
    expect(await errorOf(await put(wrong, manifestOf(config, [layer])))).toEqual({
      status: 400,
      code: 'MANIFEST_INVALID',
      message: `The image with digest '${wrong}' in repository 'app' and registry ID '${accountId}' does not match the image digest that Amazon ECR has calculated.`,
    })
  })

  test('an index needs its images first', async () => {
    const body = manifestOf(config, [layer], mediaTypes.dockerManifest)
    const entry = { mediaType: mediaTypes.dockerManifest, digest: digestOf(body), size: body.length }
    const index = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.dockerList, manifests: [entry] }),
    )
    expect(await errorOf(await put('multi', index, mediaTypes.dockerList))).toMatchObject({
      code: 'MANIFEST_BLOB_UNKNOWN',
    })
    expect((await put(digestOf(body), body, mediaTypes.dockerManifest)).status).toBe(201)
    expect((await put('multi', index, mediaTypes.dockerList)).status).toBe(201)
    const refused = await fixture.send('DELETE', `/v2/app/manifests/${digestOf(body)}`)
    expect((await errorOf(refused)).message).toContain(digestOf(index))
  })

  test('of a tag that is not there', async () => {
    expect(await errorOf(await fixture.send('GET', '/v2/app/manifests/nope'))).toEqual({
      status: 404,
      code: 'MANIFEST_UNKNOWN',
      message: 'Requested image not found',
    })
  })

  test.each([
    ['not json', undefined],
    ['[]', undefined],
    ['{"schemaVersion":1}', undefined],
    ['{"schemaVersion":2,"config":{"digest":"sha256:x"}}', undefined],
    [
      '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}',
      mediaTypes.ociManifest,
    ],
    ['{"schemaVersion":2,"manifests":[]}', mediaTypes.ociManifest],
    ['{"schemaVersion":2,"mediaType":"text/plain"}', undefined],
  ])('%s is invalid', (text, type) => {
    expect(() => parseManifest(Buffer.from(text), type)).toThrow()
  })
})

describe('tags', () => {
  test('move from one image to the next, and the former stays untagged', async () => {
    fixture.create('moving')
    const first = await fixture.pushImage('moving', 'latest', 'one')
    const second = await fixture.pushImage('moving', 'latest', 'two')
    const head = await fixture.send('HEAD', '/v2/moving/manifests/latest')
    expect(head.headers.get('docker-content-digest')).toBe(second)
    expect((await fixture.send('HEAD', `/v2/moving/manifests/${first}`)).status).toBe(200)
  })

  test('are listed in pages', async () => {
    fixture.create('many')
    for (const tag of ['c', 'a', 'd', 'b', 'e']) await fixture.pushImage('many', tag, 'same')
    const seen: string[][] = []
    let next: string | undefined = '/v2/many/tags/list?n=2'
    while (next !== undefined) {
      const page: Response = await fixture.send('GET', next)
      const body: unknown = await page.json()
      expect(body).toMatchObject({ name: 'many' })
      if (typeof body === 'object' && body !== null && 'tags' in body && Array.isArray(body.tags)) seen.push(body.tags)
      next = /<([^>]+)>/.exec(page.headers.get('link') ?? '')?.[1]
    }
    expect(seen).toEqual([['a', 'b'], ['c', 'd'], ['e']])
  })

  test('an immutable one takes the same image again, and no other', async () => {
    const scope = { kind: 'private', registryId: accountId, region } as const
    fixture.registry.repositories.create(scope, 'fixed', { mutability: 'IMMUTABLE' })
    const digest = await fixture.pushImage('fixed', 'v1', 'one')
    expect(await fixture.pushImage('fixed', 'v1', 'one')).toBe(digest)
    await expect(fixture.pushImage('fixed', 'v1', 'two')).rejects.toThrow(
      "The image tag 'v1' already exists in the 'fixed' repository and cannot be overwritten because the tag is immutable.",
    )
    const head = await fixture.send('HEAD', '/v2/fixed/manifests/v1')
    expect(head.headers.get('docker-content-digest')).toBe(digest)
  })

  test.each([
    ['MUTABLE', [], 'latest', false],
    ['IMMUTABLE', [], 'latest', true],
    ['IMMUTABLE_WITH_EXCLUSION', ['latest'], 'latest', false],
    ['IMMUTABLE_WITH_EXCLUSION', ['latest'], 'latest2', true],
    ['IMMUTABLE_WITH_EXCLUSION', ['dev-*'], 'dev-1', false],
    ['IMMUTABLE_WITH_EXCLUSION', ['dev.*'], 'dev-1', true],
    ['MUTABLE_WITH_EXCLUSION', ['v*'], 'v1.0', true],
    ['MUTABLE_WITH_EXCLUSION', ['v*'], 'latest', false],
  ] as const)('%s but %j: %s is immutable: %s', (mutability, exclusions, tag, expected) => {
    const scope = { kind: 'private', registryId: accountId, region: 'eu-north-1' } as const
    const name = `repository-${fixture.registry.repositories.list(scope).length}`
    const repository = fixture.registry.repositories.create(scope, name, { mutability, exclusions })
    expect(isImmutable(repository, tag)).toBe(expected)
  })

  test('DELETE takes a tag away, and the image with its last one', async () => {
    fixture.create('deleted')
    const digest = await fixture.pushImage('deleted', 'a', 'one')
    await fixture.pushImage('deleted', 'b', 'one')
    expect((await fixture.send('DELETE', '/v2/deleted/manifests/a')).status).toBe(202)
    expect((await fixture.send('HEAD', '/v2/deleted/manifests/a')).status).toBe(404)
    expect((await fixture.send('HEAD', `/v2/deleted/manifests/${digest}`)).status).toBe(200)
    expect((await fixture.send('DELETE', '/v2/deleted/manifests/b')).status).toBe(202)
    expect((await fixture.send('HEAD', `/v2/deleted/manifests/${digest}`)).status).toBe(404)
    expect((await fixture.send('DELETE', '/v2/deleted/manifests/b')).status).toBe(404)
  })
})

test('what names an image as its subject is found as its referrer, before and after the image is there', async () => {
  fixture.create('signed')
  for (const blob of [config, layer]) await fixture.pushBlob('signed', blob)
  const image = manifestOf(config, [layer])
  const signature = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      artifactType: 'application/vnd.example.signature',
      config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf(config), size: config.length },
      layers: [],
      subject: { mediaType: mediaTypes.ociManifest, digest: digestOf(image), size: image.length },
    }),
  )
  const pushed = await put(digestOf(signature), signature, mediaTypes.ociManifest, 'signed')
  expect(pushed.headers.get('oci-subject')).toBe(digestOf(image))
  expect((await put('v1', image, mediaTypes.ociManifest, 'signed')).status).toBe(201)
  const found: unknown = await (await fixture.send('GET', `/v2/signed/referrers/${digestOf(image)}`)).json()
  expect(found).toMatchObject({
    manifests: [{ digest: digestOf(signature), artifactType: 'application/vnd.example.signature' }],
  })
  const none = await fixture.send('GET', `/v2/signed/referrers/${digestOf(image)}?artifactType=text/plain`)
  expect([none.headers.get('oci-filters-applied'), await none.json()]).toMatchObject([
    'artifactType',
    { manifests: [] },
  ])
})

test('a name in two regions is two repositories: the region of the token decides', async () => {
  fixture.create('twin', 'us-west-2')
  fixture.create('twin')
  await fixture.pushImage('twin', 'here', 'one')
  const west = fixture.registry.password('private', 'us-west-2').password
  const authorization = `Basic ${Buffer.from(`AWS:${west}`).toString('base64')}`
  expect((await fixture.send('HEAD', '/v2/twin/manifests/here', { authorization })).status).toBe(404)
  expect((await fixture.send('GET', '/v2/twin/tags/list', { authorization })).status).toBe(200)
  expect((await fixture.send('GET', '/v2/app/tags/list', { authorization })).status).toBe(404)
  const target = fixture.registry.localReference(`${fixture.registry.address}/elsewhere`)
  const engine = fixture.registry.engineAccess(target).authorization
  expect((await fixture.send('GET', '/v2/elsewhere/tags/list', { authorization: engine })).status).toBe(200)
})
