import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  heldImage,
  openArchive,
  pushContent,
  putVerified,
  RegistryConnection,
  Repository,
  registryImage,
} from '@aws-deploy-actions/container-registry'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { describeWith } from '../../../test/support/parts.ts'
import {
  blob,
  digestOf,
  dockerSave,
  layoutOf,
  type Member,
  noise,
  ociImage,
  ociIndex,
  writeTar,
} from '../../../test/support/sample-archives.ts'
import { hastyClock, logInto } from './registry-cloud.ts'

const INDEX = 'application/vnd.oci.image.index.v1+json'

describeWith(['docker-registry'], 'a registry that is not ours', () => {
  let folder: string
  const registries: ChildProcess[] = []
  const connections: RegistryConnection[] = []
  let here: RegistryConnection
  let there: RegistryConnection

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'docker-registry-'))
    here = connected(await startRegistry('here'))
    there = connected(await startRegistry('there'))
  })
  afterAll(async () => {
    for (const connection of connections) connection.close()
    for (const registry of registries) {
      const gone = once(registry, 'exit')
      registry.kill('SIGKILL')
      await gone
    }
    rmSync(folder, { recursive: true, force: true })
  })

  /** @returns its address */
  async function startRegistry(name: string): Promise<string> {
    const config = join(folder, `${name}.json`)
    writeFileSync(
      config,
      JSON.stringify({
        version: '0.1',
        log: { level: 'info', formatter: 'text' },
        storage: { filesystem: { rootdirectory: join(folder, name) } },
        http: { addr: '127.0.0.1:0' },
      }),
    )
    const registry = spawn('docker-registry', ['serve', config], { stdio: ['ignore', 'pipe', 'pipe'] })
    registries.push(registry)
    return new Promise((resolve, reject) => {
      let text = ''
      const read = (chunk: Buffer): void => {
        text += chunk
        const [, address] = /listening on (127\.0\.0\.1:\d+)/.exec(text) ?? []
        if (address !== undefined) resolve(address)
      }
      registry.stdout.on('data', read)
      registry.stderr.on('data', read)
      registry.once('exit', () => reject(new Error(`docker-registry ended: ${text}`)))
    })
  }

  function connected(address: string): RegistryConnection {
    const connection = new RegistryConnection(address, undefined, {
      clock: hastyClock,
      log: logInto([]),
      signal: new AbortController().signal,
      hide: () => undefined,
    })
    connections.push(connection)
    return connection
  }

  async function push(members: readonly Member[], target: Repository, name: string) {
    const archive = await openArchive(writeTar(join(folder, `${name}.tar`), members), target.connection.context.signal)
    try {
      const record = await pushContent(archive, target)
      await putVerified(target, 'v1', archive.root)
      return { ...record, digest: archive.root.digest }
    } finally {
      await archive.close()
    }
  }

  const big = noise(2_000_000, 'not ours')
  const images = [ociImage(['one', big]), ociImage(['two'], 'arm64')]
  const index = ociIndex(images)
  const multiArchitecture = layoutOf([...images.flatMap(image => image.members), blob(index)], index, INDEX)

  test('archives arrive byte for byte, a second push sends nothing', async () => {
    const target = new Repository(here, 'pushed/app', undefined)
    expect(await push(dockerSave(['a', big]), target, 'saved')).toMatchObject({ sent: 3, present: 0 })
    expect(await push(dockerSave(['a', big]), target, 'again')).toMatchObject({ sent: 0, bytes: 0 })
    const layer = await target.smallBlob({ mediaType: 'x', digest: digestOf(big), size: big.length })
    expect(layer.equals(big)).toBe(true)
    expect(await push(multiArchitecture, target, 'index')).toMatchObject({
      digest: digestOf(index),
      sent: 4,
      present: 1,
    })
    expect((await target.manifest('v1'))?.bytes.toString()).toBe(index)
    expect(await heldImage(target, 'v1')).toMatchObject({ configDigest: digestOf(images[0]?.config ?? '') })
  })

  test('within one registry an index is mounted, to another it is streamed', async () => {
    const source = new Repository(here, 'from/app', undefined)
    const { digest } = await push(multiArchitecture, source, 'source')
    const image = await registryImage(source, digest)
    const beside = new Repository(here, 'beside/app', undefined)
    expect(await pushContent(image, beside)).toMatchObject({ mounted: 5, sent: 0, bytes: 0 })
    const away = new Repository(there, 'away/app', undefined)
    expect(await pushContent(image, away)).toMatchObject({ mounted: 0, sent: 5 })
    for (const target of [beside, away]) {
      await putVerified(target, 'prod', image.root)
      expect((await target.manifest('prod'))?.bytes.toString()).toBe(index)
      const layer = await target.smallBlob({ mediaType: 'x', digest: digestOf(big), size: big.length })
      expect(layer.equals(big)).toBe(true)
    }
  })

  test('a missing source is named', async () => {
    await expect(registryImage(new Repository(here, 'no/where', undefined), 'v9')).rejects.toThrow(
      `${here.host}/no/where:v9 does not exist`,
    )
  })
})
