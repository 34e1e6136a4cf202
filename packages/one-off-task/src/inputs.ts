import type { InputReader } from '@aws-deploy-actions/action-runtime'
import { type ImageReference, parseImageReference, readRegion } from '@aws-deploy-actions/aws-clients'
import { fileDefinition, readPatch, type TaskDefinitionSource, taskDefinitionSource } from '@aws-deploy-actions/ecs'

/** What to run, where, and how long to wait: the inputs that all actions with a one-off task have in common. */
export interface TaskInputs {
  readonly region: string
  readonly cluster: string
  readonly source: TaskDefinitionSource
  readonly templateValues: ReadonlyMap<string, string>
  /** RFC 7396 merge patch */
  readonly patch: unknown
  readonly container: string | undefined
  readonly image: ImageReference | undefined
  readonly secrets: ReadonlyMap<string, string>
  readonly entryPoint: readonly string[] | undefined
  readonly command: readonly string[] | undefined
  readonly environment: ReadonlyMap<string, string>
  readonly networkFromService: string | undefined
  readonly subnets: readonly string[]
  readonly securityGroups: readonly string[]
  readonly assignPublicIp: boolean | undefined
  readonly launchType: 'FARGATE' | 'EC2' | 'EXTERNAL' | undefined
  readonly capacityProviderStrategy: readonly CapacityProvider[]
  readonly platformVersion: string | undefined
  readonly cpu: string | undefined
  readonly memory: string | undefined
  readonly ephemeralStorageGiB: number | undefined
  readonly taskTags: ReadonlyMap<string, string>
  readonly propagateTags: 'task-definition' | 'none' | undefined
  readonly timeoutMs: number
  readonly preflight: boolean
  readonly logs: 'follow' | 'after' | 'none'
}

export interface CapacityProvider {
  readonly capacityProvider: string
  readonly weight: number
  readonly base: number
}

const DEFAULT_TIMEOUT_MS = 600_000
const VARIABLE = { pattern: /^[A-Za-z_][A-Za-z0-9_.-]*$/, allowed: 'allowed are letters, digits, _, . and -' }

/** Reads the inputs; problems are noted in `input`. */
export function readTaskInputs(input: InputReader): TaskInputs {
  const region = readRegion(input)
  const templateValues = input.map('template-values', VARIABLE)
  const patch = readPatch(input)
  const text = input.required(
    'task-definition',
    'give a path to a JSON or YAML file, a family, family:revision, or an ARN',
  )
  const folder = input.variable('GITHUB_WORKSPACE') ?? process.cwd()
  const source = text === '' ? undefined : input.parsed('task-definition', given => taskDefinitionSource(given, folder))
  const definition = source?.kind === 'file' ? fileDefinition(input, source, region, templateValues, patch) : undefined
  const container = input.optional('container')
  const subnets = identifiers(input, 'subnets', /^subnet-[0-9a-z]+$/, 'allowed is a subnet id such as subnet-0a1b2c')
  const networkFromService = input.optional('network-from-service')
  if (definition !== undefined) {
    const names = (definition.containerDefinitions ?? []).map(({ name }) => name)
    if (container !== undefined && !names.includes(container))
      input.problem('container', container, `allowed is one of ${names.join(', ')}`)
    if (definition.networkMode === 'awsvpc' && subnets.length === 0 && networkFromService === undefined) {
      input.conflict(
        'subnets',
        'are needed, because the task definition uses awsvpc networking; give them, or network-from-service',
      )
    }
  }
  const strategy = capacityProviders(input)
  const launchType = input.choice('launch-type', ['FARGATE', 'EC2', 'EXTERNAL'])
  if (launchType !== undefined && strategy.length > 0) {
    input.conflict('capacity-provider-strategy', 'excludes launch-type; give one of the two')
  }
  return {
    region,
    cluster: input.optional('cluster') ?? 'default',
    source: source ?? { kind: 'registered', name: '' },
    templateValues,
    patch,
    container,
    image: input.parsed('image', parseImageReference),
    secrets: input.map('secrets', VARIABLE),
    entryPoint: input.arguments('entrypoint', 'json'),
    command: input.arguments('command', 'json-or-line'),
    environment: input.map('environment', VARIABLE),
    networkFromService,
    subnets,
    securityGroups: identifiers(
      input,
      'security-groups',
      /^sg-[0-9a-z]+$/,
      'allowed is a security group id such as sg-0a1b2c',
    ),
    assignPublicIp: input.optionalBoolean('assign-public-ip'),
    launchType,
    capacityProviderStrategy: strategy,
    platformVersion: input.optional(
      'platform-version',
      /^(?:LATEST|\d+\.\d+\.\d+)$/,
      'allowed is LATEST or a version such as 1.4.0',
    ),
    cpu: input.optional('cpu', /^(?:\d+|\d*\.\d+)(?: ?v?cpu)?$/i, 'allowed is CPU units (256) or vCPU (.25 vCPU)'),
    memory: input.optional('memory', /^(?:\d+|\d*\.\d+)(?: ?GB)?$/i, 'allowed is MiB (512) or GB (1 GB)'),
    ephemeralStorageGiB: input.integer('ephemeral-storage', 20, 200),
    taskTags: input.map('task-tags'),
    propagateTags: input.choice('propagate-tags', ['task-definition', 'none']),
    timeoutMs: input.duration('timeout', DEFAULT_TIMEOUT_MS, 1000),
    preflight: input.boolean('preflight', true),
    logs: input.choice('logs', ['follow', 'after', 'none']) ?? 'follow',
  }
}

function identifiers(input: InputReader, name: string, pattern: RegExp, allowed: string): string[] {
  const found = input.names(name)
  for (const entry of found) if (!pattern.test(entry)) input.problem(name, entry, allowed)
  return found
}

function capacityProviders(input: InputReader): CapacityProvider[] {
  const name = 'capacity-provider-strategy'
  return [...input.map(name)].map(([capacityProvider, value]) => {
    const match = /^\s*(\d{1,4})(?::(\d{1,6}))?\s*$/.exec(value)
    // API reference, CapacityProviderStrategyItem: weight 0 to 1,000, base 0 to 100,000.
    if (match === null || Number(match[1]) > 1000 || Number(match[2] ?? 0) > 100_000) {
      input.problem(
        name,
        `${capacityProvider}=${value}`,
        'allowed is PROVIDER=WEIGHT (0 to 1000) or PROVIDER=WEIGHT:BASE (0 to 100000)',
      )
    }
    return { capacityProvider, weight: Number(match?.[1] ?? 0), base: Number(match?.[2] ?? 0) }
  })
}
