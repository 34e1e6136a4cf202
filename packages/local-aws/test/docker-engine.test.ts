import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { describeWith } from '../../../test/support/parts.ts'
import type { ContainerSpec, Engine, PulledImage, RunningContainer } from '../src/engine.ts'
import { DockerApi } from '../src/engines/docker/api.ts'
import { cloudLabel, startContainer } from '../src/engines/docker/container.ts'
import { forwardOutput } from '../src/engines/docker/output.ts'
import { dockerEngine } from '../src/engines/docker.ts'
import { accountId, type Fixture, region, startFixture } from './registry-fixture.ts'
import { built, type ImageRecipe } from './support/image.ts'

async function containersOf(api: DockerApi, name: string): Promise<unknown> {
  const filters = JSON.stringify({ name: [name] })
  return await api.json('GET', '/containers/json', { query: { all: 'true', filters } })
}

describeWith(['Docker Engine', 'busybox-static'], 'the docker engine', () => {
  const api = new DockerApi(process.env.DOCKER_HOST)
  let fixture: Fixture
  let engine: Engine
  let image: PulledImage
  const name = `engine-test-${randomUUID()}`

  async function push(tag: string, recipe: ImageRecipe): Promise<void> {
    const { manifest, blobs } = await built(recipe)
    for (const { bytes } of blobs) await fixture.pushBlob('app', bytes)
    const headers = { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }
    const put = await fixture.send('PUT', `/v2/app/manifests/${tag}`, { body: manifest.bytes, headers })
    expect(put.status).toBe(201)
  }

  beforeAll(async () => {
    fixture = await startFixture()
    fixture.create('app')
    const started = await dockerEngine({ registry: fixture.registry })
    if (started === undefined) throw new Error('the Docker Engine does not answer any more')
    engine = started
    const busybox = await readFile('/bin/busybox')
    const files = { 'bin/busybox': busybox, unique: name, 'bin/sh': { link: 'busybox' } }
    await push('v1', {
      files,
      entryPoint: ['/bin/busybox'],
      command: ['echo', 'from the image'],
      environment: ['A=image'],
    })
    const architecture = process.arch === 'x64' ? 'arm64' : 'amd64'
    await push('foreign', {
      files: { 'bin/run': { content: '\u007fELF nothing', mode: 0o755 } },
      command: ['/bin/run'],
      architecture,
    })
    image = await engine.pull(`${fixture.registry.address}/app:v1`)
  })

  afterAll(async () => {
    await engine.close()
    await fixture.close()
  })

  interface Run {
    readonly container: RunningContainer
    readonly output: () => string
  }

  async function start(spec: Partial<ContainerSpec>): Promise<Run> {
    const chunks: Buffer[] = []
    const container = await engine.start({
      name: `${name}-${randomUUID()}`,
      image,
      environment: {},
      onOutput: bytes => chunks.push(bytes),
      ...spec,
    })
    return { container, output: () => Buffer.concat(chunks).toString() }
  }

  async function ended(
    spec: Partial<ContainerSpec>,
  ): Promise<{ exitCode: number; outOfMemory: boolean; output: string }> {
    const { container, output } = await start(spec)
    const exit = await container.exited
    return { ...exit, output: output() }
  }

  test('pulls by tag, by digest and under the names of AWS, and tells the digest', async () => {
    const head = await fixture.send('HEAD', '/v2/app/manifests/v1')
    const digest = head.headers.get('docker-content-digest') ?? ''
    expect(image).toEqual({
      reference: `${fixture.registry.address}/app:v1`,
      digest,
      entryPoint: ['/bin/busybox'],
      command: ['echo', 'from the image'],
    })
    expect((await engine.pull(`${fixture.registry.address}/app@${digest}`)).digest).toBe(digest)
    const reference = `${accountId}.dkr.ecr.${region}.amazonaws.com/app:v1`
    expect(await engine.pull(reference)).toMatchObject({ reference, digest })
  })

  test("says why an image cannot be had, in the engine's own words", async () => {
    const pull = (rest: string): Promise<PulledImage> => engine.pull(`${fixture.registry.address}/${rest}`)
    await expect(pull('app:nope')).rejects.toMatchObject({
      name: 'PullError',
      message: expect.stringContaining('manifest unknown: Requested image not found'),
    })
    await expect(pull('missing:v1')).rejects.toMatchObject({
      name: 'PullError',
      message: expect.stringContaining(`name unknown: The repository with name 'missing' does not exist`),
    })
  })

  test('runs the command of the image, or the one that is given', async () => {
    expect(await ended({})).toEqual({ exitCode: 0, outOfMemory: false, output: 'from the image\n' })
    expect(await ended({ command: ['sh', '-c', 'echo $A $B; exit 3'], environment: { B: 'given' } })).toMatchObject({
      exitCode: 3,
      output: 'image given\n',
    })
    // an entry point without a command: the CMD of the image is dropped
    const listed = await ended({
      entryPoint: ['/bin/busybox', 'sh', '-c', 'pwd; id -u; echo $#'],
      workingDirectory: '/bin',
      user: '7',
    })
    expect(listed.output).toBe('/bin\n7\n0\n')
  })

  test('hands over all output, in order, before the end', async () => {
    const script = 'i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done'
    const { output } = await ended({ command: ['sh', '-c', script] })
    expect(output.split('\n').slice(0, -1)).toEqual(Array.from({ length: 20000 }, (_, index) => `line ${index}`))
    const much = await ended({ command: ['dd', 'if=/dev/zero', 'bs=1M', 'count=30', 'status=none'] })
    expect([much.exitCode, much.output.length]).toEqual([0, 30 * 1024 * 1024])
    expect((await ended({ command: ['sh', '-c', 'echo to stderr >&2'] })).output).toBe('to stderr\n')
  })

  test('a signal reaches the process; a second one after the end is no error', async () => {
    const trap = 'trap "echo stopping; exit 5" TERM; echo ready; while true; do sleep 0.05; done'
    const { container, output } = await start({ command: ['sh', '-c', trap] })
    while (output() === '') await new Promise(resolve => setTimeout(resolve, 10))
    container.signal('SIGTERM')
    expect(await container.exited).toEqual({ exitCode: 5, outOfMemory: false })
    expect(output()).toBe('ready\nstopping\n')
    container.signal('SIGKILL')
    const killed = await start({ command: ['sleep', '60'] })
    killed.container.signal('SIGKILL')
    expect(await killed.container.exited).toEqual({ exitCode: 137, outOfMemory: false })
  })

  test('a command inside the container: its exit code, 137 after the time-out', async () => {
    const { container } = await start({ command: ['sleep', '60'] })
    expect(await container.exec(['/bin/busybox', 'true'], 5000)).toBe(0)
    expect(await container.exec(['/bin/sh', '-c', 'exit 4'], 5000)).toBe(4)
    expect(await container.exec(['/bin/sh', '-c', 'curl localhost'], 5000)).toBe(127)
    expect(await container.exec(['/nowhere'], 5000)).not.toBe(0)
    expect(await container.exec(['/bin/busybox', 'sleep', '5'], 200)).toBe(137)
    container.signal('SIGKILL')
    await container.exited
    expect(await container.exec(['/bin/busybox', 'true'], 5000)).not.toBe(0)
  })

  test('a container over its memory limit is told from one that was killed', async () => {
    const greedy = 'a=x; while true; do a=$a$a; done'
    expect(await ended({ memoryMiB: 16, command: ['sh', '-c', greedy] })).toMatchObject({
      exitCode: 137,
      outOfMemory: true,
    })
  })

  test('what cannot be started leaves nothing behind', async () => {
    const spec = { name: `${name}-never`, entryPoint: ['/nowhere'] }
    await expect(start(spec)).rejects.toMatchObject({
      name: 'StartError',
      message: expect.stringContaining('/nowhere'),
    })
    expect(await containersOf(api, spec.name)).toEqual([])
  })

  test('an image for another architecture does not start or fails with the words of the kernel', async () => {
    const foreign = await engine.pull(`${fixture.registry.address}/app:foreign`)
    const run = await ended({ image: foreign }).catch((error: unknown) => String(error))
    expect(JSON.stringify(run)).toContain('exec format error')
  })

  test('close removes containers and images that it brought, and nothing else', async () => {
    const other = await dockerEngine({ registry: fixture.registry })
    if (other === undefined) throw new Error('the Docker Engine does not answer any more')
    const reference = `${fixture.registry.address}/app:v2`
    await push('v2', {
      files: { 'bin/busybox': await readFile('/bin/busybox'), second: name },
      entryPoint: ['/bin/busybox'],
    })
    const second = await other.pull(reference)
    const running = await other.start({
      name: `${name}-left`,
      image: second,
      environment: {},
      command: ['sleep', '60'],
      onOutput: () => undefined,
    })
    const mine = await start({ command: ['sleep', '60'] })
    await other.close()
    expect(await running.exited).toMatchObject({ exitCode: 137 })
    expect(await containersOf(api, `${name}-left`)).toEqual([])
    await expect(api.json('GET', `/images/${reference}/json`)).rejects.toThrow('No such image')
    expect(await mine.container.exec(['/bin/busybox', 'true'], 5000)).toBe(0)
    mine.container.signal('SIGKILL')
    await mine.container.exited
    const filters = JSON.stringify({ label: [cloudLabel], name: [name] })
    expect(await api.json('GET', '/containers/json', { query: { all: 'true', filters } })).toEqual([])
  })
})

