import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A repository of its own, with one commit after the other. */
export interface Application {
  readonly folder: string
  /** makes a change, until `undo` */
  change(file: string, text: (before: string) => string): void
  /** all of them */
  undo(): void
}

/** Copies the example, without what was built or installed in it. */
export function repositoryCopy(example: string, folder: string): Application {
  cpSync(example, folder, { recursive: true, filter: path => !/\/(?:node_modules|dist|\.git)$/.test(path) })
  const back: (() => void)[] = []
  return {
    folder,
    change(file, text) {
      const path = join(folder, file)
      const before = readIfThere(path)
      writeFileSync(path, text(before ?? ''))
      back.push(() => (before === undefined ? rmSync(path) : writeFileSync(path, before)))
    },
    undo: () => {
      for (let undone = back.pop(); undone !== undefined; undone = back.pop()) undone()
    },
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
