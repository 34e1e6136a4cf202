import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LocalAws } from '@aws-deploy-actions/local-aws'

const SCRIPT = new URL('./docker.ts', import.meta.url).pathname

/** A `docker` command for the PATH of a rehearsal. */
export interface DockerCommand {
  readonly folder: string
  /** what it does, for people */
  readonly how: string
  /** takes away what it left in the engine: the base image, and images of this registry */
  remove(): void
}

/**
 * Puts a `docker` command into a folder: it packs images without an engine, and with one it hands on what it is asked,
 * with a base image that this machine has.
 */
export async function putDocker(folder: string, aws: LocalAws): Promise<DockerCommand> {
  const base = aws.engine === 'docker' ? `rehearsal-base:${randomBytes(6).toString('hex')}` : 'local-node'
  await mkdir(folder, { recursive: true })
  const command = join(folder, 'docker')
  const words = [process.execPath, '--disable-warning=ExperimentalWarning', SCRIPT, aws.engine, base, folder]
  await writeFile(command, `#!/bin/sh\nexec ${words.map(quoted).join(' ')} "$@"\n`)
  await chmod(command, 0o755)
  if (aws.engine !== 'docker')
    return {
      folder,
      how: 'images are packed without Docker upon the Node of this machine, containers are processes of it (not isolated)',
      remove: () => {},
    }
  return {
    folder,
    how: 'containers run in the Docker Engine; images are built upon a base of busybox and the Node of this machine',
    remove: () => {
      const images = docker('images', '--format', '{{.Repository}}:{{.Tag}}').split('\n')
      const ours = images.filter(
        name =>
          name === base ||
          name.startsWith(`${aws.registryAddress}/`) ||
          name.startsWith(`${aws.publicRegistryAddress}/`),
      )
      if (ours.length > 0) docker('rmi', '--force', ...ours)
    },
  }
}

function docker(...words: readonly string[]): string {
  return execFileSync('docker', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}
