import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { baseImageContext } from '../packer/base-context.ts'
import { packImage } from '../packer.ts'
import type { Postgres } from '../postgres.ts'

/** Where the demo's containers run, and how its images are made there. */
export interface Containers {
  readonly engine: 'docker' | 'process'
  /** for people */
  readonly why: string
  /** inputs of ecr-push for the application in this folder */
  source(application: string, version: string): Promise<Record<string, string>>
  /** where a container with ports of its own finds the database */
  databaseFor(postgres: Postgres): Promise<{ readonly host: string; readonly port: number }>
  /** removes what was made, also the images of this registry (`127.0.0.1:PORT`) */
  close(registryAddress: string | undefined): Promise<void>
}

/** Docker where an engine answers that has all that is needed; else processes of this machine. */
export async function containersHere(folder: string): Promise<Containers> {
  const base = `local-node:${randomBytes(6).toString('hex')}`
  try {
    const gateway = docker('network', 'inspect', 'bridge', '--format', '{{(index .IPAM.Config 0).Gateway}}')
    const context = mkdtempSync(join(folder, 'base-'))
    await baseImageContext(context)
    docker('build', '--quiet', '--tag', base, context)
    return inDocker(base, gateway)
  } catch (error) {
    return asProcesses(folder, reasonOf(error))
  }
}

function reasonOf(error: unknown): string {
  const said: unknown = Reflect.get(Object(error), 'stderr')
  const text =
    typeof said === 'string' && said.trim() !== '' ? said : String(error instanceof Error ? error.message : error)
  return Reflect.get(Object(error), 'code') === 'ENOENT'
    ? 'there is no docker command'
    : (text.trim().split('\n')[0] ?? '')
}

function inDocker(base: string, gateway: string): Containers {
  const doors: { close(): void }[] = []
  return {
    engine: 'docker',
    why: 'containers run in the Docker Engine that answers here',
    source: async (application, version) => ({
      context: application,
      'build-args': `BASE_IMAGE=${base}\nVERSION=${version}`,
    }),
    async databaseFor(postgres) {
      const door = await doorTo(postgres.port, gateway)
      if (door !== undefined) doors.push(door)
      return { host: 'host.docker.internal', port: door?.port ?? postgres.port }
    },
    async close(registryAddress) {
      for (const door of doors) door.close()
      const images = docker('images', '--format', '{{.Repository}}:{{.Tag}}').split('\n')
      const ours = images.filter(name => registryAddress !== undefined && name.startsWith(`${registryAddress}/`))
      docker('rmi', '--force', base, ...ours)
    },
  }
}

function asProcesses(folder: string, reason: string): Containers {
  return {
    engine: 'process',
    why: `no Docker here (${reason}): images are packed without it, containers are processes of this machine (not isolated)`,
    async source(application, version) {
      const archive = join(folder, `${version}.tar`)
      const buildArgs = { BASE_IMAGE: 'local-node', VERSION: version }
      await packImage({ contextDirectory: application, buildArgs, output: archive })
      return { archive }
    },
    databaseFor: async ({ host, port }) => ({ host, port }),
    close: async () => {},
  }
}

function docker(...words: string[]): string {
  return execFileSync('docker', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
}

/**
 * PostgreSQL listens on loopback alone, which a container on a bridge network cannot reach: this hands on what comes to the
 * bridge's address on the host. Undefined where the host does not have it (Docker in a virtual machine, whose
 * host.docker.internal leads to the host's loopback).
 */
async function doorTo(port: number, address: string): Promise<{ port: number; close(): void } | undefined> {
  const sockets = new Set<{ destroy(): void }>()
  const server = createServer(inside => {
    const outside = connect(port, '127.0.0.1')
    for (const socket of [inside, outside]) {
      sockets.add(socket)
      socket.once('close', () => {
        sockets.delete(socket)
        inside.destroy()
        outside.destroy()
      })
      socket.once('error', () => socket.destroy())
    }
    inside.pipe(outside).pipe(inside)
  })
  const isOpen = await new Promise<boolean>(settle => {
    server.once('error', () => settle(false))
    server.listen(0, address, () => settle(true))
  })
  const bound = server.address()
  if (!isOpen || typeof bound !== 'object' || bound === null) return undefined
  return {
    port: bound.port,
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
