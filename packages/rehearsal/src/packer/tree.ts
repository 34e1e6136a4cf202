import { lstatSync, readlinkSync } from 'node:fs'
import { posix } from 'node:path'
import { globPattern } from './context-files.ts'

/** Something in an image's file system. Owner and time are the same for all: 0 and the epoch. */
export type Entry =
  | { readonly kind: 'folder'; readonly mode: number }
  | { readonly kind: 'link'; readonly target: string; readonly mode: number }
  /** the bytes are those of a file on this machine */
  | { readonly kind: 'file'; readonly from: string; readonly size: number; readonly mode: number }

/** Paths without a leading `/`. */
export type Tree = ReadonlyMap<string, Entry>

export const FOLDER: Entry = { kind: 'folder', mode: 0o755 }

/** What lies at a path of this machine; modes are reduced to executable or not, which is all that git keeps. */
export function entryAt(path: string): Entry {
  const found = lstatSync(path)
  if (found.isDirectory()) return FOLDER
  if (found.isSymbolicLink()) return { kind: 'link', target: readlinkSync(path), mode: 0o777 }
  if (!found.isFile()) throw new Error(`${path} is neither file, folder nor link`)
  return { kind: 'file', from: path, size: found.size, mode: (found.mode & 0o111) === 0 ? 0o644 : 0o755 }
}

/**
 * What COPY puts where: a folder's contents, files under their names, or one file under the name given
 * (Dockerfile reference, COPY).
 * @param sources paths or patterns inside `tree`
 * @param target absolute
 * @throws Error for a source that matches nothing
 */
export function copied(
  tree: Tree,
  sources: readonly string[],
  target: string,
  mode: number | undefined,
): Map<string, Entry> {
  const found = new Map<string, Entry>()
  const put = (path: string, entry: Entry): void => {
    const clean = posix.normalize(path).replace(/^\/+|\/+$/g, '')
    if (clean === '' || clean === '.') return
    found.set(clean, mode === undefined || entry.kind === 'link' ? entry : { ...entry, mode })
  }
  const matches = sources.flatMap(source => matching(tree, source))
  const intoFolder = target.endsWith('/') || matches.length > 1
  for (const path of matches) {
    const entry = path === '' ? FOLDER : tree.get(path)
    if (entry === undefined) continue
    if (entry.kind !== 'folder') {
      put(intoFolder ? posix.join(target, posix.basename(path)) : target, entry)
      continue
    }
    put(target, FOLDER)
    const start = path === '' ? '' : `${path}/`
    for (const [inner, content] of tree) {
      if (inner.startsWith(start) && inner !== path) put(posix.join(target, inner.slice(start.length)), content)
    }
  }
  return withParents(found)
}

function matching(tree: Tree, source: string): string[] {
  const path = posix.normalize(source).replace(/^\/+|\/+$/g, '')
  if (path === '.' || path === '') return ['']
  if (path === '..' || path.startsWith('../')) throw new Error(`${source} lies outside the build context`)
  if (tree.has(path)) return [path]
  const pattern = globPattern(path)
  const found = /[*?[]/.test(path) ? [...tree.keys()].filter(entry => pattern.test(entry)).sort() : []
  if (found.length === 0) throw new Error(`${source} is not there (or .dockerignore leaves it out)`)
  return found
}

/** Folders that lead to an entry belong into its layer. */
export function withParents(entries: Map<string, Entry>): Map<string, Entry> {
  for (const path of [...entries.keys()]) {
    for (let folder = posix.dirname(path); folder !== '.'; folder = posix.dirname(folder)) {
      if (!entries.has(folder)) entries.set(folder, FOLDER)
    }
  }
  return entries
}
