import { existsSync } from 'node:fs'
import { chmod, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { NPM, TOOLKIT } from '../places.ts'

/** Puts an `npm` command into a folder of the PATH, which needs no network for what is installed on this machine. */
export async function putNpm(folder: string): Promise<void> {
  const places = (process.env['PATH'] ?? '').split(delimiter)
  const npm = places.map(place => join(place, 'npm')).find(path => existsSync(path))
  if (npm === undefined) return
  const installed = [process.cwd(), TOOLKIT].map(place => join(place, 'node_modules')).join(':')
  const words = [process.execPath, NPM, npm, installed]
  const command = join(folder, 'npm')
  await writeFile(command, `#!/bin/sh\nexec ${words.map(quoted).join(' ')} "$@"\n`)
  await chmod(command, 0o755)
}

/** For a shell. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}
