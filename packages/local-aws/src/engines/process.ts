import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { constants } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import type { Cloud } from '../cloud.ts'
import {
  type ContainerSpec,
  type Engine,
  PullError,
  type PulledImage,
  type RunningContainer,
  StartError,
} from '../engine.ts'
import { isRecord } from '../smithy.ts'
import { executableOf, formatError } from './executable.ts'
import { describedImage, hostArchitecture, type ImageDescription } from './image-source.ts'
import { unpackImage } from './unpack.ts'

/*
 * NO ISOLATION. Containers are ordinary processes of this user on this machine: they see the host's files, network and
 * processes, and limits on memory or CPU do not hold. The engine is for machines without Docker and for images that one
 * trusts. What follows from it:
 * - an absolute path in an argument (`node /app/main.js`) is passed on as it is and means the host's file; images whose
 *   command is relative to WORKDIR work
 * - all containers of one image share its unpacked files
 * - a process that makes a session of its own (setsid) is not found when its container ends
 * - `user` is ignored; a hard-coded port can be used once; images that read `PORT` get a free one, in tasks of services
 *   even where the task definition sets `PORT` to the mapped port
 */

interface Unpacked {
  readonly description: ImageDescription
  readonly root: string
}

/** Runs containers as host processes from unpacked images. */
export function processEngine(cloud: Cloud): Engine {
  const directory = join(cloud.directory, 'images')
  const unpacked = new Map<string, Promise<Unpacked>>()
  const images = new WeakMap<PulledImage, Unpacked>()
  const running = new Set<ChildProcess>()
  const closing = new AbortController()

  async function unpack(description: ImageDescription): Promise<Unpacked> {
    const root = join(directory, description.digest.replace(':', '-'))
    await unpackImage(description, root)
    return { description, root }
  }

  return {
    name: 'process',
    async pull(reference) {
      const description = await describedImage(cloud, reference, closing.signal)
      const pending = unpacked.get(description.digest) ?? unpack(description)
      unpacked.set(description.digest, pending)
      try {
        const ready = await pending
        const image: PulledImage = {
          reference,
          digest: description.digest,
          entryPoint: description.entryPoint,
          command: description.command,
        }
        images.set(image, ready)
        return image
      } catch (error) {
        unpacked.delete(description.digest)
        if (error instanceof PullError) throw error
        throw new PullError(`failed to pull ${reference}: ${error instanceof Error ? error.message : String(error)}`)
      }
    },
    async start(spec) {
      const image = images.get(spec.image)
      if (closing.signal.aborted) throw new StartError('the engine is closed')
      if (!image) throw new Error(`image ${spec.image.reference} was not pulled by this engine`)
      return await startProcess(spec, image, running)
    },
    async close() {
      closing.abort(new Error('the engine is closed'))
      await Promise.allSettled(unpacked.values())
      await Promise.all(
        [...running].map(async child => {
          const gone = new Promise(resolve => child.once('close', resolve))
          signalGroup(child, 'SIGKILL')
          await gone
        }),
      )
      await rm(directory, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

async function startProcess(
  spec: ContainerSpec,
  { description, root }: Unpacked,
  running: Set<ChildProcess>,
): Promise<RunningContainer> {
  const entryPoint = spec.entryPoint ?? description.entryPoint
  const command = spec.command ?? (spec.entryPoint ? [] : description.command)
  const [program = '', ...args] = [...entryPoint, ...command]
  if (description.architecture !== hostArchitecture || description.os !== 'linux') throw formatError(program)
  const workingDirectory = join(root, spec.workingDirectory ?? description.workingDirectory)
  const home = join(root, 'root')
  const temporary = join(root, 'tmp')
  for (const folder of [workingDirectory, home, temporary]) await mkdir(folder, { recursive: true })
  const environment = await environmentOf(spec, description, root, { HOME: home, TMPDIR: temporary })
  const executable = await executableOf(program, root, workingDirectory, environment.PATH ?? '')

  const child = spawnMerged(executable, args, workingDirectory, environment)
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', reject)
  })
  running.add(child)
  child.stdout?.on('data', (bytes: Buffer) => spec.onOutput(bytes))
  // the first process is the container: what it leaves behind ends with it, as in a PID namespace
  child.once('exit', () => signalGroup(child, 'SIGKILL'))
  const exited = new Promise<{ exitCode: number; outOfMemory: boolean }>(resolve => {
    child.once('close', (code, signal) => {
      running.delete(child)
      resolve({ exitCode: exitCodeOf(code, signal), outOfMemory: false })
    })
  })
  return {
    runtimeId: randomBytes(16).toString('hex'),
    hostPort: port => (port === spec.containerPorts?.[0] && environment.PORT ? Number(environment.PORT) : port),
    exited,
    signal: signal => {
      if (child.exitCode === null && child.signalCode === null) signalGroup(child, signal)
    },
    async exec([checkProgram = '', ...checkArgs], timeoutMs) {
      const file = await executableOf(checkProgram, root, workingDirectory, environment.PATH ?? '').catch(
        () => undefined,
      )
      // 127: what a shell says for a command that is not there
      return file === undefined
        ? 127
        : await runToEnd(file, checkArgs, workingDirectory, environment, timeoutMs, running)
    },
  }
}

/** One pipe for stdout and stderr, so that their order is kept; the shell is gone after its `exec`. */
function spawnMerged(file: string, args: readonly string[], cwd: string, env: Record<string, string>): ChildProcess {
  return spawn('/bin/sh', ['-c', 'exec "$0" "$@" 2>&1', file, ...args], {
    cwd,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
}

async function runToEnd(
  file: string,
  args: readonly string[],
  cwd: string,
  env: Record<string, string>,
  timeoutMs: number,
  running: Set<ChildProcess>,
): Promise<number> {
  const child = spawn(file, args, { cwd, env, detached: true, stdio: 'ignore' })
  running.add(child)
  const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), timeoutMs)
  try {
    return await new Promise<number>(resolve => {
      child.once('error', () => resolve(126))
      child.once('close', (code, signal) => resolve(exitCodeOf(code, signal)))
    })
  } finally {
    clearTimeout(timer)
    running.delete(child)
  }
}

/** Image's ENV, then the container's; PATH begins with the Node that runs this, then the image's and the host's. */
async function environmentOf(
  spec: ContainerSpec,
  description: ImageDescription,
  root: string,
  folders: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const ofImage = Object.fromEntries(
    description.environment.map(line => {
      const equals = line.indexOf('=')
      return equals < 0 ? [line, ''] : [line.slice(0, equals), line.slice(equals + 1)]
    }),
  )
  const given: Record<string, string> = { HOSTNAME: spec.name, ...folders, ...ofImage, ...spec.environment }
  const inImage = (given.PATH ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin').split(delimiter)
  const path = [
    dirname(process.execPath),
    ...inImage.map(entry => join(root, entry)),
    process.env.PATH ?? '/usr/bin:/bin',
  ]
  // a PORT that says the mapped port itself (PORT=8080) would let only one task of a service run on this machine
  const isOpen =
    given.PORT === undefined || (spec.publishPorts && spec.containerPorts?.map(String).includes(given.PORT))
  const wantsPort = isOpen && (description.exposesPorts || (spec.containerPorts?.length ?? 0) > 0)
  return { ...given, PATH: path.join(delimiter), ...(wantsPort ? { PORT: String(await freePort()) } : {}) }
}

/** Ports that were given away: a process may take a while to bind its own. */
const givenPorts = new Set<number>()

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  if (typeof address !== 'object' || address === null) throw new Error('no free port')
  if (givenPorts.has(address.port)) return await freePort()
  givenPorts.add(address.port)
  return address.port
}

function exitCodeOf(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal])
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch (error) {
    // ESRCH: the group is gone already
    if (!(isRecord(error) && error.code === 'ESRCH')) throw error
  }
}
