import { execFileSync } from 'node:child_process'
import { basename } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { changed, cutArchives, DAMAGED_ARCHIVES, HOSTILE_ARCHIVES } from '../../../test/support/hostile-archives.ts'
import { describeWith } from '../../../test/support/parts.ts'
import {
  blob,
  digestOf,
  dockerSave,
  hexOf,
  imageConfig,
  layoutOf,
  noise,
  OCI_INDEX,
  ociImage,
  ociIndex,
} from '../../../test/support/sample-archives.ts'
import { type HeldContent, heldIn } from './support/held-content.ts'
import { errorOf, type PushCloud, startedPushCloud } from './support/push-cloud.ts'

let cloud: PushCloud
let name: string
let held: HeldContent
let counter = 0

beforeAll(async () => {
  cloud = await startedPushCloud()
})
afterAll(() => cloud?.stop())
beforeEach(async () => {
  name = `team/archived${counter++}`
  await cloud.repository(name)
  held = heldIn(cloud.ecr, name)
})

const since = (): number => cloud.aws.journal().length
const push = (tags: string) => cloud.run({ repository: name, archive: 'image.tar', tags })

test.each([
  ...HOSTILE_ARCHIVES,
  ...cutArchives().map(([what, bytes]) => [what, bytes, /ends early|is missing|holds neither/] as const),
])('%s: one error, and no registry is asked anything', async (_, content, problem) => {
  cloud.tar('image.tar', content)
  const start = since()
  const result = await push('v1\nlatest')
  expect([result.exitCode, result.outputs['status'], result.outputs['digest']]).toEqual([1, 'failed', undefined])
  const told = errorOf(result)
  expect(told).toMatch(/The image archive cannot be pushed: nothing was sent\.[\s\S]*Make the archive again/)
  expect(told).toMatch(problem)
  expect(cloud.requests(start)).toEqual([])
  expect(await held.tags()).toEqual({})
})

test.each(DAMAGED_ARCHIVES)('%s: one error, not committed, nothing tagged', async (_, members, problem) => {
  cloud.tar('image.tar', members)
  const start = since()
  const result = await push('v1\nlatest')
  expect([result.exitCode, result.outputs['status'], result.outputs['digest']]).toEqual([1, 'failed', undefined])
  expect(errorOf(result)).toMatch(/The image is damaged: nothing was tagged\.[\s\S]*Make the image archive again/)
  expect(errorOf(result)).toMatch(problem)
  expect(cloud.requests(start).filter(line => line.includes('PUT manifest'))).toEqual([])
  expect(await held.tags()).toEqual({})
  await expect(held.blob(digestOf('six'))).rejects.toThrow()
})

const big = noise(1_500_000, 'archived')
const TAGS = ['v1', 'v1.2', 'v1.2.3', 'release', 'latest', 'again', 'z', '_', 'a'.repeat(128), '2026.11.20']

test('a docker save alone, under many tags: its layers and config byte for byte; again nothing is sent', async () => {
  const layers = ['small', big, 'small', '']
  cloud.tar('image.tar', dockerSave(layers))
  const { exitCode, outputs } = await push(TAGS.join('\n'))
  expect([exitCode, outputs['status'], outputs['tags']]).toEqual([0, 'pushed', JSON.stringify(TAGS)])
  const { digest = '' } = outputs
  expect(await held.tags()).toEqual(Object.fromEntries(TAGS.map(tag => [tag, digest])))
  const manifest = (await held.manifest(digest)) ?? ''
  expect(digestOf(manifest)).toBe(digest)
  for (const tag of TAGS) expect(await held.manifest(tag)).toBe(manifest)
  const { config, layers: named } = JSON.parse(manifest)
  expect(named.map((layer: { digest: string }) => layer.digest)).toEqual(layers.map(digestOf))
  for (const layer of layers) expect((await held.blob(digestOf(layer))).equals(Buffer.from(layer))).toBe(true)
  expect((await held.blob(config.digest)).toString()).toBe(imageConfig(layers))

  const start = since()
  const again = await push(TAGS.join('\n'))
  expect([again.exitCode, again.outputs['digest']]).toEqual([0, digest])
  expect(cloud.requests(start).filter(line => /upload|PUT/.test(line))).toEqual([])
})

test('an OCI layout alone, under many tags: the manifest and every blob byte for byte', async () => {
  const layers = [gzipSync('packed'), big]
  const image = ociImage(layers)
  cloud.tar('image.tar', layoutOf(image.members, image.manifest))
  const { exitCode, outputs } = await push(TAGS.join('\n'))
  expect([exitCode, outputs['digest']]).toEqual([0, digestOf(image.manifest)])
  expect(await held.tags()).toEqual(Object.fromEntries(TAGS.map(tag => [tag, digestOf(image.manifest)])))
  for (const tag of TAGS) expect(await held.manifest(tag)).toBe(image.manifest)
  for (const content of [...layers, image.config]) {
    expect((await held.blob(digestOf(content))).equals(Buffer.from(content))).toBe(true)
  }
})

