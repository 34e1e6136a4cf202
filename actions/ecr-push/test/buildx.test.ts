import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { BatchGetImageCommand } from '@aws-sdk/client-ecr'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { describeWith } from '../../../test/support/parts.ts'
import { commandLines, errorOf, leftIn, type PushCloud, startedPushCloud, watched } from './support/push-cloud.ts'

let cloud: PushCloud
let name: string
let counter = 0

async function start(): Promise<void> {
  cloud = await startedPushCloud()
  const format = '{{range .ClientInfo.Plugins}}{{if eq .Name "buildx"}}{{.Path}}{{end}}{{end}}'
  const plugin = execFileSync('docker', ['info', '--format', format], { encoding: 'utf8' }).trim()
  // the user's own plugin, found through his configuration
  mkdirSync(join(cloud.folder, '.home/.docker/cli-plugins'))
  symlinkSync(plugin, join(cloud.folder, '.home/.docker/cli-plugins/docker-buildx'))
  writeFileSync(join(cloud.folder, '.home/.docker/config.json'), '{ "auths": {} }\n')
  cloud.write({
    'app/Dockerfile': 'FROM scratch AS base\nARG WORDS\nCOPY content /\nFROM base\nENV WORDS=$WORDS\n',
    'app/content': `in ${cloud.folder}`,
  })
  cloud.commit()
}
async function stop(): Promise<void> {
  await cloud?.stop()
}
beforeEach(async () => {
  name = `team/kit${counter++}`
  await cloud?.repository(name)
})

const run = (inputs: Readonly<Record<string, string>>, environment: Readonly<Record<string, string>> = {}) =>
  cloud.run({ repository: name, context: 'app', tags: 'v1', ...inputs }, environment)

describeWith(['Docker Engine', 'buildx'], 'buildx with the Engine’s own BuildKit', () => {
  beforeAll(start)
  afterAll(stop)

  test('builds and pushes; the same again is the same image', async () => {
    const first = await run({ 'build-args': 'WORDS=two  words' })
    expect([first.exitCode, first.outputs['status']]).toEqual([0, 'built'])
    const again = await run({ 'build-args': 'WORDS=two  words' })
    expect([again.exitCode, again.outputs['digest'], again.outputs['status']]).toEqual([
      0,
      first.outputs['digest'],
      'reused',
    ])
    expect(readFileSync(join(cloud.folder, '.home/.docker/config.json'), 'utf8')).toBe('{ "auths": {} }\n')
  })

  test('what this builder cannot do says what to install', async () => {
    const result = await run({ platforms: 'linux/amd64\nlinux/arm64' })
    expect([result.exitCode, result.outputs['status']]).toEqual([1, 'failed'])
    expect(errorOf(result)).toMatch(/docker\/setup-buildx-action/)
  })
})

