import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** A folder that is rehearsed. */
export interface Repository {
  readonly folder: string
  /** one more file, or another content */
  put(path: string, content: string): Promise<void>
  remove(): Promise<void>
}

export async function repositoryWith(files: Readonly<Record<string, string>>): Promise<Repository> {
  const folder = await mkdtemp(join(tmpdir(), 'rehearsed-'))
  const put = async (path: string, content: string): Promise<void> => {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), content)
  }
  for (const [path, content] of Object.entries(files)) await put(path, content)
  return { folder, put, remove: () => rm(folder, { recursive: true, force: true }) }
}
