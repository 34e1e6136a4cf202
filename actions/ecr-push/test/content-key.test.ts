import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { InputReader, runnerEnvironment } from '@aws-deploy-actions/action-runtime'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { firstPlatform } from '../src/builder-platform.ts'
import { commitTime } from '../src/commit.ts'
import { contentKey, KEY_TAG } from '../src/content-key.ts'
import { ignoreRules } from '../src/docker-ignore.ts'
import { gitTree } from '../src/git-tree.ts'
import { readBuild } from '../src/image-inputs.ts'

const going = new AbortController().signal

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'git-tree-'))
  git('init', '-q')
  commit({ 'app/a': '1', 'app/sub/b': '2', 'other/c': '3' })
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function git(...words: string[]): void {
  const settings = ['user.name=a', 'user.email=a@example.org', 'protocol.file.allow=always'].flatMap(set => ['-c', set])
  execFileSync('git', [...settings, ...words], { cwd: folder, stdio: 'pipe' })
}

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
}

function commit(files: Readonly<Record<string, string>> = {}): void {
  write(files)
  git('add', '--all')
  git('commit', '-q', '--allow-empty', '-m', 'next')
}

async function hash(ignore = ''): Promise<string> {
  const tree = await gitTree(join(folder, 'app'), going, ignoreRules(ignore))
  if ('reason' in tree) throw new Error(tree.reason)
  return tree.hash
}

async function reason(ignore = ''): Promise<string> {
  const tree = await gitTree(join(folder, 'app'), going, ignoreRules(ignore))
  return 'reason' in tree ? tree.reason : 'none'
}

test('files outside, times and commits do not count; content, names and modes do', async () => {
  const before = await hash()
  utimesSync(join(folder, 'app/a'), 1, 1)
  commit({ 'other/c': 'changed' })
  expect(await hash()).toBe(before)
  const seen = new Set([before])
  for (const change of [
    () => commit({ 'app/a': 'changed' }),
    () => git('mv', 'app/a', 'app/renamed'),
    () => git('update-index', '--chmod=+x', 'app/sub/b'),
  ]) {
    change()
    git('commit', '-q', '--allow-empty', '-m', 'change')
    git('checkout', '-q', '--', '.')
    seen.add(await hash())
  }
  expect(seen.size).toBe(4)
})

test('names with blanks, umlauts and line breaks', async () => {
  const before = await hash()
  commit({ 'app/a b\nü"': 'x' })
  const after = await hash()
  expect(after).not.toBe(before)
  write({ 'app/a b\nü"': 'y' })
  expect(await reason()).toBe('a b\nü" is not as it was committed')
})

test('a dirty tree is named: changed, staged, deleted, unknown, ignored', async () => {
  write({ 'app/a': 'x' })
  expect(await reason()).toBe('a is not as it was committed')
  git('add', 'app/a')
  expect(await reason()).toBe('a is not as it was committed')
  git('reset', '-q', '--hard')
  rmSync(join(folder, 'app/a'))
  expect(await reason()).toBe('a is not as it was committed')
  git('reset', '-q', '--hard')
  write({ 'app/new/file': 'x' })
  expect(await reason()).toBe('new/file is not in git')
  write({ '.gitignore': 'new\n' })
  expect(await reason()).toBe('new/ is not in git')
  expect(await reason('new')).toBe('none')
  expect(await reason('new\n!new/file')).toBe('new/ is not in git')
})

test('what docker leaves out does not count', async () => {
  const before = await hash('sub\n*.md')
  commit({ 'app/sub/b': 'changed', 'app/read.md': 'x' })
  expect(await hash('sub\n*.md')).toBe(before)
  expect(await hash('sub')).not.toBe(before)
})

