import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type LocalAws, startLocalAws } from '@aws-deploy-actions/local-aws'
import { type JavaScriptActionResult, runJavaScriptAction, startJavaScriptAction } from '@aws-deploy-actions/rehearsal'
import { CreateRepositoryCommand, ECRClient } from '@aws-sdk/client-ecr'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { describeWith } from '../../../test/support/parts.ts'
import { overheardDocker, type RecordingDocker, recordingDocker } from './support/stand-in-docker.ts'

const action = fileURLToPath(new URL('..', import.meta.url))

let aws: LocalAws
let folder: string
let sha: string
let name: string
let counter = 0

beforeAll(async () => {
  aws = await startLocalAws({ speed: 50 })
  folder = mkdtempSync(join(tmpdir(), 'ecr-push-docker-test-'))
  mkdirSync(join(folder, 'app'))
  mkdirSync(join(folder, 'home/.docker'), { recursive: true })
  writeFileSync(join(folder, 'home/.docker/config.json'), '{ "auths": {}, "detachKeys": "ctrl-x" }\n')
  writeFileSync(join(folder, 'app/content'), `content of ${folder}`)
  writeFileSync(
    join(folder, 'app/Dockerfile'),
    'FROM scratch AS other\nARG WORDS=none\nARG SOURCE_DATE_EPOCH\nENV WORDS=$WORDS EPOCH=$SOURCE_DATE_EPOCH\nCOPY content /\nFROM other\nENV LAST=stage\n',
  )
  const git = (...words: string[]): string =>
    execFileSync('git', words, { cwd: folder, encoding: 'utf8', env: { ...process.env, ...identity } })
  git('init', '-q')
  git('add', 'app')
  git('commit', '-q', '-m', 'first')
  sha = git('rev-parse', 'HEAD').trim()
})
afterAll(async () => {
  await aws?.stop()
  rmSync(folder, { recursive: true, force: true })
})
beforeEach(async () => {
  name = `built${counter++}`
  const ecr = new ECRClient({
    endpoint: aws.endpoint,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x'.repeat(40) },
  })
  await ecr.send(new CreateRepositoryCommand({ repositoryName: name }))
  ecr.destroy()
})
afterEach(() => {
  aws.clearFaults()
  aws.setPolicy(undefined)
})

const identity = {
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@example.org',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@example.org',
  GIT_COMMITTER_DATE: '2026-01-02T03:04:05Z',
  GIT_CONFIG_GLOBAL: '/dev/null',
}

function options(inputs: Readonly<Record<string, string>> = {}, environment: Readonly<Record<string, string>> = {}) {
  return {
    inputs: { repository: name, context: 'app', ...inputs },
    environment: {
      ...aws.environment(),
      HOME: join(folder, 'home'),
      GITHUB_SHA: sha,
      GITHUB_REF: 'refs/heads/main',
      GITHUB_REPOSITORY: 'octo/app',
      ...environment,
    },
    workspace: folder,
    temp: mkdtempSync(join(folder, 'temp-')),
  }
}

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 20_000; !condition(); await delay(20)) {
    if (Date.now() > end) throw new Error('waited in vain')
  }
}

/** Command lines of all processes on this machine. */
function commandLines(): string[] {
  return readdirSync('/proc')
    .filter(entry => /^\d+$/.test(entry))
    .map(pid => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      } catch {
        return ''
      }
    })
}

function left(temp: string): string[] {
  return readdirSync(temp).filter(entry => entry !== 'deploy-reports')
}

