/**
 * The `npm` command of a rehearsal: `npm.ts NPM PLACES WORDS…`. `npm ci` takes packages from a node_modules folder of this
 * machine (PLACES, with colons between) where all that the lockfile names are there in the same versions: no network is
 * needed, and it takes no time. Everything else is npm's own. It imports nothing of ours, so that it needs no bundle.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { isDeepStrictEqual } from 'node:util'

interface Locked {
  readonly version?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly link?: boolean
  readonly hasInstallScript?: boolean
  readonly bin?: Readonly<Record<string, string>>
  readonly workspaces?: unknown
  readonly dependencies?: unknown
  readonly devDependencies?: unknown
}

const [npm = 'npm', places = '', ...words] = process.argv.slice(2)
const taken = words[0] === 'ci' ? packagesFrom(places.split(':'), words.includes('--omit=dev')) : undefined
process.exitCode = taken ?? spawnSync(npm, words, { stdio: 'inherit' }).status ?? 1

/** @returns the exit code; undefined where npm itself has to do it */
function packagesFrom(folders: readonly string[], withoutDev: boolean): number | undefined {
  const own = contentOf('package.json')
  const lock = contentOf('package-lock.json')
  const { '': root, ...packages }: Readonly<Record<string, Locked>> = Object(lock['packages'])
  if (root === undefined || !isInStep(root, own)) return undefined
  const wanted = Object.entries(packages).filter(([, { dev }]) => !(withoutDev && dev === true))
  const folder = folders.find(place => wanted.every(([path, locked]) => isThere(place, path, locked)))
  if (folder === undefined) return undefined
  rmSync('node_modules', { recursive: true, force: true })
  for (const [path, { bin = {} }] of wanted) {
    cpSync(sourceOf(folder, path), path, {
      recursive: true,
      dereference: true,
      filter: part => basename(part) !== 'node_modules' || part === path,
    })
    for (const [name, file] of Object.entries(bin)) linkCommand(path, name, file)
  }
  console.log(`added ${wanted.length} packages, in the versions of the lockfile, from ${folder}`)
  return 0
}

/** What npm ci refuses, or does by scripts, is left to it. */
function isInStep(root: Locked, own: Readonly<Record<string, unknown>>): boolean {
  const names = ['dependencies', 'devDependencies'] as const
  return root.workspaces === undefined && names.every(name => isDeepStrictEqual(root[name] ?? {}, own[name] ?? {}))
}

function isThere(place: string, path: string, { version, link, optional, hasInstallScript }: Locked): boolean {
  if (link === true || optional === true || hasInstallScript === true) return false
  return contentOf(join(sourceOf(place, path), 'package.json'))['version'] === version
}

/** @param path such as `node_modules/postgres` */
function sourceOf(place: string, path: string): string {
  return join(place, path.slice('node_modules/'.length))
}

function linkCommand(path: string, name: string, file: string): void {
  // Beside the package, as npm does it: that of a nested one is for its parent only.
  const folder = join(path.slice(0, path.lastIndexOf('node_modules/')), 'node_modules/.bin')
  mkdirSync(folder, { recursive: true })
  const link = join(folder, name)
  if (!existsSync(link)) symlinkSync(relative(dirname(link), join(path, file)), link)
}

function contentOf(file: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return {}
  }
}
