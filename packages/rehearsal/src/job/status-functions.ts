import { createHash } from 'node:crypto'
import { globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { FunctionDefinition } from '@actions/expressions/funcs/info'
import { data } from '../syntax/github-libraries.ts'

export type Functions = ReadonlyMap<string, FunctionDefinition>

export interface Status {
  success(): boolean
  failure(): boolean
  cancelled(): boolean
}

/** `success()`, `failure()`, `cancelled()`, `always()` (github/docs, expressions: status check functions). */
export function statusFunctions(status: Status): Functions {
  const functions: Readonly<Record<string, () => boolean>> = { ...status, always: () => true }
  return new Map(
    ['success', 'failure', 'cancelled', 'always'].map(name => [
      name,
      { name, minArgs: 0, maxArgs: 255, call: () => new data.BooleanData(functions[name]?.() === true) },
    ]),
  )
}

/** `hashFiles(pattern…)` below the workspace; `!` excludes (github/docs, expressions: hashFiles). */
export function hashFilesFunction(workspace: string): FunctionDefinition {
  return {
    name: 'hashFiles',
    minArgs: 1,
    maxArgs: 255,
    call: (...patterns) => {
      const texts = patterns.map(pattern =>
        pattern
          .coerceString()
          .trim()
          .replace(/^(!?)\//, '$1'),
      )
      const exclude = texts.filter(text => text.startsWith('!')).map(text => text.slice(1))
      const files = texts
        .filter(text => !text.startsWith('!'))
        .flatMap(text => globSync(text, { cwd: workspace, exclude }))
        .filter(path => statSync(join(workspace, path)).isFile())
      const sorted = [...new Set(files)].sort()
      if (sorted.length === 0) return new data.StringData('')
      const all = createHash('sha256')
      for (const path of sorted)
        all.update(
          createHash('sha256')
            .update(readFileSync(join(workspace, path)))
            .digest(),
        )
      return new data.StringData(all.digest('hex'))
    },
  }
}
