import { glob, stat } from 'node:fs/promises'
import { isAbsolute, relative, resolve } from 'node:path'

/** More files than any run leaves; a glob that finds more was meant otherwise. */
const MOST_FILES = 5000

/** A file that a glob found. */
export interface FoundFile {
  readonly path: string
  /** as it is shown: below the workspace, or the runner's temporary folder */
  readonly name: string
  readonly bytes: number
}

export interface FoundFiles {
  readonly files: readonly FoundFile[]
  /** globs that found nothing, and what was left out */
  readonly problems: readonly string[]
}

/**
 * The files that the globs mean, each once, by name. `$RUNNER_TEMP` at the beginning of a glob stands for `temp`; other
 * relative ones begin in the workspace.
 */
export async function foundFiles(
  globs: readonly string[],
  { workspace, temp }: { readonly workspace: string; readonly temp: string },
): Promise<FoundFiles> {
  const paths = new Map<string, string>()
  const problems: string[] = []
  for (const given of globs) {
    const inTemp = /^\$(?:RUNNER_TEMP|\{RUNNER_TEMP\})(?:\/+|$)/.exec(given)
    const folder = inTemp === null ? workspace : temp
    const pattern = inTemp === null ? given : given.slice(inTemp[0].length)
    const before = paths.size
    for await (const match of glob(pattern, { cwd: folder })) {
      const path = isAbsolute(match) ? match : resolve(folder, match)
      if (paths.size < MOST_FILES) paths.set(path, shownName(path, folder))
    }
    if (paths.size === before) problems.push(given)
  }
  const files: FoundFile[] = []
  for (const [path, name] of [...paths].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const found = await stat(path).catch(() => undefined)
    if (found?.isFile() === true) files.push({ path, name, bytes: found.size })
  }
  return { files, problems }
}

function shownName(path: string, folder: string): string {
  const below = relative(folder, path)
  return below.startsWith('..') ? path : below
}
