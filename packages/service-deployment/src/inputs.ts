import type { InputReader } from '@aws-deploy-actions/action-runtime'
import { type ImageReference, parseImageReference, readRegion } from '@aws-deploy-actions/aws-clients'
import {
  fileDefinition,
  isObject,
  readPatch,
  type TaskDefinitionSource,
  taskDefinitionSource,
} from '@aws-deploy-actions/ecs'

/** One service and where its task definition comes from; without a source: what it runs now. */
export interface ServiceInput {
  readonly name: string
  readonly source: TaskDefinitionSource | undefined
}

/** A line of `images`, `environment` or `secrets`: for one service or all, one container or the only essential one. */
export interface Targeted<Value> {
  readonly service: string | undefined
  readonly container: string | undefined
  readonly value: Value
}

/** Where `rollback-to` sends a service. */
export interface RollbackTarget {
  /** `family:revision` */
  readonly revision: string
  /** id of a deployment that put the same revision in: what ran before it were other images behind the same tags */
  readonly beforeDeployment: string | undefined
}

export interface DeployInputs {
  readonly region: string
  readonly cluster: string
  readonly services: readonly ServiceInput[]
  readonly templateValues: ReadonlyMap<string, string>
  readonly patch: unknown
  readonly images: readonly Targeted<ImageReference>[]
  /** value: variable and its value */
  readonly environment: readonly Targeted<readonly [string, string]>[]
  /** value: variable and its `valueFrom` */
  readonly secrets: readonly Targeted<readonly [string, string]>[]
  readonly desiredCount: number | undefined
  readonly forceNewDeployment: boolean
  readonly wait: boolean
  readonly timeoutMs: number
  readonly rollback: 'failed' | 'all' | 'none'
  readonly operation: 'deploy' | 'rollback'
  readonly rollbackTo: ReadonlyMap<string, RollbackTarget>
  readonly maxParallel: number
  readonly preflight: boolean
  readonly dryRun: boolean
  readonly showValues: boolean
}

const SERVICE = /^[A-Za-z0-9_-]{1,255}$/
const DEFAULT_TIMEOUT_MS = 1_800_000

/** Reads the inputs; problems are noted in `input`. */
export function readDeployInputs(input: InputReader): DeployInputs {
  const region = readRegion(input)
  const templateValues = input.map('template-values')
  const patch = readPatch(input)
  const operation = input.choice('operation', ['deploy', 'rollback']) ?? 'deploy'
  const services = serviceInputs(input, operation)
  const sources = new Map(services.flatMap(({ source }) => (source?.kind === 'file' ? [[source.path, source]] : [])))
  for (const source of sources.values()) fileDefinition(input, source, region, templateValues, patch)
  return {
    region,
    cluster: input.optional('cluster') ?? 'default',
    services,
    templateValues,
    patch,
    images: imageInputs(input, services),
    environment: variableInputs(input, 'environment'),
    secrets: variableInputs(input, 'secrets'),
    desiredCount: input.integer('desired-count', 0, 5000),
    forceNewDeployment: input.boolean('force-new-deployment', false),
    wait: input.boolean('wait', true),
    timeoutMs: input.duration('timeout', DEFAULT_TIMEOUT_MS, 1000),
    rollback: input.choice('rollback', ['failed', 'all', 'none']) ?? 'failed',
    operation,
    rollbackTo: rollbackTargets(input, operation),
    maxParallel: input.integer('max-parallel', 1, 1000) ?? 100,
    preflight: input.boolean('preflight', true),
    dryRun: input.boolean('dry-run', false),
    showValues: input.boolean('show-values', false),
  }
}

