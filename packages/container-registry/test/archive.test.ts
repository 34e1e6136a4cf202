import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { createZstdCompress, gzipSync } from 'node:zlib'
import { openArchive } from '@aws-deploy-actions/container-registry'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import {
  changed,
  cutArchives,
  HOSTILE_ARCHIVES,
  type Hostile,
  layoutWith,
  repeatedGzip,
  without,
} from '../../../test/support/hostile-archives.ts'
import {
  blob,
  digestOf,
  dockerSave,
  hexOf,
  imageConfig,
  layoutOf,
  type Member,
  noise,
  OCI_INDEX,
  ociImage,
  ociIndex,
  tarBytes,
  writeTar,
} from '../../../test/support/sample-archives.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'archive-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const signal = new AbortController().signal
let files = 0

function written(members: readonly Member[]): string {
  return writeTar(join(folder, `${files++}.tar`), members)
}

async function contentOf(path: string) {
  const source = await openArchive(path, signal)
  const blobs: Record<string, string> = {}
  for (const { descriptor, open } of source.blobs) {
    const chunks: Buffer[] = []
    for await (const piece of open(0, signal)) chunks.push(Buffer.from(piece))
    blobs[descriptor.digest] = Buffer.concat(chunks).toString()
  }
  await source.close()
  return { ...source, blobs }
}

test('docker save: a Docker v2 manifest for the layers as they are', async () => {
  const layers = ['layer one', 'layer two']
  const { root, children, blobs } = await contentOf(written(dockerSave(layers)))
  const config = imageConfig(layers)
  expect(JSON.parse(root.bytes.toString())).toEqual({
    schemaVersion: 2,
    mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
    config: {
      mediaType: 'application/vnd.docker.container.image.v1+json',
      digest: digestOf(config),
      size: config.length,
    },
    layers: layers.map(layer => ({
      mediaType: 'application/vnd.docker.image.rootfs.diff.tar',
      digest: digestOf(layer),
      size: layer.length,
    })),
  })
  expect(children).toEqual([])
  expect(blobs).toEqual(Object.fromEntries([...layers, config].map(content => [digestOf(content), content])))
})

test('docker save: compressed layers keep their bytes, linked layers are found, "./" names are fine', async () => {
  const packed = gzipSync('packed layer')
  const config = JSON.stringify({
    rootfs: { type: 'layers', diff_ids: [digestOf('packed layer'), digestOf('twin'), digestOf('twin')] },
  })
  const manifest = JSON.stringify([{ Config: 'config.json', Layers: ['a/layer.tar', 'b/layer.tar', './c/layer.tar'] }])
  const { root } = await contentOf(
    written([
      { name: './a/layer.tar', content: packed },
      { name: 'c/layer.tar', type: '2', link: '../d/layer.tar' },
      { name: 'd/layer.tar', type: '1', link: 'b/layer.tar' },
      { name: 'b/layer.tar', content: 'twin' },
      { name: './config.json', content: config },
      { name: './manifest.json', content: manifest },
    ]),
  )
  expect(root.content).toMatchObject({
    layers: [
      { mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip', digest: digestOf(packed) },
      { digest: digestOf('twin') },
      { digest: digestOf('twin') },
    ],
  })
})

test('OCI layout: the manifest as it is, an index with all of its images, an archive of both forms as its layout', async () => {
  const image = ociImage(['one', noise(5000, 'two')])
  const single = written(layoutOf(image.members, image.manifest))
  expect((await contentOf(single)).root.bytes.toString()).toBe(image.manifest)

  const other = ociImage(['three'], 'arm64')
  const index = ociIndex([image, other])
  const several = await contentOf(
    written(
      layoutOf([...image.members, ...other.members, blob(index)], index, 'application/vnd.oci.image.index.v1+json'),
    ),
  )
  expect(several.root.bytes.toString()).toBe(index)
  expect(several.children.map(({ bytes }) => bytes.toString())).toEqual([image.manifest, other.manifest])
  expect(Object.keys(several.blobs)).toHaveLength(5)

  const both = written([...layoutOf(image.members, image.manifest), ...dockerSave(['not this one'])])
  expect((await contentOf(both)).root.digest).toBe(digestOf(image.manifest))
})

test('docker save with the containerd store: an index of platforms that were not saved gives way to manifest.json', async () => {
  const here = ociImage(['here'])
  const elsewhere = ociImage(['elsewhere'], 'arm64')
  const index = ociIndex([here, elsewhere])
  const path = written([
    ...layoutOf([...here.members, blob(index)], index, 'application/vnd.oci.image.index.v1+json'),
    {
      name: 'manifest.json',
      content: JSON.stringify([
        { Config: `blobs/sha256/${hexOf(here.config)}`, Layers: [`blobs/sha256/${hexOf('here')}`] },
      ]),
    },
  ])
  const { root } = await contentOf(path)
  expect(root.mediaType).toBe('application/vnd.docker.distribution.manifest.v2+json')
  expect(root.content).toMatchObject({ layers: [{ digest: digestOf('here') }] })
})

const image = ociImage(['one', 'two'])
const zeros = gzipSync(Buffer.alloc(10_000_000))
const layout = layoutOf(image.members, image.manifest)
const saved = dockerSave(['one', 'two'])

/** An index in an index in an index … */
function nested(levels: number): Member[] {
  const one = ociImage(['deep'])
  const members = [...one.members]
  let [inner, type] = [one.manifest, 'application/vnd.oci.image.manifest.v1+json']
  for (let level = 0; level < levels; level++) {
    inner = JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [{ mediaType: type, digest: digestOf(inner), size: inner.length }],
    })
    type = OCI_INDEX
    members.push(blob(inner))
  }
  return layoutOf(members, inner, OCI_INDEX)
}