describeWith(['Docker Engine', 'buildx', 'buildkitd', 'busybox-static'], 'buildx with a builder of its own', () => {
  let kit: ChildProcess
  let kitFolder: string

  beforeAll(async () => {
    await start()
    kitFolder = mkdtempSync(join(tmpdir(), 'buildkit-'))
    const socket = `unix://${kitFolder}/socket`
    const settings = ['--oci-worker-snapshotter=native', '--oci-worker-net=host', '--containerd-worker=false']
    kit = spawn(
      'buildkitd',
      ['--addr', socket, '--root', join(kitFolder, 'root'), '--otel-socket-path', join(kitFolder, 'otel'), ...settings],
      { stdio: 'ignore' },
    )
    for (let waits = 0; waits < 200 && !existsSync(join(kitFolder, 'socket')); waits++) await delay(50)
    // as docker/setup-buildx-action does it
    execFileSync('docker', ['buildx', 'create', '--name', 'own', '--driver', 'remote', '--use', socket], {
      stdio: 'ignore',
      env: { ...process.env, DOCKER_CONFIG: join(cloud.folder, '.home/.docker') },
    })
    copyFileSync('/bin/busybox', join(cloud.folder, 'app/busybox'))
    cloud.commit()
  })
  afterAll(async () => {
    const ended = new Promise(done => kit?.once('exit', done))
    kit?.kill()
    if (kit !== undefined) await ended
    if (kitFolder !== undefined) rmSync(kitFolder, { recursive: true, force: true })
    await stop()
  })

  test('several platforms: one index, pushed by digest, under all tags', async () => {
    const result = await run({ platforms: 'linux/amd64,linux/arm64', tags: 'v1\n{sha}' })
    expect([result.exitCode, result.outputs['status']]).toEqual([0, 'built'])
    const { images = [] } = await cloud.ecr.send(
      new BatchGetImageCommand({
        repositoryName: name,
        imageIds: [{ imageTag: 'v1' }, { imageTag: cloud.git('rev-parse', 'HEAD') }],
        acceptedMediaTypes: [
          'application/vnd.oci.image.index.v1+json',
          'application/vnd.docker.distribution.manifest.list.v2+json',
        ],
      }),
    )
    expect(images.map(({ imageId }) => imageId?.imageDigest)).toEqual([
      result.outputs['digest'],
      result.outputs['digest'],
    ])
    const { manifests } = JSON.parse(images[0]?.imageManifest ?? '{}')
    expect(
      manifests.map((entry: { platform: { architecture: string } }) => entry.platform.architecture).sort(),
    ).toEqual(['amd64', 'arm64'])
    // the same commit on immutable tags, through an index
    const again = await run({ platforms: 'linux/amd64,linux/arm64', tags: 'v1\n{sha}' })
    expect(again.outputs['digest']).toBe(result.outputs['digest'])
    expect(leftIn(result.temp)).toEqual([])
  })

  test('build secrets reach the build; they are in no argument, no output and no file', async () => {
    const secret = 'correct horse = battery "staple"  '
    const sum = createHash('sha256').update(secret).digest('hex')
    cloud.write({
      'app/Secret':
        'FROM scratch\nCOPY busybox /busybox\nARG SUM\nRUN --mount=type=secret,id=token --mount=type=secret,id=key --mount=type=secret,id=env --mount=type=secret,id=pin ["/busybox", "sh", "-c", "test \\"$(/busybox sha256sum < /run/secrets/token)\\" = \\"$SUM  -\\" && /busybox grep -q second /run/secrets/key && /busybox cat /run/secrets/env /run/secrets/key /run/secrets/token /run/secrets/pin"]\n',
      'key.pem': 'first line\nsecond line\n',
    })
    const given = `token=${secret}\nid=key,src=key.pem\nid=env,env=MY_SECRET\npin=47-11`
    const { result, seen } = await watched(() =>
      run(
        { file: 'app/Secret', 'build-args': `SUM=${sum}`, 'build-secrets': given },
        { MY_SECRET: 'from the environment' },
      ),
    )
    expect([result.exitCode, result.outputs['status']]).toEqual([0, 'built'])
    expect([...seen].some(line => line.includes('--secret id=token,env='))).toBe(true)
    const left = readdirSync(result.temp, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
    for (const text of [...seen, ...left, result.stdout, result.summary])
      expect(text).not.toMatch(/battery|from the environment|second line|47-11/)
  })

  test('a build context', async () => {
    cloud.write({
      'more/extra': 'from the context',
      'app/Context': 'FROM scratch\nCOPY --from=more extra /\n',
    })
    const result = await run({ file: 'app/Context', 'build-contexts': 'more=more' })
    expect([result.exitCode, result.outputs['status']]).toEqual([0, 'built'])
  })

  test('cache: registry is filled and read; where tags are immutable it is left out with a notice', async () => {
    const first = await run({ cache: 'registry' })
    expect([first.exitCode, first.annotations]).toEqual([0, []])
    const { images = [] } = await cloud.ecr.send(
      new BatchGetImageCommand({ repositoryName: name, imageIds: [{ imageTag: 'cache' }] }),
    )
    expect(images).toHaveLength(1)
    const second = await run({ cache: 'registry', tags: 'v2' })
    expect(second.stdout).toMatch(/importing cache manifest/)
    expect(second.outputs['digest']).toBe(first.outputs['digest'])
    await cloud.repository(`${name}/fixed`, { imageTagMutability: 'IMMUTABLE' })
    const fixed = await run({ repository: `${name}/fixed`, cache: 'registry' })
    expect([fixed.exitCode, fixed.annotations]).toMatchObject([0, [{ level: 'notice', title: 'Cache not used' }]])
  })

  test('cache: gha without GitHub’s cache builds all the same', async () => {
    const { exitCode, annotations } = await run({ cache: 'gha' })
    expect([exitCode, annotations]).toMatchObject([0, [{ level: 'notice', title: 'Cache not used' }]])
  })

  test('a base image of the same registry is read with the login of this step', async () => {
    await cloud.repository(`${name}/base`)
    await run({ repository: `${name}/base` })
    cloud.write({ 'app/Based': `FROM ${cloud.aws.registryAddress}/${name}/base:v1\nLABEL on=top\n` })
    const result = await run({ file: 'app/Based' })
    expect([result.exitCode, result.outputs['status']]).toEqual([0, 'built'])
  })

  test('push: false builds all platforms and asks nobody', async () => {
    const since = cloud.aws.journal().length
    const result = await run({ platforms: 'linux/amd64,linux/arm64', push: 'false' })
    expect([result.exitCode, result.outputs['status']]).toEqual([0, 'built'])
    expect(cloud.aws.journal()).toHaveLength(since)
  })

  test('faults of the registry while BuildKit pushes are ridden out; a missing right is named', async () => {
    cloud.write({ 'app/content': 'pushed through faults' })
    for (const operation of ['POST upload', 'PUT upload', 'PUT manifest']) {
      cloud.aws.addFault({ service: 'registry', operation, kind: 'error', status: 503, times: 2 })
    }
    const result = await run({})
    cloud.aws.clearFaults()
    expect([result.exitCode, result.outputs['status']]).toEqual([0, 'built'])
    cloud.write({ 'app/content': 'denied' })
    cloud.aws.setPolicy({
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: '*', Resource: '*' },
        { Effect: 'Deny', Action: 'ecr:InitiateLayerUpload', Resource: '*' },
      ],
    })
    const denied = await run({})
    cloud.aws.setPolicy(undefined)
    expect(errorOf(denied)).toMatch(/may not ecr:InitiateLayerUpload/)
    // BuildKit says "403 Forbidden" and no more
    expect(errorOf(denied)).toContain(`"Resource":"arn:aws:ecr:eu-west-1:${cloud.aws.accountId}:repository/${name}"`)
  })

  test('a cancel ends docker and buildx; nothing is tagged', async () => {
    cloud.write({ 'app/Slow': 'FROM scratch\nCOPY busybox /busybox\nRUN ["/busybox", "sleep", "61"]\n' })
    const since = cloud.aws.journal().length
    const running = await cloud.start({ repository: name, context: 'app', file: 'app/Slow', tags: 'v1' })
    for (let waits = 0; waits < 400 && !running.output().includes('RUN ["/busybox'); waits++) await delay(50)
    running.signal('SIGINT')
    const result = await running.result
    expect([result.exitCode, result.outputs['status']]).toEqual([130, 'cancelled'])
    expect(commandLines().filter(line => line.includes(result.temp))).toEqual([])
    expect(cloud.requests(since).filter(line => line.includes('PUT manifest'))).toEqual([])
    expect(leftIn(result.temp)).toEqual([])
  })

  test('after a kill, post ends docker and buildx and removes the login', async () => {
    cloud.write({ 'app/Slower': 'FROM scratch\nCOPY busybox /busybox\nRUN ["/busybox", "sleep", "62"]\n' })
    const config = readFileSync(join(cloud.folder, '.home/.docker/config.json'), 'utf8')
    const running = await cloud.start({ repository: name, context: 'app', file: 'app/Slower', tags: 'v1' })
    for (let waits = 0; waits < 400 && !running.output().includes('RUN ["/busybox'); waits++) await delay(50)
    running.signal('SIGKILL')
    const result = await running.result
    expect(result.post?.exitCode).toBe(0)
    expect(commandLines().filter(line => line.includes(result.temp))).toEqual([])
    expect(leftIn(result.temp)).toEqual([])
    expect(readFileSync(join(cloud.folder, '.home/.docker/config.json'), 'utf8')).toBe(config)
  })
})
