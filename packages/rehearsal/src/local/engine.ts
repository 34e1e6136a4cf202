import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { baseImageContext } from '../packer/base-context.ts'

/** Where the containers of a rehearsal run. */
export type Engine =
  | { readonly name: 'process'; readonly how: string }
  | {
      readonly name: 'docker'
      readonly how: string
      /** the image that stands for all base images */
      readonly base: string
      /** address of this machine on the network of the containers */
      readonly gateway: string
    }

/**
 * The Docker Engine where one answers that has all that is needed; else processes of this machine.
 * @param folder for what is needed meanwhile
 * @throws Error when `docker` is asked for and cannot be had
 */
export async function engineHere(wanted: 'process' | 'docker' | 'auto', folder: string): Promise<Engine> {
  if (wanted === 'process') return processes()
  try {
    return await dockerEngine(folder)
  } catch (error) {
    if (wanted === 'docker') throw new Error(`The Docker Engine cannot be used: ${reasonOf(error)}`)
    return processes(` (${reasonOf(error)})`)
  }
}

async function dockerEngine(folder: string): Promise<Engine> {
  const gateway = await docker('network', 'inspect', 'bridge', '--format', '{{(index .IPAM.Config 0).Gateway}}')
  const base = `rehearsal-base:${randomBytes(6).toString('hex')}`
  const context = await mkdtemp(join(folder, 'base-'))
  await baseImageContext(context)
  await docker('build', '--quiet', '--tag', base, context)
  await rm(context, { recursive: true, force: true })
  return {
    name: 'docker',
    how: 'containers run in the Docker Engine; images are built upon a base of busybox and the Node of this machine',
    base,
    gateway,
  }
}

function processes(why = ''): Engine {
  return {
    name: 'process',
    how: `images are packed without Docker${why} upon the Node of this machine, containers are processes of it (not isolated)`,
  }
}

/** @returns what it prints */
export async function docker(...words: readonly string[]): Promise<string> {
  return (await promisify(execFile)('docker', words)).stdout.trim()
}

function reasonOf(error: unknown): string {
  if (Reflect.get(Object(error), 'code') === 'ENOENT' && Reflect.get(Object(error), 'path') === 'docker')
    return 'there is no docker command'
  const said: unknown = Reflect.get(Object(error), 'stderr')
  const text = typeof said === 'string' && said.trim() !== '' ? said : error instanceof Error ? error.message : ''
  return text.trim().split('\n')[0] ?? ''
}
