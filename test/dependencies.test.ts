import { existsSync, readFileSync } from 'node:fs'
import { basename, extname, join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { filesBelow, foldersIn, type Import, importsOf, root, sourcesBelow } from './support/module-graph.ts'

/** A package may import those to its right, and pipeline-report. */
const PRODUCT = [
  'one-off-task',
  'service-deployment',
  'ecs',
  'compose-host',
  'container-registry',
  'http-probe',
  'container-logs',
  'aws-clients',
  'action-runtime',
  'pipeline-report',
]
/** For development and rehearsal: no action and no product package imports them, but tests do. */
const DEVELOPMENT = ['local-aws', 'rehearsal', 'action-docs']
const GRAB_BAGS = new Set(['utils', 'util', 'helpers', 'helper', 'common', 'shared', 'misc', 'lib'])

const packages = foldersIn('packages')
const actions = foldersIn('actions')

describe('the direction of dependencies', () => {
  test('every package has a place in it', () => {
    expect(packages.filter(name => !PRODUCT.includes(name) && !DEVELOPMENT.includes(name))).toEqual([])
  })

  test.each(packages.filter(name => PRODUCT.includes(name)))('packages/%s imports only to its right', name => {
    const allowed = PRODUCT.slice(PRODUCT.indexOf(name) + 1)
    expect(strangers(`packages/${name}/src`, [...allowed, name])).toEqual([])
  })

  test.each(packages.filter(name => DEVELOPMENT.includes(name)))('packages/%s imports packages only', name => {
    expect(strangers(`packages/${name}/src`, packages)).toEqual([])
  })

  test.each(actions)('actions/%s imports product packages only, in src', name => {
    expect(strangers(`actions/${name}/src`, PRODUCT)).toEqual([])
  })

  test.each(foldersIn('.github/actions'))('.github/actions/%s imports product packages only', name => {
    expect(strangers(`.github/actions/${name}/src`, PRODUCT)).toEqual([])
  })

  test.each(actions)('actions/%s imports no other action, also in test', name => {
    expect(strangers(`actions/${name}/test`, packages)).toEqual([])
  })

  test('no package imports itself in a circle', () => {
    const needs = new Map(packages.map(name => [name, neededBy(name)]))
    expect(packages.flatMap(name => circleFrom(name, needs))).toEqual([])
  })

  test('a relative import stays in its workspace; tests may also use test/support', () => {
    const leaving = importsIn('actions', 'packages').filter(
      ({ from, target }) =>
        target.kind === 'file' &&
        workspaceOf(target.path) !== workspaceOf(from) &&
        !(from.split('/')[2] === 'test' && target.path.startsWith('test/support/')),
    )
    expect(leaving.map(asText)).toEqual([])
  })

  test('another workspace is imported only by what it exports', () => {
    const deep = importsIn('actions', '.github/actions', 'packages', 'test').filter(
      ({ target }) => target.kind === 'workspace' && target.path === undefined,
    )
    expect(deep.map(asText)).toEqual([])
  })
})

describe('third-party packages', () => {
  const declared = declaredVersions()

  test('every one that is imported is declared at the root', () => {
    const undeclared = importsIn('actions', '.github/actions', 'packages', 'test', 'scripts').filter(
      ({ target }) => target.kind === 'third-party' && !declared.has(target.name),
    )
    expect(undeclared.map(asText)).toEqual([])
  })

  test('every declared version is exact', () => {
    expect([...declared].filter(([, version]) => !/^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/.test(version))).toEqual([])
  })

  test('no workspace declares its own', () => {
    const own = ['actions', 'packages'].flatMap(folder =>
      foldersIn(folder)
        .map(name => join(folder, name, 'package.json'))
        .filter(path => existsSync(join(root, path)))
        .filter(path => versionsIn(path).size > 0),
    )
    expect(own).toEqual([])
  })
})

test('no file or folder has the name of a grab-bag', () => {
  const found = ['actions', 'packages', 'scripts', 'test', 'examples', '.github'].flatMap(filesBelow)
  expect(found.length).toBeGreaterThan(100)
  expect(found.filter(path => path.split('/').some(part => GRAB_BAGS.has(basename(part, extname(part)))))).toEqual([])
})

function importsIn(...folders: string[]): Import[] {
  return folders.flatMap(sourcesBelow).flatMap(importsOf)
}

/** The imports below a folder that lead to a workspace which is not among those allowed. */
function strangers(folder: string, allowed: readonly string[]): string[] {
  return importsIn(folder)
    .filter(({ target }) => target.kind === 'workspace' && !allowed.includes(target.name))
    .map(asText)
}

function neededBy(name: string): Set<string> {
  const found = importsIn(`packages/${name}/src`).flatMap(({ target }) =>
    target.kind === 'workspace' && target.name !== name ? [target.name] : [],
  )
  return new Set(found)
}

/** The way from a package back to itself, as text; none when there is no way. */
function circleFrom(start: string, needs: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const seen = new Set<string>()
  const open = [[start]]
  for (let way = open.pop(); way !== undefined; way = open.pop()) {
    for (const next of needs.get(way.at(-1) ?? '') ?? []) {
      if (next === start) return [[...way, next].join(' → ')]
      if (!seen.has(next)) open.push([...way, next])
      seen.add(next)
    }
  }
  return []
}

function workspaceOf(path: string): string {
  return path.split('/').slice(0, 2).join('/')
}

function asText({ from, specifier }: Import): string {
  return `${from}: ${specifier}`
}

function declaredVersions(): Map<string, string> {
  return versionsIn('package.json')
}

function versionsIn(path: string): Map<string, string> {
  const manifest: unknown = JSON.parse(readFileSync(join(root, path), 'utf8'))
  const found = new Map<string, string>()
  if (typeof manifest !== 'object' || manifest === null) return found
  for (const section of ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies']) {
    const versions: unknown = Reflect.get(manifest, section)
    if (typeof versions !== 'object' || versions === null) continue
    for (const [name, version] of Object.entries(versions)) found.set(name, String(version))
  }
  return found
}
