import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { pack } from 'tar-stream'
import { PullError } from '../src/engine.ts'
import type { ImageDescription } from '../src/engines/image-source.ts'
import { unpackImage } from '../src/engines/unpack.ts'
import { containerOf, type StartedCloud, startedCloud } from './support/cloud.ts'
import { built, type Files, ociArchitecture, part, pusher, pushImage, tarBytes, tarOf } from './support/image.ts'

const script = (text: string): Files => ({ 'app/main.js': text })
const node = { workingDirectory: '/app', command: ['node', 'main.js'] }

let cloud: StartedCloud
beforeAll(async () => {
  cloud = await startedCloud()
})
afterAll(async () => {
  await cloud.stop()
})

async function output(image: string, more: object = {}): Promise<string[]> {
  const task = await cloud.ran([{ ...cloud.container('app', []), image, command: [], ...more }])
  const { exitCode, reason } = containerOf(task, 'app')
  if (exitCode !== 0)
    throw new Error(`${exitCode} ${reason} ${(await cloud.lines(task.taskArn ?? '', 'app')).join('\n')}`)
  return await cloud.lines(task.taskArn ?? '', 'app')
}

describe('a container', () => {
  test('gets the image’s environment and its own, and nothing of ours', async () => {
    process.env.LOCAL_AWS_TEST_LEAK = 'leaked'
    const text =
      'console.log(process.env.A, process.env.B, process.env.LOCAL_AWS_TEST_LEAK, process.env.AWS_SECRET_ACCESS_KEY)'
    const image = await pushImage(cloud.aws, 'environment', {
      ...node,
      files: script(text),
      environment: ['A=image', 'B=image'],
    })
    expect(await output(image, { environment: [{ name: 'B', value: 'task' }] })).toEqual([
      'image task undefined undefined',
    ])
  })

  test('runs the Node that runs us, in WORKDIR, whatever else is on the PATH', async () => {
    const image = await pushImage(cloud.aws, 'node', {
      ...node,
      files: script('console.log(process.version, process.cwd().endsWith("/app"))'),
    })
    expect(await output(image)).toEqual([`${process.version} true`])
  })

  test('an absolute program of the image is taken from there', async () => {
    const image = await pushImage(cloud.aws, 'absolute', {
      files: { 'opt/tool': '#!/bin/sh\necho "tool $1"\n' },
      entryPoint: ['/opt/tool'],
      command: ['x'],
    })
    expect(await output(image)).toEqual(['tool x'])
  })

  test('a bare program is found on the image’s PATH', async () => {
    const image = await pushImage(cloud.aws, 'bare', {
      files: { 'opt/bin/tool': '#!/bin/sh\necho found\n' },
      environment: ['PATH=/opt/bin:/usr/bin'],
      command: ['tool'],
    })
    expect(await output(image)).toEqual(['found'])
  })

  test('entryPoint of the task drops the image’s CMD', async () => {
    const image = await pushImage(cloud.aws, 'dropped', { command: ['image', 'command'] })
    expect(await output(image, { entryPoint: ['echo', 'entry'] })).toEqual(['entry'])
  })

  // Between the two there is no order to keep: they are two pipes, as in Docker.
  test('stdout and stderr each keep their order', async () => {
    const text = 'for (let n = 0; n < 200; n++) (n % 2 ? console.error : console.log)(n)'
    const image = await pushImage(cloud.aws, 'order', { ...node, files: script(text) })
    const numbers = (await output(image)).map(Number)
    const even = Array.from({ length: 100 }, (_, n) => 2 * n)
    expect(numbers.filter(number => number % 2 === 0)).toEqual(even)
    expect(numbers.filter(number => number % 2 === 1)).toEqual(even.map(number => number + 1))
  })

  test('PORT is a free one where a port is mapped and none is given', async () => {
    const image = await pushImage(cloud.aws, 'port', {
      ...node,
      files: script('console.log(process.env.PORT ?? "none")'),
    })
    expect(await output(image)).toEqual(['none'])
    expect((await output(image, { portMappings: [{ containerPort: 80 }] }))[0]).toMatch(/^\d{4,5}$/)
    expect(
      await output(image, { portMappings: [{ containerPort: 80 }], environment: [{ name: 'PORT', value: '80' }] }),
    ).toEqual(['80'])
    const exposing = await pushImage(cloud.aws, 'exposing', {
      ...node,
      files: script('console.log(process.env.PORT)'),
      ports: [3000],
    })
    expect((await output(exposing))[0]).toMatch(/^\d{4,5}$/)
  })

  test('takes its children with it', async () => {
    const text = `
      const { spawn } = require('node:child_process')
      const child = spawn('sleep', ['300'], { stdio: 'inherit' })
      console.log(child.pid)
      setTimeout(() => process.exit(0), 50)`
    const image = await pushImage(cloud.aws, 'children', { ...node, files: script(text) })
    const [pid = ''] = await output(image)
    await new Promise(resolve => setTimeout(resolve, 50))
    // a process that was killed and not yet waited for is still listed, as a zombie
    expect(existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(await readFile(`/proc/${pid}/status`, 'utf8'))).toBe(
      false,
    )
  })

  test('an image index: the manifest of this platform is taken', async () => {
    const push = await pusher(cloud.aws, 'index')
    const descriptors = []
    for (const architecture of ['s390x', ociArchitecture]) {
      const { manifest, blobs } = await built({
        ...node,
        files: script(`console.log('${architecture}')`),
        architecture,
      })
      for (const blob of blobs) await push.blob(blob)
      await push.manifest(manifest, manifest.digest, 'application/vnd.oci.image.manifest.v1+json')
      descriptors.push({
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        digest: manifest.digest,
        size: manifest.bytes.length,
        platform: { os: 'linux', architecture },
      })
    }
    const index = (manifests: object[]) =>
      part(JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests }))
    await push.manifest(index(descriptors), 'both', 'application/vnd.oci.image.index.v1+json')
    await push.manifest(index(descriptors.slice(0, 1)), 'foreign', 'application/vnd.oci.image.index.v1+json')
    const image = `${cloud.aws.registryAddress}/index`
    expect(await output(`${image}:both`)).toEqual([ociArchitecture])
    const task = await cloud.ran([{ ...cloud.container('app', []), image: `${image}:foreign` }])
    expect(task.stoppedReason).toBe(
      `CannotPullContainerError: image Manifest does not contain descriptor matching platform 'linux/${ociArchitecture}'`,
    )
  })

  test('ECR’s own address means this registry', async () => {
    await pushImage(cloud.aws, 'named', { ...node, files: script('console.log("named")') }, 'v1')
    expect(await output('123456789012.dkr.ecr.eu-west-1.amazonaws.com/named:v1')).toEqual(['named'])
  })

  test('another registry is never asked', async () => {
    const task = await cloud.ran([{ ...cloud.container('app', []), image: 'registry.example/x:1' }])
    expect(task.stoppedReason).toContain('local-aws pulls from its own registry only')
  })
})

