import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Access } from '../access.ts'
import type { PolicyDocument } from '../policy.ts'
import { Watch } from '../services/ecs/watch.ts'
import { type ComposeContainers, composeContainers } from './compose-containers.ts'
import { mountDisk, unmountDisk } from './disk.ts'
import { agentEnvironment, dockerConfigOf, pathOfHost } from './environment.ts'
import { type HostIdentity, hostIdentity } from './identity.ts'
import type { HostOptions, HostState } from './options.ts'
import { killMarked } from './processes.ts'
import { runShellScript, type ScriptResult } from './shell-script.ts'

/** Ends that can be scripted for an invocation: it ends so without running anything. */
export const scriptedEnds = [
  'Failed',
  'ExecutionTimedOut',
  'DeliveryTimedOut',
  'Undeliverable',
  'Terminated',
  'InvalidPlatform',
  'AccessDenied',
  'Cancelled',
] as const
export type ScriptedEnd = (typeof scriptedEnds)[number]

/** A script that a host is to run. */
export interface HostCommand {
  readonly commandId: string
  readonly commands: readonly string[]
  /** empty: the agent's own */
  readonly workingDirectory: string
  readonly timeoutSeconds: number
  readonly cancel: AbortSignal
  readonly onOutput: (stream: 'stdout' | 'stderr', bytes: Buffer) => void
}

/** WorkingDirectory in packaging/linux/amazon-ssm-agent.service */
const AGENT_DIRECTORY = '/usr/bin'

export interface HostSurroundings {
  readonly access: Access
  readonly accountId: string
  /** of the cloud's registries */
  readonly registries: readonly string[]
  /** folder for all hosts of a cloud */
  readonly directory: string
  /** what makes SDKs and the AWS CLI on the host talk to this cloud; keys are the host's own */
  readonly awsEnvironment: Readonly<Record<string, string>>
}

/** A machine with the SSM agent: a folder, a state, and scripts that really run. */
export class Host {
  readonly options: HostOptions
  readonly region: string
  readonly identity: HostIdentity
  /** the host's files; its base name is unique on this machine */
  readonly directory: string
  /** folder of the docker configuration (`config.json`) that the host's scripts use */
  readonly dockerConfig: string
  readonly registeredAt = new Date()
  /** says when the state has changed */
  readonly watch = new Watch()
  lastPingAt = new Date()
  latencyMs: number
  readonly #access: Access
  readonly #base: string
  readonly #unique: string
  readonly #marker = randomUUID().replaceAll('-', '')
  readonly #environment: Record<string, string>
  readonly #containers: ComposeContainers
  /** told when the machine goes down under a running script */
  readonly #running = new Set<() => void>()
  readonly #scripted: ScriptedEnd[] = []
  #state: HostState
  #hasRun = false

  private constructor(
    options: HostOptions,
    surroundings: HostSurroundings,
    unique: string,
    environment: Record<string, string>,
  ) {
    this.options = options
    this.region = options.region ?? 'eu-west-1'
    this.#access = surroundings.access
    this.identity = hostIdentity(surroundings.accountId, options.instanceId)
    this.#unique = unique
    this.#base = join(surroundings.directory, unique)
    this.directory = join(this.#base, unique)
    this.dockerConfig = environment.DOCKER_CONFIG ?? join(this.#base, 'docker')
    this.#state = options.state ?? 'online'
    this.latencyMs = options.latencyMs ?? 0
    // no region: a real host has none either, unless somebody configured it
    const { AWS_REGION: _, AWS_DEFAULT_REGION: __, ...aws } = surroundings.awsEnvironment
    this.#environment = {
      ...environment,
      ...aws,
      AWS_ACCESS_KEY_ID: this.identity.accessKeyId,
      INVOCATION_ID: this.#marker,
      ...options.environment,
    }
    this.#containers = composeContainers(
      (folder, project) => `${folder}/`.startsWith(`${this.directory}/`) || project.endsWith(unique.toLowerCase()),
    )
  }

  /** Makes the host's folders and tools. */
  static async started(options: HostOptions, surroundings: HostSurroundings): Promise<Host> {
    const unique = `${options.instanceId}-${randomBytes(3).toString('hex')}`
    const base = join(surroundings.directory, unique)
    await mkdir(join(base, unique), { recursive: true })
    const environment = agentEnvironment(options, {
      region: options.region ?? 'eu-west-1',
      marker: '',
      path: await pathOfHost(base, options),
      dockerConfig: await dockerConfigOf(base),
    })
    // last: a mount outlives a host that could not be made
    if (options.diskKilobytes !== undefined) await mountDisk(join(base, unique), options.diskKilobytes)
    return new Host(options, surroundings, unique, environment)
  }

