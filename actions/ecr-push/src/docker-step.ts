import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type Builder,
  buildKitMissing,
  DockerConfig,
  type DockerContext,
  dockerFolder,
  removeDockerFolder,
  selectedBuilder,
} from '@aws-deploy-actions/container-registry'
import { builderPlatform } from './builder-platform.ts'
import type { Inputs } from './inputs.ts'
import type { Step } from './step.ts'

/** docker as this step uses it, all images alike. */
export interface DockerSession {
  readonly builder: Builder
  readonly config: DockerConfig
  /** what is built where no platform is given; undefined where docker does not tell */
  platform(): Promise<string | undefined>
  /** what the build of one image runs in */
  context(step: Step): Promise<DockerContext>
}

/** docker is only looked for when something is built; what it leaves is removed at the end, or by `post`. */
export class StepDocker {
  readonly #inputs: Inputs
  readonly #step: Step
  #folder: string | undefined
  #session: Promise<DockerSession> | undefined

  constructor(inputs: Inputs, step: Step) {
    this.#inputs = inputs
    this.#step = step
  }

  /** @throws Failure that names the inputs which need BuildKit, where docker has none; before anything is built */
  async check(): Promise<void> {
    const wanted = buildKitInputs(this.#inputs)
    if (wanted.length === 0) return
    const { builder } = await this.session()
    const failure = builder.kind === 'classic' ? buildKitMissing(wanted) : undefined
    if (failure !== undefined) throw failure
  }

  session(): Promise<DockerSession> {
    this.#session ??= this.#start()
    return this.#session
  }

  async close(): Promise<void> {
    if (this.#folder === undefined) return
    await removeDockerFolder(this.#folder, this.#step.runtime.environment.temp)
    await this.#step.runtime.remember('docker-folder', '')
  }

  async #start(): Promise<DockerSession> {
    const { log, signal, runtime } = this.#step
    const { temp, workspace } = runtime.environment
    const folder = await dockerFolder(temp)
    this.#folder = folder
    // Remembered before docker runs: if this process is killed, post ends docker and removes the login.
    await runtime.remember('docker-folder', folder)
    const config = await DockerConfig.inherited(folder, log)
    const { environment } = config
    const builder = await selectedBuilder(signal, environment)
    let builds = 0
    let platform: Promise<string | undefined> | undefined
    return {
      builder,
      config,
      platform: () => {
        platform ??= builderPlatform(builder, environment, signal)
        return platform
      },
      context: async step => {
        const own = join(folder, `build-${builds++}`)
        await mkdir(own)
        return { log: step.log, signal, folder: own, workspace, environment }
      },
    }
  }
}

/** The inputs that are given and that the classic builder does not have, by name. One platform it can do. */
function buildKitInputs({ images, cache }: Inputs): string[] {
  const builds = images.flatMap(({ source }) => (source.kind === 'build' ? [source] : []))
  return [
    ...(builds.some(({ secrets }) => secrets.length > 0) ? ['build-secrets'] : []),
    ...(builds.some(({ contexts }) => contexts.size > 0) ? ['build-contexts'] : []),
    ...(builds.some(({ platforms }) => platforms.length > 1) ? ['platforms'] : []),
    ...(builds.length > 0 && cache !== 'none' ? ['cache'] : []),
  ]
}
