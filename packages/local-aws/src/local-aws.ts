import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import type { Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { access } from './access.ts'
import { type Cloud, CloudStopped } from './cloud.ts'
import { controlDoor } from './control.ts'
import { chosenEngine } from './engines/choice.ts'
import { type Fault, Faults } from './faults.ts'
import { Fleet } from './hosts/fleet.ts'
import type { Host } from './hosts/host.ts'
import type { HostOptions } from './hosts/options.ts'
import { Journal, type JournalEntry } from './journal.ts'
import type { PolicyDocument } from './policy.ts'
import { startRegistry } from './registry/registry.ts'
import { parsedScanScript } from './registry/scan-script.ts'
import { registryHooks } from './registry-hooks.ts'
import { apiServer } from './server.ts'
import type { AlarmState } from './services/ecs/service/alarms.ts'
import { cloudServices } from './services/services.ts'

export interface LocalAwsOptions {
  /** where containers run; `auto` takes docker when an engine answers; default `process` */
  readonly engine?: 'process' | 'docker' | 'auto'
  /** divides AWS's realistic durations; default 1 */
  readonly speed?: number
  /** default 123456789012 */
  readonly accountId?: string
  /** where everything is kept; default: a fresh folder under the system's temporary one; removed by `stop()` */
  readonly directory?: string
  /** port of the APIs; default: any free one */
  readonly port?: number
  readonly log?: (line: string) => void
}

/** A running local AWS. */
export interface LocalAws {
  /** `http://127.0.0.1:PORT` */
  readonly endpoint: string
  /** `127.0.0.1:PORT` of the private registry */
  readonly registryAddress: string
  /** `127.0.0.1:PORT` that stands for public.ecr.aws */
  readonly publicRegistryAddress: string
  /** of this account in it: what stands before the names of its repositories */
  readonly publicRegistryAlias: string
  readonly accountId: string
  readonly engine: 'process' | 'docker'
  /** environment that points any SDK or the AWS CLI here: endpoint, example credentials, region eu-west-1 */
  environment(): Record<string, string>
  /** requests in order of arrival */
  journal(): JournalEntry[]
  /**
   * Enforces an identity policy for every request from now on; `undefined` allows everything again.
   * @throws Error for a document that IAM would refuse
   */
  setPolicy(document: PolicyDocument | undefined): void
  addFault(fault: Fault): void
  clearFaults(): void
  /**
   * What image scans of a repository (`*`: of all others) find, and which states they go through.
   * @throws Error naming what is wrong in the script
   */
  scriptScan(repositoryName: string, script: unknown): void
  /** sets the state of a CloudWatch alarm that deployments may look at; alarms that were never set are not in ALARM */
  setAlarm(name: string, state: AlarmState): void
  /**
   * What happens to the tasks of a family (`*`: of all others) for reasons that this machine does not have.
   * @throws Error naming what is wrong in the script
   */
  scriptTasks(family: string, script: unknown): void
  /**
   * Adds a machine with the SSM agent, whose scripts really run.
   * @throws Error for options that are wrong, or an instance id that is there
   */
  addHost(options: HostOptions): Promise<Host>
  /** in the order in which they were added */
  hosts(): Host[]
  /**
   * Stops every task, host and server and removes the folder.
   * @throws Error when an answer of ours broke AWS's model in the meantime
   */
  stop(): Promise<void>
}

/**
 * Starts an AWS on this machine: one port for the APIs, two for the registries, loopback only.
 * @throws Error when `engine` is docker and no Docker Engine answers
 */
export async function startLocalAws(options: LocalAwsOptions = {}): Promise<LocalAws> {
  const { accountId = '123456789012', speed = 1, log = () => undefined } = options
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'local-aws-')))
  await mkdir(directory, { recursive: true })
  const journal = new Journal()
  const faults = new Faults()
  const guard = access(accountId)
  const halt = new AbortController()
  const registry = await startRegistry({ accountId, directory, speed, hooks: registryHooks(journal, faults, guard) })
  const cloud: Cloud = {
    accountId,
    directory,
    registry,
    journal,
    faults,
    log,
    speed,
    pause: pauses(speed, halt.signal),
  }
  const engine = await chosenEngine(options.engine ?? 'process', cloud)
  let endpoint = ''
  const environment = () => ({
    AWS_ENDPOINT_URL: endpoint,
    // the example key of AWS's documentation: any key is taken
    AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    AWS_REGION: 'eu-west-1',
    AWS_DEFAULT_REGION: 'eu-west-1',
  })
  const fleet = new Fleet(guard, () => ({
    accountId,
    directory: join(directory, 'hosts'),
    awsEnvironment: environment(),
    registries: [registry.address, registry.publicAddress],
  }))
  const { services, alarms, scripts, stateSummary, close } = cloudServices(cloud, engine, guard, fleet)
  const controls = {
    journal: () => journal.entries(),
    clearJournal: () => journal.clear(),
    setPolicy: (document: PolicyDocument | undefined) => guard.setPolicy(document),
    faults: () => faults.list(),
    addFault: (fault: Fault) => faults.add(fault),
    clearFaults: () => faults.clear(),
    scriptScan: (repositoryName: string, script: unknown) =>
      registry.scans.script(repositoryName, parsedScanScript(script)),
    setAlarm: (name: string, state: unknown) => alarms.set(name, state),
    scriptTasks: (family: string, script: unknown) => scripts.set(family, script),
    fleet,
    status: () => ({
      accountId,
      engine: engine.name,
      speed,
      registry: registry.address,
      publicRegistry: registry.publicAddress,
      modelErrors: journal.modelErrors(),
      ...stateSummary(),
    }),
  }
  const server = apiServer(cloud, services, guard, controlDoor(controls))
  const port = await listening(server, options.port ?? 0)
  endpoint = `http://127.0.0.1:${port}`
  let stopped: Promise<void> | undefined

  async function stop(): Promise<void> {
    halt.abort(new CloudStopped('local AWS stops'))
    await fleet.close()
    await close()
    await engine.close()
    await closed(server)
    await registry.close()
    await rm(directory, { recursive: true, force: true, maxRetries: 3 })
    const broken = journal.modelErrors()
    if (broken.length > 0) throw new Error(`answers of local AWS broke AWS's model:\n${broken.join('\n')}`)
  }

  return {
    endpoint,
    registryAddress: registry.address,
    publicRegistryAddress: registry.publicAddress,
    publicRegistryAlias: cloud.registry.publicAlias,
    accountId,
    engine: engine.name,
    environment,
    journal: controls.journal,
    setPolicy: controls.setPolicy,
    addFault: controls.addFault,
    clearFaults: controls.clearFaults,
    scriptScan: controls.scriptScan,
    setAlarm: controls.setAlarm,
    scriptTasks: controls.scriptTasks,
    addHost: options => fleet.add(options),
    hosts: () => fleet.all(),
    stop: () => {
      stopped ??= stop()
      return stopped
    },
  }
}

/** `Cloud.pause`: AWS's time divided by the speed; everything that waits is let go when the cloud stops. */
function pauses(speed: number, halt: AbortSignal): Cloud['pause'] {
  return (ms, signal) => {
    const ends = signal ? AbortSignal.any([halt, signal]) : halt
    return new Promise((resolve, reject) => {
      const give = () => {
        clearTimeout(timer)
        reject(ends.reason)
      }
      const timer = setTimeout(() => {
        ends.removeEventListener('abort', give)
        resolve()
      }, ms / speed)
      if (ends.aborted) give()
      else ends.addEventListener('abort', give, { once: true })
    })
  }
}

async function listening(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : port
}

async function closed(server: Server): Promise<void> {
  const gone = new Promise(resolve => server.close(resolve))
  server.closeAllConnections()
  await gone
}
