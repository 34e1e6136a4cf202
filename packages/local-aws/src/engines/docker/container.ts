import { setTimeout as sleep } from 'node:timers/promises'
import { type ContainerSpec, type RunningContainer, StartError } from '../../engine.ts'
import { type DockerApi, DockerApiError, recordOf, textOf } from './api.ts'
import { forwardOutput } from './output.ts'

/** label that names the cloud a container belongs to */
export const cloudLabel = 'aws-deploy-actions.local-aws'

function creation(spec: ContainerSpec, imageId: string, cloud: string): Record<string, unknown> {
  const memory = spec.memoryMiB === undefined ? undefined : spec.memoryMiB * 1024 * 1024
  return {
    Image: imageId,
    // the engine drops the image's CMD when it gets an entry point
    ...(spec.entryPoint === undefined ? {} : { Entrypoint: spec.entryPoint }),
    ...(spec.command === undefined ? {} : { Cmd: spec.command }),
    Env: Object.entries(spec.environment).map(([key, value]) => `${key}=${value}`),
    ...(spec.workingDirectory === undefined ? {} : { WorkingDir: spec.workingDirectory }),
    ...(spec.user === undefined ? {} : { User: spec.user }),
    Labels: { [cloudLabel]: cloud },
    // ECS ignores the image's HEALTHCHECK; the task definition's health check is run by exec
    Healthcheck: { Test: ['NONE'] },
    AttachStdout: true,
    AttachStderr: true,
    ...(publishes(spec) ? { ExposedPorts: Object.fromEntries(portNames(spec).map(name => [name, {}])) } : {}),
    HostConfig: {
      ...network(spec),
      // output goes to the attached stream alone
      LogConfig: { Type: 'none' },
      // no swap: a limit is a limit
      ...(memory === undefined ? {} : { Memory: memory, MemorySwap: memory }),
    },
  }
}

function publishes({ publishPorts, containerPorts }: ContainerSpec): boolean {
  return publishPorts === true && (containerPorts?.length ?? 0) > 0
}

function portNames({ containerPorts }: ContainerSpec): string[] {
  return (containerPorts ?? []).map(port => `${port}/tcp`)
}

/**
 * On the host's network the containers of a task share localhost, as with awsvpc, and reach what listens on this
 * machine. Several tasks of one service cannot share its ports: a container that maps some is on a bridge of its own,
 * with free ports of the host's loopback before them; this machine is `host.docker.internal` to it.
 */
function network(spec: ContainerSpec): Record<string, unknown> {
  if (!publishes(spec)) return { NetworkMode: 'host' }
  return {
    NetworkMode: 'bridge',
    PortBindings: Object.fromEntries(portNames(spec).map(name => [name, [{ HostIp: '127.0.0.1', HostPort: '' }]])),
    ExtraHosts: ['host.docker.internal:host-gateway'],
  }
}

/** container port → port of the host's loopback */
async function publishedPorts(api: DockerApi, id: string): Promise<Map<number, number>> {
  const answer = await api.json('GET', `/containers/${id}/json`).catch((error: unknown) => {
    // gone already: it ended at once
    if (error instanceof DockerApiError) return {}
    throw error
  })
  const { NetworkSettings } = recordOf(answer)
  const { Ports } = recordOf(NetworkSettings)
  const pairs = Object.entries(recordOf(Ports)).flatMap(([name, bindings]): [number, number][] => {
    const first: unknown = Array.isArray(bindings) ? bindings[0] : undefined
    return first === undefined ? [] : [[Number.parseInt(name, 10), Number(recordOf(first).HostPort)]]
  })
  return new Map(pairs)
}

async function ignoringGone(call: Promise<unknown>): Promise<void> {
  try {
    await call
  } catch (error) {
    // 404 no such container, 409 not running
    if (!(error instanceof DockerApiError) || ![404, 409].includes(error.status)) throw error
  }
}

async function create(api: DockerApi, spec: ContainerSpec, imageId: string, cloud: string): Promise<string> {
  const query = { name: spec.name.replace(/[^a-zA-Z0-9_.-]/g, '-') }
  try {
    const { Id } = recordOf(
      await api.json('POST', '/containers/create', { query, body: creation(spec, imageId, cloud) }),
    )
    return String(Id)
  } catch (error) {
    throw error instanceof DockerApiError ? new StartError(error.message) : error
  }
}

