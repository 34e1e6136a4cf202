import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { ignoreRules } from '../src/docker-ignore.ts'
import { gitTree } from '../src/git-tree.ts'

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
  const tree = await gitTree(join(folder, 'app'), ignoreRules(ignore))
  if ('reason' in tree) throw new Error(tree.reason)
  return tree.hash
}

async function reason(ignore = ''): Promise<string> {
  const tree = await gitTree(join(folder, 'app'), ignoreRules(ignore))
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
    write({ 'app/library/output': 'x' })
    expect(await reason()).toBe('in submodule library, output is not in git')
    expect(await reason('library/output')).toBe('none')
    rmSync(join(folder, 'app/library/output'))
    write({ 'app/library/code': '2' })
    expect(await reason()).toBe('library is not as it was committed')
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.org', 'commit', '-qam', 'two'], {
      cwd: join(folder, 'app/library'),
      stdio: 'pipe',
    })
    expect(await reason()).toBe('library is not as it was committed')
    commit()
    const after = await hash()
    expect(after).not.toBe(before)
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