test('stop() ends what runs and leaves no folder', async () => {
  const directory = join(await mkdtemp(join(tmpdir(), 'local-aws-test-')), 'cloud')
  const short = await startedCloud({ directory })
  const { taskArn } = await short.start(await short.register([short.container('app', ['stubborn'])]))
  await short.speaking(taskArn, 'app')
  await short.stop()
  expect(existsSync(directory)).toBe(false)
  await rm(join(directory, '..'), { recursive: true })
})

describe('layers', () => {
  let root: string
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'local-aws-unpack-'))
  })
  afterAll(async () => {
    await rm(root, { recursive: true, force: true })
  })

  async function unpacked(name: string, tars: Buffer[], digest?: string): Promise<string> {
    const layers = tars.map(tar => part(tar))
    const image: ImageDescription = {
      digest: 'sha256:0',
      layers: layers.map(layer => ({
        digest: digest ?? layer.digest,
        mediaType: 'application/vnd.oci.image.layer.v1.tar',
      })),
      os: 'linux',
      architecture: ociArchitecture,
      environment: [],
      entryPoint: [],
      command: [],
      workingDirectory: '/',
      exposesPorts: false,
      layer: async wanted =>
        new Response(new Uint8Array(layers.find(layer => (digest ?? layer.digest) === wanted)?.bytes ?? [])),
    }
    const into = join(root, name, 'inner')
    await unpackImage(image, into)
    return into
  }

  test('later ones win; whiteouts remove, opaque directories hide', async () => {
    const into = await unpacked('whiteouts', [
      await tarOf({ 'a/keep': '1', 'a/gone': '1', 'b/old': '1', c: 'file' }),
      await tarOf({ 'a/.wh.gone': '', 'b/.wh..wh..opq': '', 'b/new': '2', 'c/now-a-directory': '2' }),
    ])
    expect(await readdir(join(into, 'a'))).toEqual(['keep'])
    expect(await readdir(join(into, 'b'))).toEqual(['new'])
    expect(await readdir(join(into, 'c'))).toEqual(['now-a-directory'])
  })

  test('nothing leaves the root', async () => {
    const into = await unpacked('escape', [
      await tarOf({
        '../../outside': 'x',
        '/absolute': 'y',
        'dir/../../up': 'z',
        link: { link: '../../..' },
        'etc/abs': { link: '/target' },
      }),
      await tarOf({ 'link/through': 'w' }),
    ])
    expect(await readdir(join(root, 'escape'))).toEqual(['inner'])
    expect((await readdir(into)).sort()).toEqual(['absolute', 'etc', 'link', 'outside', 'through', 'up'])
    expect(await readlink(join(into, 'etc/abs'))).toBe('../target')
  })

  test('a symbolic link cannot point out of the root', async () => {
    const into = await unpacked('links', [
      await tarOf({ 'a/b': { link: '../../../../etc/passwd' }, top: { link: '/' } }),
    ])
    expect(await readlink(join(into, 'a/b'))).toBe('../etc/passwd')
    expect(await readlink(join(into, 'top'))).toBe('.')
  })

  test('a link below a linked directory cannot either', async () => {
    const into = await unpacked('nested', [
      await tarOf({ here: { link: '.' } }),
      await tarOf({ 'here/here/here/up': { link: '../../../../outside' }, 'here/here/abs': { link: '/outside' } }),
    ])
    expect((await readdir(into)).sort()).toEqual(['abs', 'here', 'up'])
    expect(await readlink(join(into, 'up'))).toBe('outside')
    expect(await readlink(join(into, 'abs'))).toBe('outside')
  })

  test('a linked directory is followed, as /bin -> usr/bin', async () => {
    const into = await unpacked('merged', [
      await tarOf({ 'usr/bin/one': '1', bin: { link: 'usr/bin' } }),
      await tarOf({ 'bin/two': '2', 'bin/.wh.one': '' }),
    ])
    expect(await readdir(join(into, 'usr/bin'))).toEqual(['two'])
    expect(await readlink(join(into, 'bin'))).toBe('usr/bin')
  })

  test('hard links stay inside', async () => {
    const tar = pack()
    tar.entry({ name: 'one' }, 'same')
    tar.entry({ name: 'two', type: 'link', linkname: '../../one' })
    tar.finalize()
    const into = await unpacked('hard', [await tarBytes(tar)])
    expect(await readFile(join(into, 'two'), 'utf8')).toBe('same')
  })

  test('a layer with another digest is refused', async () => {
    await expect(unpacked('digest', [await tarOf({ a: '1' })], `sha256:${'0'.repeat(64)}`)).rejects.toThrow(PullError)
  })
})
