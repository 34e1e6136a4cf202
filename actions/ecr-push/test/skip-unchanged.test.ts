import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { describeWith } from '../../../test/support/parts.ts'
import { type PushCloud, startedPushCloud } from './support/push-cloud.ts'

describeWith(['Docker Engine'], 'skip-unchanged', () => {
  let cloud: PushCloud
  const name = 'team/keyed'
  let first: string | undefined

  beforeAll(async () => {
    cloud = await startedPushCloud()
    await cloud.repository(name)
    cloud.commit({
      'app/Dockerfile': 'FROM scratch\nARG WORDS\nCOPY content /\n',
      'app/content': `in ${cloud.folder}`,
      'app/.dockerignore': 'build\n',
      'docs/page': 'one',
    })
  })
  afterAll(async () => {
    await cloud?.stop()
  })
  afterEach(() => cloud.aws.clearFaults())

  const run = (inputs: Readonly<Record<string, string>> = {}) =>
    cloud.run(
      { repository: name, context: 'app', 'skip-unchanged': 'true', tags: '{sha}\nlatest', ...inputs },
      { DOCKER_BUILDKIT: '0' },
    )

  async function reused(why: RegExp, inputs: Readonly<Record<string, string>> = {}): Promise<void> {
    const since = cloud.aws.journal().length
    const { exitCode, outputs, stdout } = await run(inputs)
    expect([exitCode, outputs['status'], outputs['digest']]).toEqual([0, 'reused', first])
    expect(stdout.split('\n').filter(line => why.test(line))).toHaveLength(1)
    expect(stdout).not.toContain('docker |')
    expect(cloud.requests(since).filter(line => /upload/.test(line))).toEqual([])
    expect(JSON.parse(outputs['tags'] ?? '')).toEqual([cloud.git('rev-parse', 'HEAD'), 'latest'])
  }

  async function built(why: RegExp, inputs: Readonly<Record<string, string>> = {}): Promise<string | undefined> {
    const { exitCode, outputs, stdout } = await run(inputs)
    expect([exitCode, outputs['status']]).toEqual([0, 'built'])
    expect(stdout.split('\n').filter(line => why.test(line))).toHaveLength(1)
    return outputs['digest']
  }

  const unchanged = /^Unchanged: key-[0-9a-f]{64} \(.*\) is sha256:[0-9a-f]{64}\. Nothing is built/
  const changed = /^Built: no image in ecr:team\/keyed has key-[0-9a-f]{64} \(.*Dockerfile.*linux\//

  // One story: each test goes on where the one before left.
  test('the first time: built, and the key is left', async () => {
    first = await built(changed)
  })

  test('the same again, a change outside the context, a touched file, what docker leaves out: reused', async () => {
    await reused(unchanged)
    cloud.commit({ 'docs/page': 'two' })
    await reused(unchanged)
    utimesSync(join(cloud.folder, 'app/content'), 1, 1)
    await reused(unchanged)
    cloud.write({ 'app/build/output': 'left out' })
    await reused(unchanged)
  })

  test('a build arg, a target, a label, the Dockerfile: built', async () => {
    await built(changed, { 'build-args': 'WORDS=new', labels: 'a=1' })
    await built(changed, { labels: 'a=2' })
    cloud.commit({ 'app/Dockerfile': 'FROM scratch\nARG WORDS\nCOPY content /\nLABEL new=1\n' })
    await built(changed)
    cloud.commit({ 'app/Dockerfile': 'FROM scratch\nARG WORDS\nCOPY content /\n' })
    await reused(unchanged)
  })

  describe('one part alone is another', () => {
    // The image differs with every part, so that "reused" cannot mean that the build gave the same image.
    const STAGES =
      'FROM scratch AS one\nARG WORDS=none\nENV WORDS=$WORDS\nCOPY content /\nFROM one AS two\nENV LAST=two\n'
    const OUTSIDE = { context: 'parts/app', file: 'parts/outside/Dockerfile' }
    const HIDDEN = { context: 'parts/hidden' }
    beforeAll(() => {
      cloud.commit({
        'parts/app/content': `parts of ${cloud.folder}`,
        'parts/outside/Dockerfile': STAGES,
        'parts/hidden/content': `hidden in ${cloud.folder}`,
        'parts/hidden/Dockerfile': STAGES,
        'parts/hidden/.dockerignore': 'Dockerfile\n.dockerignore\n',
      })
    })

    test.each<
      [string, Readonly<Record<string, string>>, Readonly<Record<string, string>>, Readonly<Record<string, string>>]
    >([
      ['a build arg', { ...OUTSIDE, 'build-args': 'WORDS=a' }, { 'build-args': 'WORDS=b' }, {}],
      ['one build arg more', OUTSIDE, { 'build-args': 'WORDS=c' }, {}],
      ['the target', { ...OUTSIDE, target: 'one', labels: 'of=target' }, { target: 'two' }, {}],
      ['no target', { ...OUTSIDE, target: 'one', labels: 'of=none' }, { target: '' }, {}],
      ['a Dockerfile outside the context', OUTSIDE, {}, { 'parts/outside/Dockerfile': `${STAGES}ENV MORE=outside\n` }],
      [
        'a Dockerfile that .dockerignore hides',
        HIDDEN,
        {},
        { 'parts/hidden/Dockerfile': `${STAGES}ENV MORE=hidden\n` },
      ],
    ])('%s: built, and with what it was before reused', async (_, before, inputs, files) => {
      const old = Object.fromEntries(Object.keys(files).map(path => [path, STAGES]))
      const was = await run(before)
      expect(was.exitCode).toBe(0)
      if (Object.keys(files).length > 0) cloud.commit(files)
      const now = await built(changed, { ...before, ...inputs })
      expect(now).not.toBe(was.outputs['digest'])
      if (Object.keys(files).length > 0) cloud.commit(old)
      const again = await run(before)
      expect([again.outputs['status'], again.outputs['digest']]).toEqual(['reused', was.outputs['digest']])
    })
  })

  test('a dirty tree is built, never reused and leaves no key: changed, unknown to git, ignored by git', async () => {
    cloud.write({ 'app/content': 'changed' })
    await built(/^Built: app\/content is not as it was committed|^Built: content is not as it was committed/)
    cloud.git('checkout', '--', 'app/content')
    cloud.write({ 'app/extra': 'unknown' })
    await built(/^Built: extra is not in git, in the context app; without a key nothing is reused/)
    cloud.commit({ '.gitignore': 'extra\n' })
    await built(/^Built: extra is not in git/)
    cloud.git('clean', '-xfdq', 'app')
    await reused(unchanged)
  })

  test('a submodule: built with another commit of it, reused with the same', async () => {
    const library = mkdtempSync(join(tmpdir(), 'ecr-push-library-'))
    try {
      const inLibrary = (...words: string[]): void => {
        const identity = ['-c', 'user.name=a', '-c', 'user.email=a@example.org']
        execFileSync('git', [...identity, ...words], { cwd: library, stdio: 'pipe' })
      }
      inLibrary('init', '-q')
      inLibrary('commit', '-q', '--allow-empty', '-m', 'one')
      cloud.git('submodule', 'add', '-q', library, 'app/library')
      cloud.commit()
      const one = await built(changed)
      cloud.commit({ 'docs/page': 'with a submodule' })
      expect((await run()).outputs).toMatchObject({ status: 'reused', digest: one })
      inLibrary('commit', '-q', '--allow-empty', '-m', 'two')
      cloud.git('-C', 'app/library', 'pull', '-q')
      await built(/^Built: library is not as it was committed/)
      cloud.commit()
      await built(changed)
    } finally {
      rmSync(library, { recursive: true, force: true })
    }
  })

  test('no checkout: built, and why', async () => {
    cloud.write({ '.home/plain/Dockerfile': 'FROM scratch\nCOPY Dockerfile /\n' })
    await built(/^Built: the folder is not in git, in the context .home\/plain; without a key nothing is reused/, {
      context: '.home/plain',
    })
  })

  test('immutable tags: the key is put once, the second commit reuses', async () => {
    await cloud.repository('team/fixed', { imageTagMutability: 'IMMUTABLE' })
    const start = await run({ repository: 'team/fixed', tags: '{sha}' })
    cloud.commit({ 'docs/page': 'three' })
    const next = await run({ repository: 'team/fixed', tags: '{sha}' })
    const rerun = await run({ repository: 'team/fixed', tags: '{sha}' })
    expect([start, next, rerun].map(({ outputs }) => outputs['status'])).toEqual(['built', 'reused', 'reused'])
    expect(new Set([start, next, rerun].map(({ outputs }) => outputs['digest'])).size).toBe(1)
  })

  test('a tag that cannot be moved and is another commit’s is told before the build', async () => {
    cloud.commit({ 'app/content': 'another one' })
    await run({ repository: 'team/fixed', tags: 'release' })
    cloud.commit({ 'app/content': 'yet another one' })
    const { exitCode, annotations, stdout } = await run({ repository: 'team/fixed', tags: 'release' })
    expect(exitCode).toBe(1)
    expect(annotations).toContainEqual(expect.objectContaining({ level: 'warning', title: 'Tag is taken' }))
    expect(stdout.indexOf('Tag is taken')).toBeLessThan(stdout.indexOf('docker |'))
  })

  test('an image that has as many tags as it can: built instead', async () => {
    await cloud.repository('team/full')
    const start = await run({ repository: 'team/full' })
    cloud.commit({ 'docs/page': 'four' })
    cloud.aws.addFault({
      service: 'registry',
      operation: 'PUT manifest',
      kind: 'error',
      status: 403,
      code: 'DENIED',
      message:
        "Adding tag 'x' to an image in the repository with name 'team/full' in registry with id '1' exceeds the maximum allowed number of tags per image which is '1000'",
      times: 1,
    })
    const next = await run({ repository: 'team/full' })
    expect([start, next].map(({ exitCode, outputs }) => [exitCode, outputs['status']])).toEqual([
      [0, 'built'],
      [0, 'built'],
    ])
    expect(next.outputs['digest']).not.toBe(start.outputs['digest'])
    expect(next.stdout).toMatch(/^Built all the same: /m)
  })

  test('a key that cannot be left is a notice; the image is pushed', async () => {
    await cloud.repository('team/keyless')
    const since = cloud.aws.journal().length
    const registry = { service: 'registry' } as const
    // Slow answers to reads leave the time to let the put of the key fail, and no other.
    cloud.aws.addFault({ ...registry, operation: 'GET manifest', kind: 'delay', delayMs: 1000 })
    const running = await cloud.start(
      { repository: 'team/keyless', context: 'app', 'skip-unchanged': 'true', tags: 'v1' },
      { DOCKER_BUILDKIT: '0' },
    )
    for (let waits = 0; !cloud.requests(since).some(line => /PUT manifest 201/.test(line)); waits++) {
      expect(waits).toBeLessThan(8000)
      await delay(10)
    }
    cloud.aws.addFault({ ...registry, operation: 'PUT manifest', kind: 'error', status: 400, code: 'TAG_INVALID' })
    const { exitCode, outputs, annotations } = await running.result
    expect([exitCode, outputs['status'], outputs['tags']]).toEqual([0, 'built', '["v1"]'])
    expect(annotations).toMatchObject([{ level: 'notice', title: 'Key not left' }])
  })
})
