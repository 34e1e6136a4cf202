import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'

const NPM = new URL('../src/local/npm.ts', import.meta.url).pathname

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'npm-'))
  put('npm', '#!/bin/sh\necho "npm itself: $*"\n')
  chmodSync(join(folder, 'npm'), 0o755)
  put('here/node_modules/left/package.json', { version: '1.2.3' })
  put('here/node_modules/left/index.js', 'left')
  put('here/node_modules/left/node_modules/inner/package.json', { version: '9.0.0' })
  put('here/node_modules/tool/package.json', { version: '4.5.6' })
  put('here/node_modules/tool/cli.js', 'tool')
  put('project/package.json', { dependencies: { left: '^1.0.0' }, devDependencies: { tool: '4.5.6' } })
  lock({})
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function put(path: string, content: unknown): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), typeof content === 'string' ? content : JSON.stringify(content))
}

function lock(others: Readonly<Record<string, unknown>>): void {
  put('project/package-lock.json', {
    packages: {
      '': { dependencies: { left: '^1.0.0' }, devDependencies: { tool: '4.5.6' } },
      'node_modules/left': { version: '1.2.3' },
      'node_modules/left/node_modules/inner': { version: '9.0.0' },
      'node_modules/tool': { version: '4.5.6', dev: true, bin: { tool: 'cli.js' } },
      ...others,
    },
  })
}

function npm(...words: readonly string[]): string {
  const places = [join(folder, 'nowhere'), join(folder, 'here/node_modules')].join(':')
  return execFileSync(process.execPath, [NPM, join(folder, 'npm'), places, ...words], {
    cwd: join(folder, 'project'),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

const there = (path: string): boolean => existsSync(join(folder, 'project/node_modules', path))

test('what is installed here in the versions of the lockfile needs no network', () => {
  put('project/node_modules/old/package.json', {})
  expect(npm('ci')).toContain('added 3 packages')
  expect([there('left/node_modules/inner/package.json'), there('old')]).toEqual([true, false])
  expect(readFileSync(join(folder, 'project/node_modules/.bin/tool'), 'utf8')).toBe('tool')
  expect(npm('ci', '--omit=dev')).toContain('added 2 packages')
  expect([there('left/index.js'), there('tool')]).toEqual([true, false])
})

test.each<[string, Readonly<Record<string, unknown>>]>([
  ['another version', { 'node_modules/left': { version: '1.2.4' } }],
  ['one that is not here', { 'node_modules/right': { version: '1.0.0' } }],
  ['one with scripts', { 'node_modules/left': { version: '1.2.3', hasInstallScript: true } }],
  ['a lockfile out of step', { '': { dependencies: { left: '^2.0.0' } } }],
])('%s is left to npm', (_, others) => {
  lock(others)
  expect(npm('ci')).toBe('npm itself: ci\n')
})

test('so is every other command', () => {
  expect(npm('run', 'build')).toBe('npm itself: run build\n')
})
