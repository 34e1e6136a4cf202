import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LocalAws } from '@aws-deploy-actions/local-aws'
import { DOCKER } from '../places.ts'
import { docker, type Engine } from './engine.ts'
import { quoted } from './npm-command.ts'

/** A `docker` command for the PATH of a rehearsal. */
export interface DockerCommand {
  readonly folder: string
  /** takes away what it left in the engine: the base image, and images of this registry */
  remove(): Promise<void>
}

/**
 * Puts a `docker` command into a folder: it packs images without an engine, and with one it hands on what it is asked,
 * with a base image that this machine has.
 */
export async function putDocker(folder: string, aws: LocalAws, engine: Engine): Promise<DockerCommand> {
  await mkdir(folder, { recursive: true })
  const command = join(folder, 'docker')
  const base = engine.name === 'docker' ? engine.base : 'local-node'
  const words = [process.execPath, '--disable-warning=ExperimentalWarning', DOCKER, engine.name, base, folder]
  await writeFile(command, `#!/bin/sh\nexec ${words.map(quoted).join(' ')} "$@"\n`)
  await chmod(command, 0o755)
  if (engine.name === 'process') return { folder, remove: async () => {} }
  const registries = [aws.registryAddress, aws.publicRegistryAddress]
  return {
    folder,
    remove: async () => {
      const images = (await docker('images', '--format', '{{.Repository}}:{{.Tag}}')).split('\n')
      const ours = images.filter(name => registries.some(registry => name.startsWith(`${registry}/`)))
      await docker('rmi', '--force', base, ...ours)
    },
  }
}
