import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Makes a folder a git repository with all of it committed. */
export async function git(folder: string): Promise<void> {
  const run = (...words: string[]): Promise<unknown> =>
    promisify(execFile)('git', ['-C', folder, '-c', 'user.name=rule', '-c', 'user.email=rule@localhost', ...words])
  await run('init', '--quiet', '--initial-branch=main')
  await run('add', '--all')
  await run('commit', '--quiet', '--message', 'rule')
}