async function remove(api: DockerApi, id: string): Promise<void> {
  await ignoringGone(api.json('DELETE', `/containers/${id}`, { query: { force: 'true', v: 'true' } }))
}

async function exitOf(api: DockerApi, id: string): Promise<{ exitCode: number; outOfMemory: boolean }> {
  const { StatusCode } = recordOf(await api.json('POST', `/containers/${id}/wait`))
  return { exitCode: Number(StatusCode), outOfMemory: await wasOutOfMemory(api, id) }
}

async function wasOutOfMemory(api: DockerApi, id: string): Promise<boolean> {
  try {
    const { State } = recordOf(await api.json('GET', `/containers/${id}/json`))
    return recordOf(State).OOMKilled === true
  } catch (error) {
    // removed by force while it was waited for: `close` did it, not the kernel
    if (error instanceof DockerApiError && error.status === 404) return false
    throw error
  }
}

async function exitCodeOfExec(
  api: DockerApi,
  id: string,
  command: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const body = { Cmd: command, AttachStdout: true, AttachStderr: true }
  const created = recordOf(await api.json('POST', `/containers/${id}/exec`, { body, signal }))
  const exec = String(created.Id)
  try {
    await textOf(await api.open('POST', `/exec/${exec}/start`, { body: { Detach: false, Tty: false }, signal }))
  } catch (error) {
    if (!(error instanceof DockerApiError)) throw error
  }
  const { ExitCode } = recordOf(await api.json('GET', `/exec/${exec}/json`, { signal }))
  // the engine refuses to start what is not in the image; a shell says 127 for that
  return typeof ExitCode === 'number' ? ExitCode : 127
}

/**
 * Creates, attaches to and starts a container. Its output is attached before it starts: no line is lost.
 * @throws StartError with the engine's own text
 */
export async function startContainer(
  api: DockerApi,
  spec: ContainerSpec,
  imageId: string,
  cloud: string,
): Promise<RunningContainer> {
  const id = await create(api, spec, imageId, cloud)
  const query = { stream: 'true', stdout: 'true', stderr: 'true' }
  const attached = await api.open('POST', `/containers/${id}/attach`, { query })
  const output = forwardOutput(attached, spec.onOutput)
  // awaited at the end; a connection that breaks before must not end this process
  output.catch(() => undefined)
  try {
    await api.json('POST', `/containers/${id}/start`)
  } catch (error) {
    attached.destroy()
    await remove(api, id)
    throw error instanceof DockerApiError ? new StartError(error.message) : error
  }
  const ports = publishes(spec) ? await publishedPorts(api, id) : new Map<number, number>()
  const exited = exitOf(api, id).then(async exit => {
    await output
    await remove(api, id)
    return exit
  })
  // the caller may look at it later than it fails
  exited.catch(() => undefined)
  return {
    runtimeId: id,
    hostPort: containerPort => ports.get(containerPort) ?? containerPort,
    exited,
    signal(signal) {
      ignoringGone(api.json('POST', `/containers/${id}/kill`, { query: { signal } })).catch(() => undefined)
    },
    async exec(command, timeoutMs) {
      const over = new AbortController()
      const exitCode = exitCodeOfExec(api, id, command, over.signal)
      const late = sleep(timeoutMs, 137, { signal: over.signal })
      try {
        return await Promise.race([exitCode, late])
      } catch (error) {
        // gone while it was asked: as a killed command
        if (error instanceof DockerApiError) return 137
        throw error
      } finally {
        over.abort()
        exitCode.catch(() => undefined)
        late.catch(() => undefined)
      }
    },
  }
}

/** kills and removes every container that carries the cloud's label */
export async function removeContainers(api: DockerApi, cloud: string): Promise<void> {
  const filters = JSON.stringify({ label: [`${cloudLabel}=${cloud}`] })
  const list = await api.json('GET', '/containers/json', { query: { all: 'true', filters } })
  if (!Array.isArray(list)) return
  await Promise.all(list.map((container: unknown) => remove(api, String(recordOf(container).Id))))
}
