import { createHash } from 'node:crypto'
import type { RegisterTaskDefinitionCommandInput } from '@aws-sdk/client-ecs'
import { isObject } from './schema.ts'

/** One difference between two task definitions; undefined where the side has nothing. */
export interface Difference {
  /** containers, variables and secrets by name: `containerDefinitions.app.environment.LOG_LEVEL.value` */
  readonly path: string
  readonly before: unknown
  readonly after: unknown
}

/**
 * The differences that matter: what the server fills in by itself (API reference, ContainerDefinition and
 * PortMapping: empty lists, cpu 0, essential true, protocol tcp, hostPort of awsvpc and host, health check defaults,
 * sizes such as `1 vCPU` as units and MiB, network mode bridge, the root of a file system) and the order of environment and secrets are none. Tags are no part of a revision's meaning.
 */
export function differences(
  before: RegisterTaskDefinitionCommandInput,
  after: RegisterTaskDefinitionCommandInput,
): Difference[] {
  const left = leaves(normalised(before))
  const right = leaves(normalised(after))
  return [...new Set([...left.keys(), ...right.keys()])]
    .filter(path => left.get(path) !== right.get(path))
    .sort()
    .map(path => ({ path, before: left.get(path), after: right.get(path) }))
}

// Values of variables, and options of log drivers that may hold a token (splunk-token); those of awslogs do not.
const SENSITIVE = /\.environment\.|\.options\.(?!awslogs-|mode$|max-buffer-size$)/

/** Differences as lines that a reviewer can read; what may be confidential as hashes unless `showValues`. */
export function differenceLines(found: readonly Difference[], showValues = false): string[] {
  return found.map(({ path, before, after }) => {
    const secret = SENSITIVE.test(path) && !showValues
    const shown = (value: unknown): string =>
      value === undefined ? '(none)' : secret ? `sha256:${hash(String(value))}` : String(value)
    return `${path}: ${shown(before)} → ${shown(after)}`
  })
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8)
}

function normalised({ tags: _, ...definition }: RegisterTaskDefinitionCommandInput): unknown {
  const fixedPorts = definition.networkMode === 'awsvpc' || definition.networkMode === 'host'
  const containers = definition.containerDefinitions?.map(container => ({
    ...container,
    cpu: container.cpu === 0 ? undefined : container.cpu,
    essential: container.essential ?? true,
    environment: Object.fromEntries((container.environment ?? []).map(({ name, value }) => [name, value])),
    secrets: Object.fromEntries((container.secrets ?? []).map(({ name, valueFrom }) => [name, valueFrom])),
    portMappings: container.portMappings?.map(port => ({
      ...port,
      protocol: port.protocol ?? 'tcp',
      hostPort: (fixedPorts && port.hostPort === port.containerPort) || port.hostPort === 0 ? undefined : port.hostPort,
    })),
    healthCheck: container.healthCheck && { interval: 30, timeout: 5, retries: 3, ...container.healthCheck },
  }))
  return {
    ...definition,
    cpu: plainSize(definition.cpu, /^(\d*\.?\d+) ?vcpu$/i),
    memory: plainSize(definition.memory, /^(\d*\.?\d+) ?gb$/i),
    networkMode: definition.networkMode === 'bridge' ? undefined : definition.networkMode,
    volumes: definition.volumes?.map(({ efsVolumeConfiguration: efs, ...volume }) => ({
      ...volume,
      efsVolumeConfiguration: efs && {
        ...efs,
        rootDirectory: efs.rootDirectory === '/' ? undefined : efs.rootDirectory,
      },
    })),
    requiresCompatibilities: definition.requiresCompatibilities?.toSorted(),
    containerDefinitions: Object.fromEntries((containers ?? []).map(container => [container.name, container])),
  }
}

/** AWS stores `1 vCPU` and `1 GB` as `1024` (API reference, RegisterTaskDefinition). */
function plainSize(size: string | undefined, large: RegExp): string | undefined {
  const amount = large.exec(size ?? '')?.[1]
  return amount === undefined ? size : String(Number(amount) * 1024)
}

/** Every text, number and boolean with its path; empty lists and objects, `false` and undefined have none. */
function leaves(value: unknown, path = '', found = new Map<string, unknown>()): Map<string, unknown> {
  if (Array.isArray(value)) {
    for (const [index, entry] of value.entries()) leaves(entry, `${path}[${index}]`, found)
  } else if (isObject(value)) {
    for (const [key, entry] of Object.entries(value)) leaves(entry, path === '' ? key : `${path}.${key}`, found)
  } else if (value !== undefined && value !== null && (value !== false || path.endsWith('.essential'))) {
    found.set(path, value)
  }
  return found
}
