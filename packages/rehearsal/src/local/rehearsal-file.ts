import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { parsedSeed, type Seed } from '@aws-deploy-actions/local-aws'
import { parse, stringify } from 'yaml'
import type { EnvironmentSettings } from '../run/workflow-run.ts'
import { asValue, mapOf, textOf, type Value, type ValueMap } from '../syntax/values.ts'

/** What a repository says of the surroundings that its workflows expect: `rehearsal.yml`. */
export interface RehearsalFile {
  /** divides AWS's own durations */
  readonly speed: number
  /** databases of a PostgreSQL server */
  readonly databases: readonly string[]
  readonly cloud: Seed
  readonly services: readonly ServiceSeed[]
  readonly hosts: readonly HostSeed[]
  /** as RegisterTaskDefinition takes them */
  readonly taskDefinitions: readonly Value[]
  readonly vars: Readonly<Record<string, string>>
  readonly secrets: Readonly<Record<string, string>>
  readonly environments: Readonly<Record<string, EnvironmentSettings>>
}

/** An EC2 host with a directory for a compose project. */
export interface HostSeed {
  readonly instanceId: string
  readonly tags: Readonly<Record<string, string>>
  /** absolute path on the host */
  readonly directory: string
  /** paths of files that lie in it from the start, on this machine */
  readonly files: readonly string[]
  /** folder of the repository that it is a clone of */
  readonly clone: string | undefined
}

/** An ECS service behind the load balancer, before its first delivery. */
export interface ServiceSeed {
  readonly name: string
  readonly cluster: string
  /** of its task definition; default: cluster and name */
  readonly family: string
  /** of its task definition, behind the load balancer; default: name of the service */
  readonly container: string
  /** of that container */
  readonly port: number
  /** path of the target group's health check */
  readonly health: string
  /** that run from the start, of a server that answers everything; 0: the delivery says how many */
  readonly tasks: number
  /** of the listener's rule; none: what no other rule takes */
  readonly paths: readonly string[]
}

const KEYS = ['speed', 'databases', 'aws', 'services', 'task-definitions', 'hosts', 'vars', 'secrets', 'environments']
const HOST_KEYS = ['tags', 'directory', 'files', 'clone']
const SERVICE_KEYS = ['cluster', 'family', 'container', 'port', 'health', 'tasks', 'paths']

/** @throws Error naming what is wrong in it */
export async function readRehearsalFile(path: string): Promise<RehearsalFile> {
  try {
    return parsedRehearsalFile(await readFile(path, 'utf8'), dirname(path))
  } catch (error) {
    throw new Error(`${path}: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
}

/** @param folder that its paths are relative to */
export function parsedRehearsalFile(yaml: string, folder = '.'): RehearsalFile {
  const file = mapOf(asValue(parse(yaml)))
  known(file, KEYS, 'the file')
  const speed = Number(file['speed'] ?? 10)
  if (!(speed > 0)) throw new Error('speed must be a number over 0')
  return {
    speed,
    databases: list(file['databases']),
    cloud: parsedSeed(stringify(file['aws'] ?? {})),
    services: Object.entries(mapOf(file['services'])).map(([name, service]) => serviceSeed(name, mapOf(service))),
    hosts: Object.entries(mapOf(file['hosts'])).map(([id, host]) => hostSeed(id, mapOf(host), folder)),
    taskDefinitions: items(file['task-definitions']),
    vars: texts(file['vars']),
    secrets: texts(file['secrets']),
    environments: Object.fromEntries(
      Object.entries(mapOf(file['environments'])).map(([name, environment]) => {
        const { vars, secrets } = mapOf(environment)
        return [name, { vars: texts(vars), secrets: texts(secrets) }]
      }),
    ),
  }
}

function serviceSeed(name: string, service: ValueMap): ServiceSeed {
  known(service, SERVICE_KEYS, `services.${name}`)
  const { cluster = 'default', port = 8080, health = '/', paths } = service
  return {
    name,
    cluster: textOf(cluster),
    family: textOf(service['family'] ?? `${textOf(cluster)}-${name}`),
    container: textOf(service['container'] ?? name),
    port: Number(port),
    health: textOf(health),
    tasks: Number(service['tasks'] ?? 1),
    paths: list(paths),
  }
}

function hostSeed(instanceId: string, host: ValueMap, folder: string): HostSeed {
  known(host, HOST_KEYS, `hosts.${instanceId}`)
  const directory = textOf(host['directory'] ?? null)
  if (!/^\/.+\/./.test(directory)) throw new Error(`hosts.${instanceId}: directory must be absolute, below another one`)
  return {
    instanceId,
    tags: texts(host['tags']),
    directory,
    files: list(host['files']).map(file => join(folder, file)),
    clone: host['clone'] === true ? folder : undefined,
  }
}

function known(value: ValueMap, keys: readonly string[], where: string): void {
  const others = Object.keys(value).filter(key => !keys.includes(key))
  if (others.length > 0) throw new Error(`unknown in ${where}: ${others.join(', ')} (there are ${keys.join(', ')})`)
}

function list(value: Value | undefined): string[] {
  return items(value).map(textOf)
}

function items(value: Value | undefined): readonly Value[] {
  return Array.isArray(value) ? value : []
}

/** Maps become JSON: a secret's value may be one. */
function texts(value: Value | undefined): Record<string, string> {
  const entries = Object.entries(mapOf(value))
  return Object.fromEntries(
    entries.map(([name, item]) => [
      name,
      typeof item === 'object' && item !== null ? JSON.stringify(item) : textOf(item),
    ]),
  )
}