/** All that a run printed, set, wrote and left. */
function told(result: JavaScriptActionResult): string[] {
  const { stdout, stderr, summary, post, temp, outputs, state, reports, annotations } = result
  const files = readdirSync(temp, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  return [
    stdout,
    stderr,
    summary,
    post?.stdout ?? '',
    JSON.stringify([outputs, state, reports, annotations]),
    ...files.map(({ parentPath, name: file }) => readFileSync(join(parentPath, file), 'utf8')),
  ]
}

function errorText(annotations: readonly { level: string; message: string }[]): string {
  return annotations
    .filter(({ level }) => level === 'error')
    .map(({ message }) => message)
    .join('\n')
}

describe('with a stand-in for docker', () => {
  let docker: RecordingDocker
  beforeEach(() => {
    docker = recordingDocker(folder)
  })

  test('the password reaches docker on stdin only, in a configuration of this step that is gone afterwards', async () => {
    // It says all that it knows, and fails.
    docker.on(
      'push',
      `cat ${docker.folder}/password; echo "unexpected EOF: $(cat ${docker.folder}/password)" >&2; exit 1`,
    )
    const given = options({ 'push-attempts': '1' }, docker.environment)
    const result = await runJavaScriptAction(action, given)
    expect([result.exitCode, result.outputs['status']]).toEqual([1, 'failed'])
    expect(errorText(result.annotations)).toMatch(/docker push failed[\s\S]*unexpected EOF: \*\*\*/)
    const password = docker.password()
    expect(password.length).toBeGreaterThan(100)
    expect([...docker.calls(), ...told(result)].join('\n')).not.toContain(password)
    expect(docker.calls().find(call => call.includes(' login '))).toMatch(
      new RegExp(`^--config ${given.temp}/\\S+ login --username AWS --password-stdin ${aws.registryAddress}$`),
    )
    // a helper without a name keeps the password in this file, whatever store the user or the machine has
    expect(JSON.parse(readFileSync(join(docker.folder, 'config.json'), 'utf8'))).toEqual({
      detachKeys: 'ctrl-x',
      auths: { [aws.registryAddress]: {} },
      credHelpers: { [aws.registryAddress]: '' },
    })
    expect(left(given.temp)).toEqual([])
  })

  test('docker is called with the inputs as they are, the labels and the time of the commit', async () => {
    docker.on('build', 'echo "epoch $SOURCE_DATE_EPOCH"; exit 1')
    const { stdout } = await runJavaScriptAction(
      action,
      options(
        { target: 'other', file: 'app/Dockerfile', 'build-args': 'WORDS=$(touch /x) "quoted"  \nEMPTY=' },
        docker.environment,
      ),
    )
    expect(stdout).toContain('docker | epoch 1767323045\n')
    const build = docker.calls().find(call => call.startsWith('build '))
    expect(build).toContain(
      ' --file app/Dockerfile --target other --build-arg WORDS=$(touch /x) "quoted"   --build-arg EMPTY= ',
    )
    expect(build).toContain(
      ` --label org.opencontainers.image.revision=${sha} --label org.opencontainers.image.source=https://github.com/octo/app --label org.opencontainers.image.created=2026-01-02T03:04:05Z -- app`,
    )
  })

  test.each([
    [
      'denied: User: arn:aws:iam::123456789012:user/x is not authorized to perform: ecr:PutImage on resource: arn:aws:ecr:eu-west-1:123456789012:repository/app',
      /may not ecr:PutImage[\s\S]*"Action":"ecr:PutImage"/,
      1,
    ],
    [
      "name unknown: The repository with name 'x' does not exist in the registry with id '1'",
      /does not exist[\s\S]*create the repository/,
      1,
    ],
    ['received unexpected HTTP status: 503 Service Unavailable', /docker push failed/, 3],
  ])('docker push says "%s"', async (said, message, pushes) => {
    docker.on('push', `echo "${said}" >&2; exit 1`)
    const { annotations, exitCode } = await runJavaScriptAction(action, options({}, docker.environment))
    expect(exitCode).toBe(1)
    expect(errorText(annotations)).toMatch(message)
    expect(docker.calls().filter(call => call.includes(' push '))).toHaveLength(pushes)
  })

  test('a push that leaves something else in the registry is a failure', async () => {
    const { annotations, outputs } = await runJavaScriptAction(action, options({}, docker.environment))
    expect(errorText(annotations)).toMatch(/does not have the built image under/)
    expect(outputs['digest']).toBeUndefined()
  })

  test.each([
    ['build', 'SIGINT', 130],
    ['push', 'SIGTERM', 143],
  ] as const)('a cancelled %s (%s): docker is told to stop and is gone', async (command, signal, exitCode) => {
    // stubborn: it ignores the polite request
    docker.on(
      command,
      `trap "echo told >> ${docker.folder}/told" TERM; touch ${docker.folder}/started; while :; do sleep 0.1; done`,
    )
    const given = options({}, docker.environment)
    const running = await startJavaScriptAction(action, given)
    await until(() => existsSync(join(docker.folder, 'started')))
    const at = Date.now()
    running.signal(signal)
    const result = await running.result
    expect(Date.now() - at).toBeLessThan(20_000)
    expect([result.exitCode, result.outputs['status']]).toEqual([exitCode, 'cancelled'])
    expect(readFileSync(join(docker.folder, 'told'), 'utf8')).toBe('told\n')
    expect(docker.calls().at(-1)).toMatch(/^image rm --no-prune deploy-actions-build:/)
    expect(commandLines().filter(line => line.includes(docker.folder))).toEqual([])
    expect(left(given.temp)).toEqual([])
  })

  test('after a kill, post ends docker and removes the login', async () => {
    docker.on('push', `touch ${docker.folder}/started; sleep 60 & wait`)
    const given = options({}, docker.environment)
    const running = await startJavaScriptAction(action, given)
    await until(() => existsSync(join(docker.folder, 'started')))
    running.signal('SIGKILL')
    const { post } = await running.result
    expect(post?.exitCode).toBe(0)
    expect(commandLines().filter(line => line.includes(`${docker.folder}/on-push`))).toEqual([])
    expect(left(given.temp)).toEqual([])
  })

  test('no docker at all: an error that says what to do', async () => {
    const empty = mkdtempSync(join(folder, 'empty-'))
    const { annotations, exitCode } = await runJavaScriptAction(action, options({}, { PATH: empty }))
    expect(exitCode).toBe(1)
    expect(errorText(annotations)).toMatch(/docker could not be started[\s\S]*image archive with "archive"/)
  })
})

describeWith(['Docker Engine'], 'builds and pushes', () => {
  const docker = (...words: string[]): string =>
    execFileSync('docker', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })

  afterEach(() => {
    const images = docker('images', '--quiet', '--filter', `reference=${aws.registryAddress}/${name}`)
      .split('\n')
      .filter(Boolean)
    if (images.length > 0) docker('rmi', '--force', ...new Set(images))
  })

  test('builds, pushes and proves the digest; the user’s docker configuration stays as it was', async () => {
    const before = readFileSync(join(folder, 'home/.docker/config.json'))
    const seen = new Set<string>()
    const watch = setInterval(() => {
      for (const line of commandLines()) if (line.includes('docker')) seen.add(line)
    }, 5)
    const overheard = overheardDocker(folder)
    const given = options(
      { tags: '{short-sha}\nlatest\nextra', 'build-args': 'WORDS=two  words' },
      overheard.environment,
    )
    const result = await runJavaScriptAction(action, given)
    const { exitCode, outputs, state } = result
    clearInterval(watch)
    expect(exitCode).toBe(0)
    const uri = `${aws.registryAddress}/${name}`
    const tags = [sha.slice(0, 7), 'latest', 'extra']
    expect(outputs).toMatchObject({
      status: 'built',
      repository: name,
      tags: JSON.stringify(tags),
      'tagged-image': `${uri}:${tags[0]}`,
    })
    expect(outputs['image']).toBe(`${uri}@${outputs['digest']}`)
    expect(outputs['digest']).toBe(await digestIn(outputs['digest'] ?? ''))

    const [image] = JSON.parse(docker('image', 'inspect', `${uri}:${tags[0]}`))
    expect(image.RepoDigests).toContain(outputs['image'])
    expect(image.Config.Env).toContain('WORDS=two  words')
    expect(image.Config.Env).toContain('EPOCH=1767323045')
    expect(image.Config.Labels).toEqual({
      'org.opencontainers.image.created': '2026-01-02T03:04:05Z',
      'org.opencontainers.image.revision': sha,
      'org.opencontainers.image.source': 'https://github.com/octo/app',
    })

    expect(readFileSync(join(folder, 'home/.docker/config.json')).equals(before)).toBe(true)
    expect(readdirSync(join(folder, 'home/.docker'))).toEqual(['config.json'])
    expect(left(given.temp)).toEqual([])
    expect(state['docker-folder']).toBe('')
    expect([...seen].some(line => line.includes('--password-stdin'))).toBe(true)
    const password = overheard.password()
    expect(password.length).toBeGreaterThan(100)
    for (const text of [...seen, ...told(result)]) expect(text).not.toContain(password)
  })

  /** The digest that the bytes in the registry have. */
  async function digestIn(digest: string): Promise<string> {
    const basic = Buffer.from(`AWS:${await currentPassword()}`).toString('base64')
    const answer = await fetch(`http://${aws.registryAddress}/v2/${name}/manifests/${digest}`, {
      headers: { authorization: `Basic ${basic}` },
    })
    return `sha256:${createHash('sha256')
      .update(Buffer.from(await answer.arrayBuffer()))
      .digest('hex')}`
  }

  async function currentPassword(): Promise<string> {
    const { ECRClient, GetAuthorizationTokenCommand } = await import('@aws-sdk/client-ecr')
    const ecr = new ECRClient({
      endpoint: aws.endpoint,
      region: 'eu-west-1',
      credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x'.repeat(40) },
    })
    const { authorizationData } = await ecr.send(new GetAuthorizationTokenCommand({}))
    ecr.destroy()
    return Buffer.from(authorizationData?.[0]?.authorizationToken ?? '', 'base64')
      .toString()
      .slice('AWS:'.length)
  }

  test('the same image again is found and not sent; another target is another image', async () => {
    const first = await runJavaScriptAction(action, options({ target: 'other' }))
    expect(first.exitCode).toBe(0)
    const since = aws.journal().length
    const again = await runJavaScriptAction(action, options({ target: 'other' }))
    expect([again.exitCode, again.outputs['digest']]).toEqual([0, first.outputs['digest']])
    expect(
      aws
        .journal()
        .slice(since)
        .filter(({ operation }) => /upload|PUT/.test(operation)),
    ).toEqual([])
    const plain = await runJavaScriptAction(action, options({ tags: 'plain' }))
    expect(plain.outputs['digest']).not.toBe(first.outputs['digest'])
  })

  test('a build that fails ends the step with docker’s own words', async () => {
    writeFileSync(join(folder, 'app/Broken'), 'FROM scratch\nCOPY missing /\n')
    const { exitCode, annotations, outputs } = await runJavaScriptAction(action, options({ file: 'app/Broken' }))
    expect([exitCode, outputs['status']]).toEqual([1, 'failed'])
    expect(errorText(annotations)).toMatch(/docker build ended with exit code 1[\s\S]*missing/)
  })

  test('what only BuildKit can do says so on a docker without it', async () => {
    writeFileSync(join(folder, 'app/Modern'), 'FROM scratch\nCOPY --link content /\n')
    const { annotations, exitCode } = await runJavaScriptAction(
      action,
      options({ file: 'app/Modern' }, { DOCKER_BUILDKIT: '0' }),
    )
    expect(exitCode).toBe(1)
    expect(errorText(annotations)).toMatch(/BuildKit/)
  })
})
