import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { describeWith } from '../../../test/support/parts.ts'
import { errorOf, leftIn, type PushCloud, removeImages, startedPushCloud, watched } from './support/push-cloud.ts'

// The classic builder is everywhere where docker is; builds with BuildKit have a file of their own.
const classic = { DOCKER_BUILDKIT: '0' }

describeWith(['Docker Engine'], 'with a Docker Engine', () => {
  let cloud: PushCloud
  let name: string
  let counter = 0

  beforeAll(async () => {
    cloud = await startedPushCloud()
    cloud.commit({ 'app/Dockerfile': 'FROM scratch\nARG WORDS\nCOPY content /\n', 'app/content': `in ${cloud.folder}` })
  })
  afterAll(async () => {
    removeImages('local-only/')
    await cloud?.stop()
  })
  beforeEach(() => {
    name = `team/built${counter++}`
  })
  afterEach(() => cloud.aws.clearFaults())

  const run = (inputs: Readonly<Record<string, string>>, environment = {}) =>
    cloud.run({ repository: name, context: 'app', ...inputs }, { ...classic, ...environment })
  const builds = (stdout: string): number =>
    stdout.split('\n').filter(line => / Built sha256:|^Built sha256:/.test(line)).length

  test('immutable tags: the same commit again is reused, nothing is built or sent; the next one is built', async () => {
    await cloud.repository(name, { imageTagMutability: 'IMMUTABLE' })
    const first = await run({})
    expect([first.exitCode, first.outputs['status']]).toEqual([0, 'built'])
    const since = cloud.aws.journal().length
    // another image would come out of this
    const again = await run({ 'build-args': 'WORDS=other', labels: 'other=label' })
    expect([again.exitCode, again.outputs['status']]).toEqual([0, 'reused'])
    expect(again.outputs['digest']).toBe(first.outputs['digest'])
    expect(builds(again.stdout)).toBe(0)
    expect(again.stdout).toMatch(/Reused: the tag \w+ cannot be moved and holds the image of this commit/)
    expect(cloud.requests(since).filter(line => /upload|PUT/.test(line))).toEqual([])
    cloud.commit()
    const next = await run({})
    expect([next.exitCode, next.outputs['status'], builds(next.stdout)]).toEqual([0, 'built', 1])
    expect(next.outputs['digest']).not.toBe(first.outputs['digest'])
  })

  test('the same where the settings of the repository may not be read: the refusal tells', async () => {
    await cloud.repository(name, { imageTagMutability: 'IMMUTABLE' })
    const first = await run({ tags: '{sha}' })
    cloud.aws.setPolicy({
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: '*', Resource: '*' },
        { Effect: 'Deny', Action: 'ecr:DescribeRepositories', Resource: '*' },
      ],
    })
    const again = await run({ tags: '{sha}', labels: 'other=label' })
    cloud.aws.setPolicy(undefined)
    expect([again.exitCode, again.outputs['status'], again.outputs['digest']]).toEqual([
      0,
      'reused',
      first.outputs['digest'],
    ])
  })

  test('an immutable tag of the user’s that holds another image: red, both shown', async () => {
    await cloud.repository(name, { imageTagMutability: 'IMMUTABLE' })
    const first = await run({ tags: 'v1' })
    expect(first.exitCode).toBe(0)
    const second = await run({ tags: 'v1', 'build-args': 'WORDS=other', labels: 'other=label' })
    expect([second.exitCode, second.outputs['status']]).toEqual([1, 'failed'])
    expect(errorOf(second)).toMatch(/v1 is sha256:[0-9a-f]{64} in the registry; this image is sha256:[0-9a-f]{64}/)
    expect(errorOf(second)).toContain(first.outputs['digest'])
  })

  test('push: false builds only and asks no AWS; there are no credentials and no region', async () => {
    const since = cloud.aws.journal().length
    const nothing = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', AWS_REGION: '', AWS_DEFAULT_REGION: '' }
    const tags = { repository: 'local-only/app', tags: 'pr-1' }
    const result = await run({ ...tags, push: 'false', 'keep-tagged': '3', 'skip-unchanged': 'true' }, nothing)
    expect([result.exitCode, result.outputs['status'], result.outputs['digest']]).toEqual([0, 'built', undefined])
    expect(JSON.parse(result.outputs['images'] ?? '')).toMatchObject({
      'local-only/app': { status: 'built', tags: [] },
    })
    expect(cloud.aws.journal()).toHaveLength(since)
    expect(execFileSync('docker', ['images', '-q', 'local-only/app:pr-1']).length).toBeGreaterThan(0)
    const broken = await run({ ...tags, push: 'false', target: 'missing' }, nothing)
    expect([broken.exitCode, broken.outputs['status']]).toEqual([1, 'failed'])
  })

  describe('several images', () => {
    const images = (...entries: string[]): string => entries.map(entry => `- ${entry}\n`).join('')
    const only = (inputs: Readonly<Record<string, string>>) => cloud.run(inputs, classic)

    test('in parallel, each with its own inputs; one that fails lets the others finish and hides none', async () => {
      const names = ['api', 'web', 'worker'].map(entry => `${name}/${entry}`)
      for (const repository of names) await cloud.repository(repository)
      cloud.write({ 'broken/Dockerfile': 'FROM scratch\nCOPY missing /\n' })
      const result = await only({
        images: images(
          `{ repository: ${names[0]}, context: app, build-args: { WORDS: 1.10 } }`,
          `{ repository: ${names[1]}, context: broken }`,
          `{ repository: ${names[2]}, context: app, file: app/Dockerfile, labels: [a=b] }`,
          `{ repository: ${name}/nowhere, context: app }`,
        ),
        'max-parallel': '3',
        tags: 'v1',
      })
      expect([result.exitCode, result.outputs['status']]).toEqual([1, 'failed'])
      const told = errorOf(result)
      expect(told).toMatch(new RegExp(`2 of 4 images failed: ${names[1]}, ${name}/nowhere\\.`))
      expect(told).toMatch(new RegExp(`${names[1]}: docker build ended with exit code 1`))
      expect(told).not.toContain('DEPRECATED')
      expect(told).toMatch(new RegExp(`${name}/nowhere: The private repository .* does not exist`))
      const told2 = JSON.parse(result.outputs['images'] ?? '')
      expect(Object.keys(told2).sort()).toEqual([names[0], names[2]])
      expect(told2[names[2] ?? '']).toMatchObject({ repository: names[2], tags: ['v1'], status: 'built' })
      expect(result.outputs['repository']).toBe(names[0])
      expect(result.stdout).toMatch(new RegExp(`^${names[1]} \\| docker \\| .*missing`, 'm'))
      // one table with all, what failed before it
      expect(result.summary.match(/\| Repository \|/g)).toHaveLength(1)
      expect(result.summary.indexOf('docker build ended')).toBeLessThan(result.summary.indexOf('| Repository'))
      expect(result.reports[0]).toMatchObject({ status: 'failed', images: [{}, {}] })
      expect(leftIn(result.temp)).toEqual([])
    })

    test('max-parallel is kept', async () => {
      const names = ['a', 'b', 'c'].map(entry => `${name}/${entry}`)
      for (const repository of names) await cloud.repository(repository)
      const result = await only({
        images: images(...names.map(repository => `{ repository: ${repository}, context: app }`)),
        'max-parallel': '1',
        tags: 'v1',
      })
      expect([result.exitCode, result.outputs['status']]).toEqual([0, 'built'])
      const order = [...result.stdout.matchAll(/^(\S+) \| /gm)].map(match => match[1])
      expect(order.filter((entry, index) => entry !== order[index - 1])).toEqual(names)
    })

    test('a cancel stops all of them', async () => {
      const names = ['a', 'b'].map(entry => `${name}/${entry}`)
      for (const repository of names) await cloud.repository(repository)
      const since = cloud.aws.journal().length
      cloud.aws.addFault({ service: 'registry', operation: 'PATCH upload', kind: 'delay', delayMs: 60_000 })
      const running = await cloud.start(
        {
          images: images(
            ...names.map(repository => `{ repository: ${repository}, context: app, labels: [only=${repository}] }`),
          ),
          tags: 'v1',
        },
        classic,
      )
      for (let waits = 0; waits < 400 && !running.output().includes('| docker | The push refers'); waits++)
        await delay(50)
      running.signal('SIGINT')
      const result = await running.result
      expect([result.exitCode, result.outputs['status'], result.outputs['digest']]).toEqual([
        130,
        'cancelled',
        undefined,
      ])
      expect(leftIn(result.temp)).toEqual([])
      expect(cloud.requests(since).filter(line => line.includes('PUT manifest'))).toEqual([])
    })
  })

  describe('the user’s docker configuration', () => {
    test('a private base image is read with it; it is bit-identical afterwards, also after failure and kill', async () => {
      await cloud.repository(name)
      const base = `${cloud.aws.publicRegistryAddress}/base${counter}`
      cloud.write({ 'based/Dockerfile': `FROM 127.0.0.1:1/unreachable\n` })
      // a credential helper of the user's, seen by what it writes
      const tools = join(cloud.folder, '.home/bin')
      mkdirSync(tools, { recursive: true })
      const asked = join(cloud.folder, '.home/asked')
      writeFileSync(
        join(tools, 'docker-credential-mine'),
        `#!/bin/sh\ncat >> ${asked}; echo " $1" >> ${asked}\n[ "$1" = get ] && echo '{"ServerURL":"x","Username":"me","Secret":"my-secret-word"}'\n[ "$1" = list ] && echo '{}'\nexit 0\n`,
        { mode: 0o755 },
      )
      const config = join(cloud.folder, '.home/.docker/config.json')
      const text = `{ "credsStore": "mine",\n  "HttpHeaders": { "X-Mine": "yes" }, "credHelpers": { "127.0.0.1:1": "mine" } }\n`
      writeFileSync(config, text)
      const path = { PATH: `${tools}:${process.env['PATH']}` }
      const failed = await run({ context: 'based' }, path)
      expect([failed.exitCode, base.length > 0]).toEqual([1, true])
      expect(readFileSync(asked, 'utf8')).toContain('127.0.0.1:1 get')
      // the store of the user's never gets our password
      const pushed = await run({ tags: 'v1' }, path)
      expect(pushed.exitCode).toBe(0)
      expect(readFileSync(asked, 'utf8')).not.toMatch(/store|erase/)
      expect(readFileSync(config, 'utf8')).toBe(text)

      cloud.aws.addFault({ service: 'registry', operation: 'POST upload', kind: 'delay', delayMs: 60_000 })
      cloud.write({ 'app/content': 'something new' })
      const running = await cloud.start({ repository: name, context: 'app', tags: 'v2' }, { ...classic, ...path })
      for (let waits = 0; waits < 400 && !running.output().includes('docker | The push refers'); waits++)
        await delay(50)
      running.signal('SIGKILL')
      const killed = await running.result
      expect(killed.post?.exitCode).toBe(0)
      expect(leftIn(killed.temp)).toEqual([])
      expect(readFileSync(config, 'utf8')).toBe(text)
      expect(readdirSync(join(cloud.folder, '.home/.docker'))).toEqual(['config.json'])
      writeFileSync(config, '{}')
    })

    test('a base image in a registry that only the user is logged in to', async () => {
      await cloud.repository(name)
      await cloud.repository(`${name}/base`)
      const based = await run({ repository: `${name}/base`, tags: 'v1' })
      expect(based.exitCode).toBe(0)
      removeImages(`${cloud.aws.registryAddress}/${name}/base`)
      cloud.write({ 'based/Dockerfile': `FROM ${cloud.aws.registryAddress}/${name}/base:v1\nLABEL on=top\n` })
      // by the login of this step
      const result = await run({ context: 'based', tags: 'v1' })
      expect([result.exitCode, result.outputs['status']]).toEqual([0, 'built'])
      // without one, and without the user's, it may not be read
      removeImages(`${cloud.aws.registryAddress}/${name}/base`, `${cloud.aws.registryAddress}/${name}`)
      const denied = await run({ repository: 'local-only/based', context: 'based', push: 'false' })
      expect(denied.exitCode).toBe(1)
      // with the user's
      const config = join(cloud.folder, '.home/.docker/config.json')
      const auth = Buffer.from(`AWS:${await password(cloud)}`).toString('base64')
      writeFileSync(config, JSON.stringify({ auths: { [cloud.aws.registryAddress]: { auth } } }))
      const allowed = await run({ repository: 'local-only/based', context: 'based', push: 'false' })
      writeFileSync(config, '{}')
      expect(allowed.exitCode).toBe(0)
    })
  })

  test('the password is in no process’s arguments, no file and no output', async () => {
    await cloud.repository(name)
    const { result, seen } = await watched(() => run({ tags: 'v1', labels: `run=${name}` }))
    expect(result.exitCode).toBe(0)
    expect([...seen].some(line => line.includes('--password-stdin'))).toBe(true)
    const secret = (await password(cloud)).slice(0, 40)
    const files = readdirSync(result.temp, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
    const texts = files.map(file => readFileSync(join(file.parentPath, file.name), 'utf8'))
    for (const text of [...seen, ...texts, result.stdout, result.summary, JSON.stringify(result.outputs)]) {
      expect(text).not.toContain(secret)
    }
    expect(existsSync(join(cloud.folder, '.home/.docker/config.json'))).toBe(true)
  })

  test('faults of the registry while docker logs in and pushes are ridden out', async () => {
    await cloud.repository(name)
    // docker waits long between its own tries to upload; what it does not try again is what counts here
    for (const [operation, status] of [
      ['GET /v2/', 503],
      ['GET /v2/', 429],
      ['PUT manifest', 503],
    ] as const) {
      cloud.aws.addFault({ service: 'registry', operation, kind: 'error', status, times: 1 })
    }
    const result = await run({ tags: 'v1\nv2', labels: `run=${name}` })
    expect([result.exitCode, result.outputs['status']]).toEqual([0, 'built'])
  })

  test('what needs BuildKit is said by name, before AWS is asked and anything is built', async () => {
    const since = cloud.aws.journal().length
    const result = await run({
      'build-secrets': 'token=hunter2-hunter2',
      platforms: 'linux/amd64,linux/arm64',
      cache: 'registry',
    })
    expect([result.exitCode, result.outputs['status']]).toEqual([1, 'failed'])
    expect(errorOf(result)).toMatch(/build-secrets, platforms, cache: this needs BuildKit[\s\S]*Nothing was built/)
    expect(result.stdout).not.toContain('hunter2')
    expect(cloud.aws.journal()).toHaveLength(since)
  })
})

async function password(cloud: PushCloud): Promise<string> {
  const { GetAuthorizationTokenCommand } = await import('@aws-sdk/client-ecr')
  const { authorizationData } = await cloud.ecr.send(new GetAuthorizationTokenCommand({}))
  return Buffer.from(authorizationData?.[0]?.authorizationToken ?? '', 'base64')
    .toString()
    .slice('AWS:'.length)
}
