import { createHash } from 'node:crypto'
import type { DockerContext } from './docker-build.ts'
import { docker } from './docker-cli.ts'

/**
 * The name of the image that a build leaves in the Engine for dockerPush. With the containerd image store an id
 * may be the digest of a config, by which the Engine finds nothing; a name is found in both stores.
 * @param folder of the build, which is another one for every build
 */
export function buildName(folder: string): string {
  return `deploy-actions-build:${createHash('sha256').update(folder).digest('hex').slice(0, 32)}`
}

/**
 * Takes {@link buildName} away; an image without another name goes with it. Does nothing when it is gone already.
 */
export async function removeBuildName({
  folder,
  signal,
  environment,
}: Pick<DockerContext, 'folder' | 'signal' | 'environment'>): Promise<void> {
  await docker({ arguments: ['image', 'rm', '--no-prune', buildName(folder)], environment, signal })
}
