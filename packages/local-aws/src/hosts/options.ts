import { isRecord } from '../smithy.ts'

/**
 * `offline`: the machine runs, its agent has no connection. `unresponsive`: the same, but Systems Manager has not noticed
 * and still says Online, for minutes: the agent's health ping comes every five. `stopped`: nothing runs. `terminated`: it
 * is no more.
 */
export type HostState = 'online' | 'offline' | 'unresponsive' | 'stopped' | 'terminated'

/** A machine with the SSM agent, as `addHost`, `POST /_local/hosts` and a seed file's `hosts` take it. */
export interface HostOptions {
  /** `i-` and 8 or 17 hexadecimal digits, or `mi-` and 17 */
  readonly instanceId: string
  /** default: eu-west-1, the region of `environment()` */
  readonly region?: string
  readonly tags?: Readonly<Record<string, string>>
  /** default Linux; scripts run on Linux only */
  readonly platform?: 'Linux' | 'Windows' | 'MacOS'
  /** default online */
  readonly state?: Exclude<HostState, 'terminated'>
  /** what scripts see besides what the agent and the instance role give them */
  readonly environment?: Readonly<Record<string, string>>
  /** programs of this host, found before all others: name → script, with its own `#!` line */
  readonly tools?: Readonly<Record<string, string>>
  /** programs that this machine has and the host has not */
  readonly without?: readonly string[]
  /** divides `executionTimeout`; default 1: a script is not faster because AWS is */
  readonly executionSpeed?: number
  /** milliseconds of wall time more for whatever goes to the agent or comes from it */
  readonly latencyMs?: number
  /** milliseconds of wall time until an invocation can be read; default: AWS's, divided by the speed */
  readonly visibleAfterMs?: number
  /** size of the disk that `directory` is on, a small one of its own; needs root */
  readonly diskKilobytes?: number
  /**
   * A path that is there on every machine (`/srv`) and shows this host's own `directory` to its scripts, so that several
   * hosts can have one and the same project path. Needs root, or user namespaces for everybody. Scripts then get a
   * COMPOSE_PROJECT_NAME, and relative bind mounts in compose files do not work: the Docker Engine is outside.
   */
  readonly sharedDirectory?: string
}

const ID = /^(i-([0-9a-f]{8}|[0-9a-f]{17})|mi-[0-9a-f]{17})$/

/**
 * The options as they came over HTTP or from a file.
 * @throws Error naming what is wrong
 */
export function checkedHostOptions(value: unknown): HostOptions {
  if (!isRecord(value)) throw new Error('a host is an object with instanceId')
  const unknown = Object.keys(value).filter(key => checks[key] === undefined)
  if (unknown.length > 0) throw new Error(`unknown in a host: ${unknown.join(', ')} (there are ${Object.keys(checks)})`)
  for (const [key, item] of Object.entries(value)) {
    const problem = checks[key]?.(item)
    if (problem !== undefined) throw new Error(`host: ${key} must be ${problem}, not ${JSON.stringify(item)}`)
  }
  if (!isHostOptions(value)) throw new Error('host: instanceId is missing')
  return value
}

function isHostOptions(value: object): value is HostOptions {
  return 'instanceId' in value
}

const oneOf = (names: readonly string[]) => (item: unknown) =>
  typeof item === 'string' && names.includes(item) ? undefined : `one of ${names.join(', ')}`
const texts = (item: unknown) =>
  isRecord(item) && Object.values(item).every(text => typeof text === 'string') ? undefined : 'a map of texts'
const numberFrom = (least: number) => (item: unknown) =>
  typeof item === 'number' && item >= least ? undefined : `a number from ${least}`

const checks: Readonly<Record<string, (item: unknown) => string | undefined>> = {
  instanceId: item =>
    typeof item === 'string' && ID.test(item) ? undefined : 'i- and 8 or 17 hexadecimal digits, or mi- and 17',
  region: item => (typeof item === 'string' ? undefined : 'a region'),
  tags: texts,
  platform: oneOf(['Linux', 'Windows', 'MacOS']),
  state: oneOf(['online', 'offline', 'unresponsive', 'stopped']),
  environment: texts,
  tools: texts,
  without: item =>
    Array.isArray(item) && item.every(name => typeof name === 'string') ? undefined : 'a list of program names',
  executionSpeed: numberFrom(0.001),
  latencyMs: numberFrom(0),
  visibleAfterMs: numberFrom(0),
  diskKilobytes: numberFrom(16),
  sharedDirectory: item => (typeof item === 'string' && /^\/[\w/-]+$/.test(item) ? undefined : 'an absolute path'),
}
