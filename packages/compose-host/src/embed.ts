/**
 * Puts the texts of `host/` into `program-text.ts`, because a bundle has no files beside it. Run by scripts/bundle; a
 * test says when it is due.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const FOLDER = new URL('host/', import.meta.url).pathname
const TARGET = new URL('program-text.ts', import.meta.url).pathname

/** The module with both texts; the parts of the program are in the order of their numbers. */
export function embedded(folder = FOLDER): string {
  const parts = readdirSync(folder)
    .filter(name => name.endsWith('.bash'))
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
  const program = parts.map(name => readFileSync(join(folder, name), 'utf8')).join('')
  const start = readFileSync(join(folder, 'start.sh'), 'utf8')
  return [
    '// Made of the files in host/ by `node packages/compose-host/src/embed.ts`; change those.',
    `export const START = ${quoted(start)}`,
    `export const PROGRAM = ${quoted(program)}`,
    '',
  ].join('\n')
}

function quoted(text: string): string {
  return `\`${text.replace(/[\\`]|\$(?=\{)/g, '\\$&')}\``
}

if (process.argv[1] === import.meta.filename) writeFileSync(TARGET, embedded())
