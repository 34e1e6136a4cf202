import { execFile } from 'node:child_process'
import { cp, mkdir, realpath, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/** The repository as it would be on GitHub if what is in the folder were pushed. */
export interface Snapshot {
  readonly folder: string
  readonly sha: string
  /** what was done, for people */
  readonly how: string
}

/** Not of this machine's configuration: hooks, templates, signing and the person would change the commit. */
const GIT_ENVIRONMENT = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'rehearsal',
  GIT_AUTHOR_EMAIL: 'rehearsal@localhost',
  GIT_COMMITTER_NAME: 'rehearsal',
  GIT_COMMITTER_EMAIL: 'rehearsal@localhost',
  GIT_AUTHOR_DATE: '2026-01-01T00:00:00Z',
  GIT_COMMITTER_DATE: '2026-01-01T00:00:00Z',
}

/**
 * Puts the working tree, with what is not yet committed, into a git repository. Where the folder is the root of one, its
 * history and tags come along; anything else becomes one commit, the same for the same files.
 */
export async function takeSnapshot(source: string, target: string, branch: string): Promise<Snapshot> {
  await mkdir(target, { recursive: true })
  const works = await git(target, 'init', '--quiet').then(
    () => true,
    () => false,
  )
  if (!works) {
    await copyFolder(source, target)
    return { folder: target, sha: '0'.repeat(40), how: 'a copy of the folder; without git there is no commit' }
  }
  const top = await git(source, 'rev-parse', '--show-toplevel').catch(() => undefined)
  const isRoot = top !== undefined && (await realpath(top)) === (await realpath(source))
  const committed = isRoot && (await git(source, 'rev-parse', 'HEAD').catch(() => '')) !== ''
  if (committed) {
    await rm(target, { recursive: true })
    await git(source, 'clone', '--quiet', '--local', '--', source, target)
    await git(target, 'checkout', '--quiet', '-B', branch)
    await copyFiles(source, target, await changedFiles(source))
  } else {
    await git(target, 'symbolic-ref', 'HEAD', `refs/heads/${branch}`)
    if (top === undefined) await copyFolder(source, target)
    else
      await copyFiles(
        source,
        target,
        await listed(source, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'),
      )
  }
  await git(target, 'add', '--all')
  const changed = !committed || (await git(target, 'status', '--porcelain')) !== ''
  if (changed) await git(target, 'commit', '--quiet', '--no-verify', '--allow-empty', '--message', 'rehearsal')
  return {
    folder: target,
    sha: await git(target, 'rev-parse', 'HEAD'),
    how: committed
      ? changed
        ? 'the last commit and the changes upon it'
        : 'the last commit'
      : 'the folder as one commit',
  }
}

export async function git(folder: string, ...args: readonly string[]): Promise<string> {
  const environment = { PATH: process.env['PATH'] ?? '', HOME: folder, ...GIT_ENVIRONMENT }
  const safe = ['-c', 'safe.directory=*', '-c', 'init.defaultBranch=main', '-c', 'advice.detachedHead=false']
  const { stdout } = await execute('git', ['-C', folder, ...safe, ...args], { env: environment, maxBuffer: 1 << 28 })
  return stdout.trim()
}

/** Changed since the last commit, staged or not, and new. */
async function changedFiles(folder: string): Promise<string[]> {
  return [
    ...(await listed(folder, 'diff', '--name-only', '-z', 'HEAD')),
    ...(await listed(folder, 'ls-files', '-z', '--others', '--exclude-standard')),
  ]
}

async function listed(folder: string, ...args: readonly string[]): Promise<string[]> {
  return (await git(folder, ...args)).split('\0').filter(path => path !== '')
}

async function copyFolder(source: string, target: string): Promise<void> {
  await cp(source, target, {
    recursive: true,
    verbatimSymlinks: true,
    filter: path => path === source || !['.git', 'node_modules'].includes(basename(path)),
  })
}

async function copyFiles(source: string, target: string, paths: readonly string[]): Promise<void> {
  for (const path of paths)
    await cp(join(source, path), join(target, path), { recursive: true, verbatimSymlinks: true }).catch(
      // Known to git, but deleted.
      () => rm(join(target, path), { force: true }),
    )
}