test('a submodule counts by its commit, and by what is in it', async () => {
  const library = mkdtempSync(join(tmpdir(), 'library-'))
  const inLibrary = (...words: string[]): void => {
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.org', ...words], {
      cwd: library,
      stdio: 'pipe',
    })
  }
  try {
    inLibrary('init', '-q')
    writeFileSync(join(library, 'code'), '1')
    writeFileSync(join(library, '.gitignore'), 'output\n')
    inLibrary('add', '.')
    inLibrary('commit', '-q', '-m', 'one')
    git('submodule', 'add', '-q', library, 'app/library')
    commit()
    const before = await hash()
    const allowed = '*\n!library/code'
    const allowedBefore = await hash(allowed)
    write({ 'app/library/output': 'x' })
    expect(await reason()).toBe('in submodule library, output is not in git')
    expect(await reason('library/output')).toBe('none')
    rmSync(join(folder, 'app/library/output'))
    write({ 'app/library/code': '2' })
    expect(await reason(allowed)).toBe('library is not as it was committed')
    expect(await reason('library')).toBe('none')
    expect(await reason()).toBe('library is not as it was committed')
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.org', 'commit', '-qam', 'two'], {
      cwd: join(folder, 'app/library'),
      stdio: 'pipe',
    })
    expect(await reason()).toBe('library is not as it was committed')
    commit()
    const after = await hash()
    expect(after).not.toBe(before)
    expect(await hash(allowed)).not.toBe(allowedBefore)
    // not checked out, its files are missing from what is built
    git('submodule', 'deinit', '-q', '--force', 'app/library')
    expect(await hash()).not.toBe(after)
  } finally {
    rmSync(library, { recursive: true, force: true })
  }
})

test('no git, and files that git was told not to look at', async () => {
  git('update-index', '--assume-unchanged', 'app/a')
  expect(await reason()).toMatch(/^a is not as git has it/)
  git('update-index', '--no-assume-unchanged', 'app/a')
  git('update-index', '--skip-worktree', 'app/a')
  expect(await reason()).toMatch(/^a is not as git has it/)
  rmSync(join(folder, '.git'), { recursive: true })
  expect(await reason()).toMatch(/^git knows nothing of .*not a git repository/)
})

test('a git that hangs is gone as soon as the signal says so', async () => {
  const tools = join(folder, 'tools')
  write({ 'tools/git': '#!/bin/sh\necho $$ > "$0.pid"\nexec sleep 60\n' })
  chmodSync(join(tools, 'git'), 0o755)
  const path = process.env['PATH']
  process.env['PATH'] = `${tools}:${path}`
  try {
    const stop = new AbortController()
    const asked = gitTree(folder, stop.signal)
    const pid = (): string =>
      existsSync(join(tools, 'git.pid')) ? readFileSync(join(tools, 'git.pid'), 'utf8').trim() : ''
    for (let waits = 0; pid() === '' && waits < 500; waits++) await delay(10)
    expect(pid()).not.toBe('')
    stop.abort(new Error('stopped'))
    await expect(asked).rejects.toThrow('stopped')
    for (let waits = 0; existsSync(`/proc/${pid()}`) && waits < 200; waits++) await delay(10)
    expect(existsSync(`/proc/${pid()}`)).toBe(false)
    const environment = runnerEnvironment({ GITHUB_SHA: 'a'.repeat(40) }, folder)
    await expect(commitTime(environment, stop.signal)).rejects.toThrow('stopped')
  } finally {
    process.env['PATH'] = path
  }
})

