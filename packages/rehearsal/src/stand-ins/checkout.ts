import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { remoteReference } from '../run/repository.ts'
import { git } from '../run/snapshot.ts'
import type { StandIn } from './stand-in.ts'

/** actions/checkout: a clone, or another ref of it where the repository has it. */
export const checkout: StandIn = {
  instead: 'clones the repository that is rehearsed, with what is not committed yet',
  run: async ({ input, job, log, output }) => {
    const { own } = job.settings.repositories
    const other = input('repository')
    const { root, sha } =
      other === '' || other.toLowerCase() === own.name.toLowerCase()
        ? own
        : (remoteReference(`${other}@${input('ref') || 'HEAD'}`, job.settings.repositories).repository ??
          missing(other))
    let commit = sha
    const folder = join(job.folders.workspace, input('path'))
    await mkdir(folder, { recursive: true })
    if (/^0+$/.test(sha)) await cp(root, folder, { recursive: true, verbatimSymlinks: true })
    else {
      await git(folder, 'init', '--quiet')
      await git(
        folder,
        'fetch',
        '--quiet',
        '--tags',
        root,
        '+HEAD:refs/remotes/origin/HEAD',
        '+refs/heads/*:refs/remotes/origin/*',
      )
      const ref = input('ref') || (root === own.root ? sha : 'origin/HEAD')
      await checkOut(folder, ref)
      commit = await git(folder, 'rev-parse', 'HEAD')
    }
    output('ref', input('ref') || own.ref)
    output('commit', commit)
    log.write(`${own.name} at ${commit.slice(0, 12)} in ${folder}`)
  },
}

/** A branch, a tag, `refs/…` or a commit. */
async function checkOut(folder: string, ref: string): Promise<void> {
  const name = ref.replace(/^refs\/(?:heads|tags)\//, '')
  for (const candidate of [`origin/${name}`, name, ref]) {
    const commit = await git(
      folder,
      'rev-parse',
      '--verify',
      '--quiet',
      '--end-of-options',
      `${candidate}^{commit}`,
    ).catch(() => '')
    if (commit === '') continue
    await git(folder, 'checkout', '--quiet', '--force', '--detach', commit)
    return
  }
  throw new Error(`A branch or tag with the name '${ref}' could not be found`)
}

function missing(repository: string): never {
  throw new Error(`the repository ${repository} is not on this machine`)
}