test.each<Hostile>([
  ...HOSTILE_ARCHIVES,
  ['a device', [{ name: 'null', type: '3' }, ...saved], /"null" is a character-device/],
  ['a fifo', [{ name: 'pipe', type: '6' }, ...saved], /"pipe" is a fifo/],
  [
    'a claimed 8 GB',
    [...saved, { name: 'huge', content: 'x', size: 8_000_000_000 }],
    /ends early: "huge" has 8000000000 bytes by its header/,
  ],
  [
    'a claimed 8 EB',
    [...saved, { name: 'huge', content: 'x', size: 2 ** 62 }],
    /"huge" has no valid size|ends early: "huge"/,
  ],
  [
    'a member that is there twice',
    [...saved, { name: 'manifest.json', content: '[]' }],
    /"manifest.json" is there twice/,
  ],
  [
    'a link over a member',
    [...saved, { name: 'manifest.json', type: '1', link: 'x' }],
    /"manifest.json" is there twice/,
  ],
  ['a link to itself', [{ name: 'loop', type: '2', link: 'loop' }, ...without(saved, 'manifest.json')], /neither/],
  [
    'a manifest of more than 4 MiB',
    dockerSave(['one'], { manifest: `[${' '.repeat(4 * 1024 * 1024)}]` }),
    /"manifest.json" is too large: 4194306 bytes/,
  ],
  [
    'a name that takes a megabyte',
    [{ name: 'x', type: 'x', content: noise(1_200_000, 'pax') }, ...saved],
    /longer than any name/,
  ],
  ['indexes in indexes', nested(6), /nested more than 4 deep/],
  [
    'nothing of an image',
    [{ name: 'readme', content: 'x' }],
    /neither "index.json" with "oci-layout".*nor "manifest.json"/,
  ],
  ['a missing layer', without(saved, 'layer1/layer.tar'), /"layer1\/layer.tar" \(layer 2 of 2\) is missing/],
  ['a missing blob', without(layout, `blobs/sha256/${hexOf('two')}`), /is missing/],
  ['a missing config', without(saved, saved.at(-2)?.name ?? ''), /is missing/],
  [
    'a config that is another',
    dockerSave(['one'], {
      manifest: JSON.stringify([{ Config: `${hexOf('x')}.json`, Layers: ['layer0/layer.tar'] }]),
    }).concat([{ name: `${hexOf('x')}.json`, content: imageConfig(['one']) }]),
    /has the digest sha256/,
  ],
  [
    'fewer layers than the config',
    dockerSave(['one', 'two'], { config: imageConfig(['one']) }),
    /names 2 layers, the config 1/,
  ],
  ['a config without layers', dockerSave(['one'], { config: '{}' }), /no rootfs.diff_ids/],
  [
    'two images',
    dockerSave(['one'], {
      manifest: JSON.stringify([
        { Config: 'a', RepoTags: ['a:1'], Layers: [] },
        { Config: 'b', RepoTags: ['b:1'], Layers: [] },
      ]),
    }),
    /holds 2 images \(a:1; b:1\); allowed is one/,
  ],
  ['broken JSON', dockerSave(['one'], { manifest: '{' }), /not valid JSON/],
  [
    'an unknown layout',
    [...without(layout, 'oci-layout'), { name: 'oci-layout', content: '{"imageLayoutVersion":"9"}' }],
    /unknown version 9/,
  ],
  [
    'an index without images',
    [...without(layout, 'index.json'), { name: 'index.json', content: '{"schemaVersion":2,"manifests":[]}' }],
    /names no image/,
  ],
])('%s is refused', async (_, members, problem) => {
  const refused = await openArchive(written(members), signal).then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(refused).toMatchObject({
    message: 'The image archive cannot be pushed: nothing was sent.',
    details: { cause: expect.stringMatching(problem) },
  })
})

