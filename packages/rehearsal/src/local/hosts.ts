import { createHash } from 'node:crypto'
import { copyFile, mkdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { LocalAws } from '@aws-deploy-actions/local-aws'
import { docker } from './engine.ts'
import type { HostSeed } from './rehearsal-file.ts'

/**
 * Hosts with the SSM agent, each with the directory of a compose project. What is in it lies elsewhere on this machine.
 * @returns removes the images that deploys keep on these hosts for the way back
 */
export async function addHosts(aws: LocalAws, seeds: readonly HostSeed[]): Promise<() => Promise<void>> {
  const kept: string[] = []
  for (const { instanceId, tags, directory, files } of seeds) {
    const host = await aws.addHost({ instanceId, tags, sharedDirectory: dirname(directory) })
    const project = join(host.directory, basename(directory))
    await mkdir(project, { recursive: true })
    for (const file of files) await copyFile(file, join(project, basename(file)))
    kept.push(keepName(directory, basename(host.directory)))
  }
  return async () => {
    if (aws.engine !== 'docker') return
    for (const name of kept) {
      const images = await docker('images', '--format', '{{.Repository}}:{{.Tag}}', name)
      if (images !== '') await docker('rmi', '--force', ...images.split('\n'))
    }
  }
}

/** As the program on the host makes it (packages/compose-host, 2-facts.bash). */
function keepName(directory: string, project: string): string {
  return `ssm-pull-deploy/${createHash('sha256').update(`${directory}${project}`).digest('hex').slice(0, 12)}`
}