test('without an engine there is none, and the reason is told', async () => {
  const lines: string[] = []
  const registry = {
    localReference: () => {
      throw new Error('not asked')
    },
    engineAccess: () => {
      throw new Error('not asked')
    },
  }
  const log = (line: string): number => lines.push(line)
  expect(await dockerEngine({ registry, dockerHost: 'unix:///nowhere/docker.sock', log })).toBeUndefined()
  expect(await dockerEngine({ registry, dockerHost: 'ssh://host', log })).toBeUndefined()
  expect(lines).toEqual([
    expect.stringContaining('/nowhere/docker.sock'),
    "no Docker Engine answers: DOCKER_HOST 'ssh://host' is neither unix:// nor tcp://",
  ])
})

test('the end is not told before the last output, even when the engine tells it first', async () => {
  const frame = Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 0, 4]), Buffer.from('late')])
  const slowEngine = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://engine').pathname
    if (path.endsWith('/attach')) {
      response.flushHeaders()
      setTimeout(() => response.end(frame), 100)
    } else if (path.endsWith('/wait')) response.end('{"StatusCode":0}')
    else response.end('{"Id":"c1","State":{}}')
  })
  await new Promise<void>(resolve => slowEngine.listen(0, '127.0.0.1', resolve))
  const bound = slowEngine.address()
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0
  const api = new DockerApi(`tcp://127.0.0.1:${port}`)
  const seen: string[] = []
  const image: PulledImage = { reference: 'x', digest: undefined, entryPoint: [], command: [] }
  const spec = { name: 'x', image, environment: {}, onOutput: (bytes: Buffer) => seen.push(bytes.toString()) }
  try {
    const { exited } = await startContainer(api, spec, 'x', 'cloud')
    expect(await exited).toEqual({ exitCode: 0, outOfMemory: false })
    expect(seen).toEqual(['late'])
  } finally {
    slowEngine.close()
    slowEngine.closeAllConnections()
  }
})

test.each([1, 3, 8, 9, 1000])('frames of an attached stream that arrive in pieces of %d bytes', async size => {
  const frame = (stream: number, text: string): Buffer => {
    const header = Buffer.alloc(8)
    header.writeUInt8(stream, 0)
    header.writeUInt32BE(Buffer.byteLength(text), 4)
    return Buffer.concat([header, Buffer.from(text)])
  }
  const bytes = Buffer.concat([frame(1, 'out\n'), frame(2, 'err ü\n'), frame(1, ''), frame(1, 'end')])
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size))
  const seen: Buffer[] = []
  await forwardOutput(Readable.from(pieces), chunk => seen.push(Buffer.from(chunk)))
  expect(Buffer.concat(seen).toString()).toBe('out\nerr ü\nend')
})