/** A service listed twice with the same task definition is one. What a rollback goes to is not made from task definitions. */
function serviceInputs(input: InputReader, operation: DeployInputs['operation']): ServiceInput[] {
  const folder = input.variable('GITHUB_WORKSPACE') ?? process.cwd()
  const isDeploy = operation === 'deploy'
  const general = isDeploy ? input.parsed('task-definition', text => taskDefinitionSource(text, folder)) : undefined
  const texts = new Map<string, string>()
  for (const line of input.names('services')) {
    const split = line.indexOf('=')
    const name = (split < 0 ? line : line.slice(0, split)).trim()
    const text = split < 0 ? '' : line.slice(split + 1).trim()
    if (!SERVICE.test(name))
      input.problem('services', line, 'allowed is the name of a service, or NAME=TASK-DEFINITION')
    else if (texts.has(name) && texts.get(name) !== text)
      input.problem('services', line, `${name} is listed with two task definitions; allowed is one`)
    texts.set(name, text)
  }
  if (texts.size === 0) input.conflict('services', 'is required and empty; give the names of services, one a line')
  return [...texts].map(([name, text]) => {
    if (text === '' || !isDeploy) return { name, source: general }
    try {
      return { name, source: taskDefinitionSource(text, folder) }
    } catch (error) {
      input.problem('services', `${name}=${text}`, error instanceof Error ? error.message : String(error))
      return { name, source: undefined }
    }
  })
}

function imageInputs(input: InputReader, services: readonly ServiceInput[]): Targeted<ImageReference>[] {
  const given = new Set<string>()
  return input.names('images').flatMap(line => {
    const match = /^(?:(?:([A-Za-z0-9_-]+)\/)?([A-Za-z0-9_-]+)=)?(\S+)$/.exec(line)
    if (match?.[3] === undefined) {
      input.problem('images', line, 'allowed is CONTAINER=IMAGE, SERVICE/CONTAINER=IMAGE, or IMAGE')
      return []
    }
    const [, service, container, text] = match
    const key = line.slice(0, line.length - text.length)
    if (given.has(key))
      input.problem('images', line, `${key === '' ? 'a bare IMAGE' : key} is given twice; allowed is once`)
    given.add(key)
    if (service !== undefined && !services.some(({ name }) => name === service)) {
      input.problem('images', line, `${service} is not among services`)
    }
    try {
      return [{ service, container, value: parseImageReference(text) }]
    } catch (error) {
      input.problem('images', line, error instanceof Error ? error.message : String(error))
      return []
    }
  })
}

function variableInputs(input: InputReader, name: 'environment' | 'secrets'): Targeted<readonly [string, string]>[] {
  return [...input.map(name)].flatMap(([key, value]) => {
    const match = /^(?:([A-Za-z0-9_-]+)\/)?([A-Za-z_][A-Za-z0-9_.-]*)$/.exec(key)
    if (match?.[2] === undefined) {
      input.conflict(name, `the key "${key}": allowed is KEY or CONTAINER/KEY`)
      return []
    }
    const pair: readonly [string, string] = [match[2], value]
    return [{ service: undefined, container: match[1], value: pair }]
  })
}

/** `rollback-to` is the `services` output of an earlier deployment. */
function rollbackTargets(input: InputReader, operation: DeployInputs['operation']): Map<string, RollbackTarget> {
  const allowed = 'allowed is the services output of an earlier deployment, a JSON array'
  const targets = new Map<string, RollbackTarget>()
  const parsed = input.parsed('rollback-to', (text): unknown => {
    try {
      return JSON.parse(text)
    } catch {
      throw new Error(allowed)
    }
  })
  if (parsed === undefined) return targets
  if (operation !== 'rollback') input.conflict('rollback-to', 'counts only with operation: rollback')
  for (const entry of Array.isArray(parsed) ? parsed : [undefined]) {
    const name = isObject(entry) ? entry['name'] : undefined
    const previous = isObject(entry) ? entry['previousTaskDefinition'] : undefined
    if (typeof name === 'string' && typeof previous === 'string' && isObject(entry)) {
      const { taskDefinition, deploymentId } = entry
      const isSame = taskDefinition === previous && typeof deploymentId === 'string'
      targets.set(name, { revision: previous, beforeDeployment: isSame ? deploymentId : undefined })
    } else if (typeof name !== 'string') input.conflict('rollback-to', `an entry has no name; ${allowed}`)
    else input.conflict('rollback-to', `the entry of ${name} has no previousTaskDefinition; ${allowed}`)
  }
  return targets
}