test('one image under several names is one image, in both forms', async () => {
  const layers = ['a', 'b']
  const entry = {
    Config: `${hexOf(imageConfig(layers))}.json`,
    RepoTags: ['app:1'],
    Layers: ['layer0/layer.tar', 'layer1/layer.tar'],
  }
  const manifest = JSON.stringify([entry, { ...entry, RepoTags: ['app:2', 'other:3'] }])
  const several = await contentOf(written(dockerSave(layers, { manifest })))
  expect(several.root.digest).toBe((await contentOf(written(dockerSave(layers)))).root.digest)
  const names = ['1', '2'].map(name => ({
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: digestOf(image.manifest),
    size: image.manifest.length,
    annotations: { 'org.opencontainers.image.ref.name': name },
  }))
  const index = { name: 'index.json', content: JSON.stringify({ schemaVersion: 2, manifests: names }) }
  const { root } = await contentOf(written([...without(layout, 'index.json'), index]))
  expect(root.bytes.toString()).toBe(image.manifest)
})

test.each([
  ['another layer', gzipSync('another layer'), /"layer0\/layer.tar" unpacks to sha256:.*, where the config says/],
  ['a truncated one', gzipSync('the layer').subarray(0, 20), /"layer0\/layer.tar" cannot be unpacked: unexpected end/],
  ['a damaged one', Buffer.from('1f8b0800ffffffffffff', 'hex'), /"layer0\/layer.tar" cannot be unpacked/],
])('docker save: a compressed layer that is %s is refused', async (_, content, problem) => {
  await expect(
    openArchive(written(changed(dockerSave(['the layer']), 'layer0/layer.tar', content)), signal),
  ).rejects.toMatchObject({
    name: 'ArchiveError',
    details: { cause: expect.stringMatching(problem) },
  })
})

test('a bomb behind honest bytes is refused', async () => {
  const layer = Buffer.concat([gzipSync(noise(40_000, 'honest')), repeatedGzip(Buffer.alloc(100_000_000), 11)])
  await expect(openArchive(written(layoutWith(layer)), signal)).rejects.toMatchObject({
    details: { cause: expect.stringMatching(/is a decompression bomb/) },
  })
})

test('a bomb of zstd is refused like one of gzip', async () => {
  const compress = createZstdCompress()
  const packed: Buffer[] = []
  const block = Buffer.alloc(10_000_000)
  const zeros = Readable.from(Array.from({ length: 120 }, () => block))
  for await (const chunk of zeros.pipe(compress)) packed.push(chunk)
  await expect(openArchive(written(layoutWith(Buffer.concat(packed))), signal)).rejects.toMatchObject({
    details: { cause: expect.stringMatching(/is a decompression bomb/) },
  })
})

test('a layer that is well compressed, but no bomb, is fine', async () => {
  const one = ociImage([Buffer.concat([zeros, gzipSync(noise(2_000_000, 'real'))])])
  expect((await contentOf(written(layoutOf(one.members, one.manifest)))).root.digest).toBe(digestOf(one.manifest))
})

test.each(cutArchives())('%s is refused', async (_, bytes) => {
  const path = join(folder, `${files++}.tar`)
  writeFileSync(path, bytes)
  await expect(openArchive(path, signal)).rejects.toMatchObject({
    details: { cause: expect.stringMatching(/ends early|missing|neither/) },
  })
})

test('other files are named for what they are', async () => {
  const path = join(folder, 'other')
  writeFileSync(path, gzipSync(tarBytes(saved)))
  await expect(openArchive(path, signal)).rejects.toMatchObject({
    details: { cause: expect.stringMatching(/compressed \(gzip\)/) },
  })
  writeFileSync(path, 'x'.repeat(5000))
  await expect(openArchive(path, signal)).rejects.toMatchObject({
    details: { cause: expect.stringMatching(/damaged/) },
  })
  writeFileSync(path, '')
  await expect(openArchive(path, signal)).rejects.toMatchObject({
    details: { cause: expect.stringMatching(/neither/) },
  })
})
