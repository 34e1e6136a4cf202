import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { builtDigests, DockerConfig, dockerBuild, dockerPush } from '@aws-deploy-actions/container-registry'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { digestOf } from '../../../test/support/sample-archives.ts'
import type { DockerBuild } from '../src/docker-build.ts'
import { hastyClock, logInto } from './registry-cloud.ts'

const signal = new AbortController().signal
const log = logInto([])
const before = { ...process.env }
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'docker-cli-'))
})
afterEach(() => {
  process.env = { ...before }
  rmSync(folder, { recursive: true, force: true })
})

/** Puts a docker before the real one that writes its arguments down and does what the shell text says. */
function fakeDocker(body: string): () => string[] {
  const path = join(folder, 'docker')
  writeFileSync(path, `#!/bin/sh\necho "$*" >> '${folder}/calls'\n${body}\n`)
  chmodSync(path, 0o755)
  process.env['PATH'] = `${folder}${delimiter}${process.env['PATH']}`
  return () => readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n')
}

test('a login rides out a registry that is away for long, and gives up at once what does not pass', async () => {
  const calls = fakeDocker(
    `[ "$(wc -l < '${folder}/calls')" -ge 9 ] || { echo 'login: 503 Service Unavailable' >&2; exit 1; }`,
  )
  const config = await DockerConfig.inherited(folder, log)
  await config.login('h', { username: 'AWS', password: 'p' }, signal, hastyClock)
  expect(calls()).toHaveLength(9)
  fakeDocker('echo "unauthorized: no" >&2; exit 1')
  await expect(config.login('g', { username: 'AWS', password: 'p' }, signal, hastyClock)).rejects.toThrow(
    'docker could not log in to g.',
  )
  expect(calls()).toHaveLength(10)
})

test.each([
  ['beside the configuration', '', true],
  ['elsewhere', '/elsewhere', false],
])('certificates of the Engine that lie %s', async (_, path, isLinked) => {
  const users = join(folder, 'users')
  mkdirSync(users)
  const names = ['ca.pem', 'cert.pem', 'key.pem']
  for (const name of names) writeFileSync(join(users, name), name)
  Object.assign(process.env, { DOCKER_CONFIG: users, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: path })
  const config = await DockerConfig.inherited(folder, log)
  for (const name of names) {
    const link = () => readlinkSync(join(config.folder, name))
    if (isLinked) expect(link()).toBe(join(users, name))
    else expect(link).toThrow(/ENOENT/)
  }
})

test('an image is tagged and pushed by the name that it was built under, not by its id; the name goes', async () => {
  const id = digestOf('config')
  const manifest = digestOf('manifest')
  const metadata = JSON.stringify({ 'containerimage.digest': manifest, 'containerimage.config.digest': id })
  const calls = fakeDocker(`
case "$*" in
  "tag sha256:"*) echo "No such image" >&2; exit 1;;
  *iidfile*) printf '${id}' > '${folder}/image-id'; printf '%s' '${metadata}' > '${folder}/metadata.json';;
esac`)
  const context = { log, signal, folder, workspace: folder, environment: {} }
  const build: DockerBuild = {
    context: '.',
    file: undefined,
    target: undefined,
    buildArgs: new Map(),
    labels: new Map(),
    secrets: [],
    contexts: new Map(),
    platforms: [],
    pull: false,
    noCache: false,
    sourceDateEpoch: undefined,
  }
  const engine = { to: 'engine', name: undefined } as const
  const builder = { kind: 'buildx', driver: 'docker' } as const
  const imageId = (await dockerBuild(build, engine, { kind: 'none' }, builder, context)) ?? ''
  expect(imageId).toBe(id)
  expect([...(await builtDigests(imageId, folder))]).toEqual([id, manifest])
  const config = await DockerConfig.inherited(folder, log)
  await dockerPush(imageId, { address: 'h/app:v1', iam: 'ecr', arn: undefined }, config, context)
  const [built = '', ...pushed] = calls()
  const [, name = ''] = /--tag (deploy-actions-build:[0-9a-f]{32}) /.exec(built) ?? []
  expect(name).not.toBe('')
  expect(pushed).toEqual([
    `tag ${name} h/app:v1`,
    `--config ${config.folder} push h/app:v1`,
    `image rm --no-prune ${name}`,
  ])
})
