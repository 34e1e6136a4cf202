import { randomUUID } from 'node:crypto'
import type { Engine } from '../engine.ts'
import type { Registry } from '../registry/registry.ts'
import { DockerApi, recordOf } from './docker/api.ts'
import { removeContainers, startContainer } from './docker/container.ts'
import { DockerImages } from './docker/images.ts'

export interface DockerEngineOptions {
  /** maps references to this cloud's registry and makes the passwords for it */
  readonly registry: Pick<Registry, 'localReference' | 'engineAccess'>
  /** default: DOCKER_HOST of the environment, else the engine's usual socket */
  readonly dockerHost?: string
  /** told which engine answers, or why there is none */
  readonly log?: (line: string) => void
}

const answerWithinMs = 3000

/**
 * Containers on the Docker Engine: on the host's network, with hard memory limits, removed when they have ended.
 * @returns undefined when no Linux engine answers; `log` is told the reason
 */
export async function dockerEngine(options: DockerEngineOptions): Promise<Engine | undefined> {
  const { registry, log = () => undefined } = options
  const cloud = randomUUID()
  let api: DockerApi
  try {
    api = new DockerApi(options.dockerHost ?? process.env.DOCKER_HOST)
    const signal = AbortSignal.timeout(answerWithinMs)
    const { Version, Os, Arch } = recordOf(await api.json('GET', '/version', { signal }))
    if (Os !== 'linux') {
      log(`the Docker Engine runs ${String(Os)} containers, not linux ones`)
      return undefined
    }
    log(`Docker Engine ${String(Version)} (${String(Os)}/${String(Arch)})`)
  } catch (error) {
    log(`no Docker Engine answers: ${error instanceof Error ? error.message : String(error)}`)
    return undefined
  }
  const images = new DockerImages(api, registry)
  return {
    name: 'docker',
    pull: reference => images.pull(reference),
    start: spec => startContainer(api, spec, images.idOf(spec.image), cloud),
    async close() {
      await removeContainers(api, cloud)
      await images.remove()
    },
  }
}
