import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { describeWith } from '../../../test/support/parts.ts'
import { blob, digestOf, layoutOf, OCI_INDEX, ociImage, ociIndex } from '../../../test/support/sample-archives.ts'
import { type PushCloud, removeImages, startedPushCloud } from './support/push-cloud.ts'

const images = [ociImage(['one']), ociImage(['two'], 'arm64')]
const index = ociIndex(images)

// Another implementation of the registry, which shares no line with ours.
describeWith(['docker-registry'], 'against docker-registry', () => {
  let cloud: PushCloud
  let registry: ChildProcess
  let folder: string
  let address: string

  beforeAll(async () => {
    cloud = await startedPushCloud()
    folder = mkdtempSync(join(tmpdir(), 'docker-registry-'))
    address = `127.0.0.1:${await freePort()}`
    writeFileSync(
      join(folder, 'config.yml'),
      `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${folder}/data}, delete: {enabled: true}}\nhttp: {addr: "${address}"}\n`,
    )
    registry = spawn('docker-registry', ['serve', join(folder, 'config.yml')], { stdio: 'ignore' })
    for (let waits = 0; waits < 200 && !(await answers(`http://${address}/v2/`)); waits++) await delay(50)
  })
  afterAll(async () => {
    registry?.kill('SIGKILL')
    await cloud?.stop()
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  })

  test('an archive is pushed byte-identical, and promoted to another repository by mounting', async () => {
    const digest = await cloud.archive('image.tar', 'for another registry')
    const uri = `${address}/team/app`
    const pushed = await cloud.run({ repository: uri, archive: 'image.tar', tags: 'v1\nv2' })
    expect([pushed.exitCode, pushed.outputs['image']]).toEqual([0, `${uri}@${digest}`])
    expect(await digestAt(`http://${address}/v2/team/app/manifests/v2`)).toBe(digest)
    const promoted = await cloud.run({
      repository: `${address}/production/app`,
      'source-image': `${uri}:v1`,
      tags: 'v1',
    })
    expect([promoted.exitCode, promoted.outputs['status']]).toEqual([0, 'promoted'])
    expect(await digestAt(`http://${address}/v2/production/app/manifests/v1`)).toBe(digest)
  })

  test.each([
    ['by tag', ':v1'],
    ['by digest', `@${digestOf(index)}`],
  ])(
    'an index for several platforms is promoted from ECR, %s, byte-identical with all that it names',
    async (_, reference) => {
      const name = `from-ecr${reference.length}`
      cloud.tar('index.tar', layoutOf([...images.flatMap(image => image.members), blob(index)], index, OCI_INDEX))
      await cloud.repository(name)
      expect((await cloud.run({ repository: name, archive: 'index.tar', tags: 'v1' })).exitCode).toBe(0)
      const uri = `${address}/promoted/${name}`
      const { exitCode, outputs } = await cloud.run({
        repository: uri,
        'source-image': `ecr:${name}${reference}`,
        tags: 'v1\nv2',
      })
      expect([exitCode, outputs['image']]).toEqual([0, `${uri}@${digestOf(index)}`])
      const there = `http://${address}/v2/promoted/${name}`
      for (const tag of ['v1', 'v2']) expect(await digestAt(`${there}/manifests/${tag}`)).toBe(digestOf(index))
      for (const { manifest, config } of images) {
        expect(await digestAt(`${there}/manifests/${digestOf(manifest)}`)).toBe(digestOf(manifest))
        expect(await digestAt(`${there}/blobs/${digestOf(config)}`)).toBe(digestOf(config))
      }
    },
  )

  describeWith(['Docker Engine'], 'and docker', () => {
    test('an image is built and pushed', async () => {
      cloud.write({ 'app/Dockerfile': 'FROM scratch\nCOPY content /\n', 'app/content': folder })
      const uri = `${address}/team/built`
      const { exitCode, outputs } = await cloud.run(
        { repository: uri, context: 'app', tags: 'v1\nv2' },
        { DOCKER_BUILDKIT: '0' },
      )
      removeImages(uri)
      expect([exitCode, outputs['status']]).toEqual([0, 'built'])
      expect(await digestAt(`http://${address}/v2/team/built/manifests/v2`)).toBe(outputs['digest'])
    })
  })
})

async function digestAt(url: string): Promise<string> {
  const accept =
    'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json'
  const answer = await fetch(url, { headers: { accept } })
  return `sha256:${createHash('sha256')
    .update(Buffer.from(await answer.arrayBuffer()))
    .digest('hex')}`
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  )
}

/** The registry cannot choose a port by itself. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise(ready => server.once('listening', ready))
  const address = server.address()
  await new Promise(closed => server.close(closed))
  return typeof address === 'object' && address !== null ? address.port : 0
}
