import { chmod, mkdir, readdir, stat, symlink, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { HostOptions } from './options.ts'

/** systemd's default, which its services (the agent is one) get */
const SYSTEM_PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']
/** programs that a real host has from its packages, and this machine may have elsewhere */
const LINKED = ['aws', 'docker', 'docker-compose', 'git', 'python3']

/**
 * PATH of a host: its own tools, then the system's folders, then links to what hosts usually have and this machine has
 * elsewhere on its own PATH. Where programs are to be missing, links to all the others instead of the folders.
 */
export async function pathOfHost(directory: string, { tools = {}, without = [] }: HostOptions): Promise<string> {
  const own = join(directory, 'tools')
  await mkdir(own, { recursive: true })
  for (const [name, script] of Object.entries(tools)) {
    await writeFile(join(own, name), script)
    await chmod(join(own, name), 0o755)
  }
  const system = await programsIn(SYSTEM_PATH)
  const elsewhere = await programsIn((process.env.PATH ?? '').split(delimiter).filter(folder => folder !== ''))
  const linked = join(directory, 'programs')
  await mkdir(linked, { recursive: true })
  const wanted = new Map(LINKED.flatMap(name => entryOf(elsewhere, name)).filter(([name]) => !system.has(name)))
  if (without.length > 0) for (const [name, file] of system) wanted.set(name, file)
  for (const name of without) wanted.delete(name)
  await Promise.all([...wanted].map(([name, file]) => symlink(file, join(linked, name))))
  return [own, ...(without.length > 0 ? [linked] : [...SYSTEM_PATH, linked])].join(delimiter)
}

/** What a systemd service of such a machine has, and the agent adds; there is no HOME. */
export function agentEnvironment(
  options: HostOptions,
  given: { readonly region: string; readonly marker: string; readonly path: string; readonly dockerConfig: string },
): Record<string, string> {
  const { DOCKER_HOST } = process.env
  return {
    PATH: given.path,
    LANG: 'C.UTF-8',
    // systemd gives every service one; here it also finds what a host's scripts left behind
    INVOCATION_ID: given.marker,
    AWS_SSM_INSTANCE_ID: options.instanceId,
    AWS_SSM_REGION_NAME: given.region,
    AWS_SSM_PLATFORM_NAME: 'Amazon Linux',
    AWS_SSM_PLATFORM_VERSION: '2023',
    ...(DOCKER_HOST === undefined ? {} : { DOCKER_HOST }),
    // without HOME docker would take this user's own ~/.docker: a host must not write there
    DOCKER_CONFIG: given.dockerConfig,
    ...options.environment,
  }
}

/** A docker configuration of the host's own, with the plugins (compose) of this user's. */
export async function dockerConfigOf(directory: string): Promise<string> {
  const folder = join(directory, 'docker')
  await mkdir(folder, { recursive: true })
  const plugins = join(process.env.DOCKER_CONFIG ?? join(homedir(), '.docker'), 'cli-plugins')
  const isThere = await stat(plugins).then(
    () => true,
    () => false,
  )
  if (isThere) await symlink(plugins, join(folder, 'cli-plugins'))
  return folder
}

async function programsIn(folders: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  const listed = await Promise.all(
    folders.map(async folder => ({ folder, names: await readdir(folder).catch(() => []) })),
  )
  for (const { folder, names } of listed) {
    for (const name of names) if (!found.has(name)) found.set(name, join(folder, name))
  }
  return found
}

function entryOf(programs: ReadonlyMap<string, string>, name: string): [string, string][] {
  const file = programs.get(name)
  return file === undefined ? [] : [[name, file]]
}
