import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import ts from 'typescript'

export const root = resolve(import.meta.dirname, '../..')

/** What an import statement leads to. Paths are from the repository's root. */
export type Target =
  | { readonly kind: 'file'; readonly path: string }
  /** one of our workspaces; `path` is what its `exports` has for the specifier, undefined when nothing */
  | { readonly kind: 'workspace'; readonly name: string; readonly path: string | undefined }
  | { readonly kind: 'third-party'; readonly name: string }
  | { readonly kind: 'builtin' }

export interface Import {
  /** file with the statement */
  readonly from: string
  readonly specifier: string
  readonly target: Target
}

const SCOPE = '@aws-deploy-actions/'

/** Names of the folders in a folder, sorted; none when it does not exist. */
export function foldersIn(folder: string): string[] {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(entry => entry.name)
    .sort()
}

/** Every file below a folder, but for bundles and installed packages. */
export function filesBelow(folder: string): string[] {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name)
    if (!entry.isDirectory()) return [path]
    return entry.name === 'node_modules' || entry.name === 'dist' ? [] : filesBelow(path)
  })
}

export function sourcesBelow(folder: string): string[] {
  return filesBelow(folder).filter(path => /\.(?:ts|mts|mjs|js)$/.test(path))
}

/** Every import of a file: import and export statements, `import()`, `typeof import()`. */
export function importsOf(path: string): Import[] {
  const { importedFiles } = ts.preProcessFile(readFileSync(join(root, path), 'utf8'), true, true)
  return importedFiles.map(({ fileName }) => ({ from: path, specifier: fileName, target: targetOf(fileName, path) }))
}

/** The files of ours that a file leads to, itself included, through every import. */
export function reachableFrom(entry: string): Set<string> {
  const seen = new Set<string>()
  const open = [entry]
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (seen.has(path)) continue
    seen.add(path)
    for (const { target } of importsOf(path)) {
      if ((target.kind === 'file' || target.kind === 'workspace') && target.path?.endsWith('.ts'))
        open.push(target.path)
    }
  }
  return seen
}

function targetOf(specifier: string, from: string): Target {
  if (specifier.startsWith('.')) return { kind: 'file', path: join(dirname(from), specifier) }
  if (isBuiltin(specifier)) return { kind: 'builtin' }
  if (!specifier.startsWith(SCOPE)) {
    const [first = '', second = ''] = specifier.split('/')
    return { kind: 'third-party', name: first.startsWith('@') ? `${first}/${second}` : first }
  }
  const [name = '', ...rest] = specifier.slice(SCOPE.length).split('/')
  const exported = exportsOf(name)[['.', ...rest].join('/')]
  return {
    kind: 'workspace',
    name,
    path: exported === undefined ? undefined : relative(root, join(root, 'packages', name, exported)),
  }
}

function exportsOf(name: string): Record<string, string> {
  const file = join(root, 'packages', name, 'package.json')
  if (!existsSync(file)) return {}
  const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'))
  const found: unknown = typeof parsed === 'object' && parsed !== null ? Reflect.get(parsed, 'exports') : undefined
  if (typeof found !== 'object' || found === null) return {}
  return Object.fromEntries(Object.entries(found).filter(entry => typeof entry[1] === 'string'))
}