describe('the key', () => {
  const digest = `sha256:${'a'.repeat(64)}`

  async function key(
    contexts: Readonly<Record<string, string>>,
    variables: Readonly<Record<string, string>> = {},
    builder: string | undefined = undefined,
  ): Promise<string> {
    const source = readBuild(new InputReader({ INPUT_CONTEXT: 'app' }), runnerEnvironment({}, folder), false)
    const found = await contentKey(
      { ...source, contexts: new Map(Object.entries(contexts)) },
      { signal: going, environment: runnerEnvironment(variables, folder) },
      async () => builder,
    )
    return 'reason' in found ? found.reason : found.tag
  }

  beforeEach(() => commit({ 'app/Dockerfile': 'FROM scratch\n' }))

  test('the platform that is built for, whoever decides it', async () => {
    const own = await key({}, {}, 'linux/amd64')
    expect(own).toMatch(KEY_TAG)
    expect(await key({}, { DOCKER_DEFAULT_PLATFORM: 'linux/amd64' })).toBe(own)
    expect(await key({}, { DOCKER_DEFAULT_PLATFORM: 'linux/s390x' }, 'linux/amd64')).not.toBe(own)
    expect(await key({}, {}, 'linux/arm64')).not.toBe(own)
    expect(await key({})).toMatch(/does not tell what platform/)
  })

  test.each<[string, boolean]>([
    ['docker-image://alpine:3', true],
    [`oci-layout://layout@${digest}`, true],
    ['oci-layout://layout', false],
    ['oci-layout://layout:tag', false],
    ['https://example.org/a.tar', false],
    ['https://example.org/a.git#main', false],
    ['git@example.org:a.git', false],
    ['other', true],
  ])('build context %s: %s', async (place, known) => {
    expect(KEY_TAG.test(await key({ more: place }, {}, 'linux/amd64'))).toBe(known)
  })

  test('a folder counts by its content', async () => {
    const before = await key({ more: 'other' }, {}, 'linux/amd64')
    write({ 'other/c': 'changed' })
    expect(await key({ more: 'other' }, {}, 'linux/amd64')).toMatch(/^c is not as it was committed/)
    commit()
    expect(await key({ more: 'other' }, {}, 'linux/amd64')).not.toBe(before)
  })
})

test.each<[string, string | undefined]>([
  ['Platforms: linux/amd64\n', 'linux/amd64'],
  ['Driver: docker\n\nNodes:\nPlatforms:      linux/arm64, linux/amd64, linux/arm/v7\n', 'linux/arm64'],
  ['Platforms: linux/arm/v7\nPlatforms: linux/amd64\n', 'linux/arm/v7'],
  ['Platforms: linux/arm64*, linux/amd64\n', undefined],
  ['Name: own\nDriver: docker-container\nStatus: inactive\n', undefined],
])('what docker builds for, in %j', (told, platform) => {
  expect(firstPlatform(told)).toBe(platform)
})

describe('.dockerignore', () => {
  test.each<[string, string, string[], string[]]>([
    ['a name', 'build', ['build', 'build/x/y'], ['app/build', 'builds']],
    ['anywhere', '**/build', ['build', 'a/b/build/x'], ['builds']],
    ['a star ends at a slash', 'a/*.js', ['a/x.js'], ['a/b/x.js', 'x.js']],
    ['a question mark', 'a?', ['ab', 'ab/c'], ['a', 'abc']],
    ['everything but', '*\n!src\n!package.json', ['a', 'docs/x'], ['src', 'src/x', 'package.json']],
    ['the last one counts', '!a\na\n!a/b\n', ['a/c'], ['a/b', 'a/b/c']],
    ['slashes, dots and comments', '# x\n/a/\n./b\n\n  c  \n', ['a', 'b/x', 'c'], ['#', 'x']],
    ['a double star inside', 'a/**/z', ['a/z', 'a/b/c/z'], ['a/b']],
    ['dots are dots', '.git*\n', ['.git', '.github/x'], ['agit']],
  ])('%s', (_, text, out, kept) => {
    const rules = ignoreRules(text)
    expect(out.filter(path => !rules?.ignored(path))).toEqual([])
    expect(kept.filter(path => rules?.ignored(path))).toEqual([])
  })

  test('classes and escapes are not read', () => {
    expect(ignoreRules('a[bc]')).toBeUndefined()
    expect(ignoreRules('a\\*')).toBeUndefined()
  })
})
