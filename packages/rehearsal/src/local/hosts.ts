import { createHash } from 'node:crypto'
import { copyFile, mkdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { LocalAws } from '@aws-deploy-actions/local-aws'
import { git, takeSnapshot } from '../run/snapshot.ts'
import { docker } from './engine.ts'
import type { HostSeed } from './rehearsal-file.ts'

/** What came of the hosts. */
interface AddedHosts {
  /** bare repositories that they fetch from: what GitHub has of the rehearsed repository */
  readonly origins: readonly string[]
  /** removes the images that deploys keep on these hosts for the way back */
  forget(): Promise<void>
}

/**
 * Hosts with the SSM agent, each with the directory of a compose project. What is in it lies elsewhere on this machine.
 * @param folder for what the hosts fetch from
 */
export async function addHosts(aws: LocalAws, seeds: readonly HostSeed[], folder: string): Promise<AddedHosts> {
  const kept: string[] = []
  const origins: string[] = []
  for (const { instanceId, tags, directory, files, clone } of seeds) {
    const host = await aws.addHost({ instanceId, tags, sharedDirectory: dirname(directory) })
    const project = join(host.directory, basename(directory))
    await mkdir(project, { recursive: true })
    if (clone !== undefined) origins.push(await cloned(clone, project, join(folder, `origin-of-${instanceId}`)))
    for (const file of files) await copyFile(file, join(project, basename(file)))
    kept.push(keepName(directory, basename(host.directory)))
  }
  const forget = async (): Promise<void> => {
    if (aws.engine !== 'docker') return
    for (const name of kept) {
      const images = await docker('images', '--format', '{{.Repository}}:{{.Tag}}', name)
      if (images !== '') await docker('rmi', '--force', ...images.split('\n'))
    }
  }
  return { origins, forget }
}

/** @returns the bare repository that the clone in `project` has as its origin */
async function cloned(repository: string, project: string, folder: string): Promise<string> {
  const { sha } = await takeSnapshot(repository, join(folder, 'pushed'), 'main')
  if (/^0+$/.test(sha)) throw new Error('a host with `clone` needs git on this machine')
  const origin = join(folder, 'origin.git')
  await git(folder, 'clone', '--quiet', '--bare', '--', 'pushed', origin)
  await git(folder, 'clone', '--quiet', '--', origin, project)
  return origin
}

/** As the program on the host makes it (packages/compose-host, 2-facts.bash). */
function keepName(directory: string, project: string): string {
  return `ssm-pull-deploy/${createHash('sha256').update(`${directory}${project}`).digest('hex').slice(0, 12)}`
}