test('an index for several platforms: all of its images byte for byte, only the index is tagged', async () => {
  const images = [ociImage(['one', big]), ociImage(['two'], 'arm64')]
  const index = ociIndex(images)
  cloud.tar('image.tar', layoutOf([...images.flatMap(image => image.members), blob(index)], index, OCI_INDEX))
  const { exitCode, outputs } = await push('v1\nv2')
  expect([exitCode, outputs['digest']]).toEqual([0, digestOf(index)])
  expect(await held.tags()).toMatchObject({ v1: digestOf(index), v2: digestOf(index) })
  expect(await held.manifest('v2')).toBe(index)
  for (const { manifest, config } of images) {
    expect(await held.manifest(digestOf(manifest))).toBe(manifest)
    expect((await held.blob(digestOf(config))).toString()).toBe(config)
  }
  expect((await held.blob(digestOf(big))).equals(big)).toBe(true)
})

test('a compressed layer that is named by its digest and lies in the registry is not read', async () => {
  const packed = gzipSync(noise(5000, 'packed'))
  const config = imageConfig([noise(5000, 'packed')])
  const layer = `${hexOf(packed)}.tar.gz`
  const manifest = JSON.stringify([{ Config: `sha256:${hexOf(config)}`, Layers: [layer] }])
  const members = [
    { name: `sha256:${hexOf(config)}`, content: config },
    { name: layer, content: packed },
    { name: 'manifest.json', content: manifest },
  ]
  cloud.tar('image.tar', members)
  const first = await push('v1')
  expect(first.exitCode).toBe(0)
  expect((await held.blob(digestOf(packed))).equals(packed)).toBe(true)

  // Whoever reads it sees that it is another one.
  const other = Buffer.concat([packed.subarray(0, 100), noise(packed.length - 100, 'other')])
  cloud.tar('image.tar', changed(members, layer, other))
  const second = await push('v2')
  expect([second.exitCode, second.outputs['digest']]).toEqual([0, first.outputs['digest']])

  // Where it has to be sent it is read, and refused.
  const elsewhere = `${name}/elsewhere`
  await cloud.repository(elsewhere)
  const sent = await cloud.run({ repository: elsewhere, archive: 'image.tar', tags: 'v1' })
  expect(sent.exitCode).toBe(1)
  expect(errorOf(sent)).toMatch(/The image is damaged: nothing was tagged/)
  expect(await heldIn(cloud.ecr, elsewhere).tags()).toEqual({})
})

describeWith(['Docker Engine'], 'an archive that docker itself saved', () => {
  test('of an image with two names: the image keeps its id and its layers', async () => {
    const docker = (...words: string[]): string =>
      execFileSync('docker', words, {
        encoding: 'utf8',
        cwd: cloud.folder,
        env: { ...process.env, DOCKER_BUILDKIT: '0' },
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim()
    cloud.write({
      'saved/Dockerfile': 'FROM scratch\nCOPY one /\nCOPY two /\n',
      'saved/one': `one of ${cloud.folder}`,
      'saved/two': `two of ${cloud.folder}`,
    })
    const names = ['v1', 'v2'].map(tag => `ecr-push-test-${basename(cloud.folder).toLowerCase()}:${tag}`)
    try {
      docker('build', '--quiet', ...names.flatMap(tag => ['--tag', tag]), 'saved')
      const [id, layers = ''] = docker(
        'image',
        'inspect',
        '--format',
        '{{.Id}} {{json .RootFS.Layers}}',
        names[0] ?? '',
      ).split(' ')
      docker('save', '--output', 'image.tar', ...names)
      const { exitCode, outputs } = await push('v1\nv2\nlatest')
      expect([exitCode, outputs['tags']]).toEqual([0, '["v1","v2","latest"]'])
      const manifest = JSON.parse((await held.manifest('v2')) ?? '')
      // the digest of the config, or with the containerd image store of the manifest
      expect([manifest.config.digest, outputs['digest']]).toContain(id)
      const unpacked: string[] = []
      for (const { digest } of manifest.layers) {
        const bytes = await held.blob(digest)
        expect(digestOf(bytes)).toBe(digest)
        unpacked.push(digestOf(bytes.readUInt16BE(0) === 0x1f8b ? gunzipSync(bytes) : bytes))
      }
      expect(unpacked).toEqual(JSON.parse(layers))
    } finally {
      docker('rmi', '--force', ...names)
    }
  })
})