  get instanceId(): string {
    return this.options.instanceId
  }

  get state(): HostState {
    return this.#state
  }

  /** A folder for a compose project, with a base name that no other host's project has. */
  async projectDirectory(name: string): Promise<string> {
    const directory = join(this.directory, `${name}-${this.#unique}`)
    await mkdir(directory, { recursive: true })
    return directory
  }

  /**
   * What the host's role may from now on; `undefined` allows everything again.
   * @throws Error for a document that IAM would refuse
   */
  setRolePolicy(document: PolicyDocument | undefined): void {
    this.#access.setRolePolicy(this.identity.arn, document)
  }

  /** How the next invocations end, without running anything. */
  answerNext(end: ScriptedEnd, times = 1): void {
    for (let count = 0; count < times; count += 1) this.#scripted.push(end)
  }

  /** whether a script has ever run here */
  get hasRun(): boolean {
    return this.#hasRun
  }

  takeScripted(): ScriptedEnd | undefined {
    return this.#scripted.shift()
  }

  /** Moves the host into another state; `rebooted` ends online. */
  async become(state: HostState | 'rebooted'): Promise<void> {
    if (this.#state === 'terminated') throw new Error(`${this.instanceId} is terminated`)
    if (state === 'online' || state === 'offline' || state === 'unresponsive') {
      const wasStopped = this.#state === 'stopped'
      this.#enter(state)
      if (wasStopped) await this.#containers.boot()
      return
    }
    this.#enter(state === 'terminated' ? 'terminated' : 'stopped')
    await this.#powerOff()
    if (state !== 'rebooted') return
    await this.#containers.boot()
    this.#enter('online')
  }

  /** Runs a script as the agent does; `lost` when the machine went down under it. */
  async run(command: HostCommand): Promise<ScriptResult | 'lost'> {
    this.#hasRun = true
    const { sharedDirectory: shared, executionSpeed = 1 } = this.options
    const wanted = command.workingDirectory === '' ? AGENT_DIRECTORY : command.workingDirectory
    let lose: () => void = () => undefined
    const lost = new Promise<'lost'>(resolve => {
      lose = () => resolve('lost')
    })
    this.#running.add(lose)
    try {
      const finished = runShellScript({
        directory: join(this.#base, 'agent', command.commandId, 'awsrunShellScript', '0.awsrunShellScript'),
        commands: command.commands,
        workingDirectory: shared === undefined ? wanted : '/',
        environment: {
          ...this.#environment,
          SSM_COMMAND_ID: command.commandId,
          ...(shared === undefined ? {} : { COMPOSE_PROJECT_NAME: this.#unique }),
        },
        prefix: shared === undefined ? [] : inNamespace(this.directory, shared, wanted),
        timeoutMs: Math.min((command.timeoutSeconds * 1000) / executionSpeed, 2 ** 31 - 1),
        cancel: command.cancel,
        onOutput: command.onOutput,
      })
      return await Promise.race([finished, lost])
    } finally {
      this.#running.delete(lose)
    }
  }

  /** Ends everything that the host has started, and removes its files. */
  async close(): Promise<void> {
    if (this.#state !== 'terminated') this.#enter('terminated')
    await this.#powerOff()
    if (this.#hasRun) await this.#containers.remove()
    if (this.options.diskKilobytes !== undefined) await unmountDisk(this.directory)
    await rm(this.#base, { recursive: true, force: true, maxRetries: 5 })
  }

  #enter(state: HostState): void {
    if (this.#state === 'online') this.lastPingAt = new Date()
    this.#state = state
    this.watch.changed()
  }

  async #powerOff(): Promise<void> {
    for (const lose of [...this.#running]) lose()
    if (!this.#hasRun) return
    await killMarked(`INVOCATION_ID=${this.#marker}`)
    await this.#containers.kill()
  }
}

/** A shell in a mount namespace of its own, in which a path shows the host's folder; it becomes the script's `sh`. */
function inNamespace(directory: string, shared: string, workingDirectory: string): string[] {
  const enter = 'mount --bind "$1" "$2" && cd -- "$3" && shift 3 && exec "$@"'
  const own = process.getuid?.() === 0 ? ['--mount'] : ['--map-root-user', '--mount']
  return ['unshare', ...own, 'sh', '-c', enter, 'agent', directory, shared, workingDirectory]
}
