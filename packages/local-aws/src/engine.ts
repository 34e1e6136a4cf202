/** An image as it lies ready to run on an engine. */
export interface PulledImage {
  /** as the task definition has it */
  readonly reference: string
  /** `sha256:…` of the manifest that was resolved; undefined where the image came from outside our registry */
  readonly digest: string | undefined
  readonly entryPoint: readonly string[]
  readonly command: readonly string[]
}

export interface ContainerSpec {
  /** unique on this machine; the engine may use it as the container's name */
  readonly name: string
  readonly image: PulledImage
  /** replaces the image's ENTRYPOINT and, as in Docker, drops its CMD */
  readonly entryPoint?: readonly string[]
  /** replaces the image's CMD */
  readonly command?: readonly string[]
  /** added to the image's own ENV */
  readonly environment: Readonly<Record<string, string>>
  readonly workingDirectory?: string
  readonly user?: string
  /** ports that the task definition maps; the process engine gives the container a `PORT` of its own for the first */
  readonly containerPorts?: readonly number[]
  /** other containers with the same ports run beside it: each must be reachable under a host port of its own */
  readonly publishPorts?: boolean
  /** hard limit; only the docker engine can enforce it */
  readonly memoryMiB?: number
  /** raw bytes in the order they were written; never called after `exited` has settled */
  readonly onOutput: (bytes: Buffer) => void
}

export interface RunningContainer {
  readonly runtimeId: string
  /** where on 127.0.0.1 a port of the container's can be reached */
  hostPort(containerPort: number): number
  /** settles once, after all output has been handed to `onOutput`; a signal n is exit code 128+n */
  readonly exited: Promise<{ readonly exitCode: number; readonly outOfMemory: boolean }>
  /** asks the container's process to end; no error when it is gone already */
  signal(signal: 'SIGTERM' | 'SIGKILL'): void
  /** runs a command inside (health checks); its exit code, 137 after the time-out (ms) */
  exec(command: readonly string[], timeoutMs: number): Promise<number>
}

/** Where containers really run. */
export interface Engine {
  readonly name: 'process' | 'docker'
  /** @throws PullError */
  pull(reference: string): Promise<PulledImage>
  /** @throws StartError */
  start(spec: ContainerSpec): Promise<RunningContainer>
  /** kills what still runs and removes what was unpacked or created */
  close(): Promise<void>
}

/** The image could not be had; `message` is the runtime's own text, which ECS shows inside CannotPullContainerError. */
export class PullError extends Error {
  override readonly name = 'PullError'
}

/** The container could not be started (no such executable, wrong architecture); `message` is the runtime's own text. */
export class StartError extends Error {
  override readonly name = 'StartError'
}
