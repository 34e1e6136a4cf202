import { readFile } from 'node:fs/promises'
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
  readonly vars: Readonly<Record<string, string>>
  readonly secrets: Readonly<Record<string, string>>
  readonly environments: Readonly<Record<string, EnvironmentSettings>>
}

/** An ECS service behind the load balancer, before its first delivery. */
export interface ServiceSeed {
  readonly name: string
  readonly cluster: string
  /** of its task definition; default: cluster and name */
  readonly family: string
  /** of its container */
  readonly port: number
  /** path of the target group's health check */
  readonly health: string
  /** that run from the start, of a server that answers everything; 0: the delivery says how many */
  readonly tasks: number
  /** of the listener's rule; none: what no other rule takes */
  readonly paths: readonly string[]
}

const KEYS = ['speed', 'databases', 'aws', 'services', 'vars', 'secrets', 'environments']
const SERVICE_KEYS = ['cluster', 'family', 'port', 'health', 'tasks', 'paths']

/** @throws Error naming what is wrong in it */
export async function readRehearsalFile(path: string): Promise<RehearsalFile> {
  try {
    return parsedRehearsalFile(await readFile(path, 'utf8'))
  } catch (error) {
    throw new Error(`${path}: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
}

export function parsedRehearsalFile(yaml: string): RehearsalFile {
  const file = mapOf(asValue(parse(yaml)))
  known(file, KEYS, 'the file')
  const speed = Number(file['speed'] ?? 10)
  if (!(speed > 0)) throw new Error('speed must be a number over 0')
  return {
    speed,
    databases: list(file['databases']),
    cloud: parsedSeed(stringify(file['aws'] ?? {})),
    services: Object.entries(mapOf(file['services'])).map(([name, service]) => serviceSeed(name, mapOf(service))),
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
    port: Number(port),
    health: textOf(health),
    tasks: Number(service['tasks'] ?? 1),
    paths: list(paths),
  }
}

function known(value: ValueMap, keys: readonly string[], where: string): void {
  const others = Object.keys(value).filter(key => !keys.includes(key))
  if (others.length > 0) throw new Error(`unknown in ${where}: ${others.join(', ')} (there are ${keys.join(', ')})`)
}

function list(value: Value | undefined): string[] {
  return Array.isArray(value) ? value.map(textOf) : []
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
