import { createInterface } from 'node:readline'
import { PullError, type PulledImage } from '../../engine.ts'
import type { LocalReference, Registry } from '../../registry/registry.ts'
import { type DockerApi, DockerApiError, recordOf, textsOf } from './api.ts'

interface EngineImage {
  readonly id: string
  readonly repoDigests: readonly string[]
  readonly entryPoint: readonly string[]
  readonly command: readonly string[]
}

/** undefined when the engine does not have it */
async function inspected(api: DockerApi, reference: string): Promise<EngineImage | undefined> {
  try {
    const image = recordOf(await api.json('GET', `/images/${encodeURI(reference)}/json`))
    const config = recordOf(image.Config)
    return {
      id: String(image.Id),
      repoDigests: textsOf(image.RepoDigests),
      entryPoint: textsOf(config.Entrypoint),
      command: textsOf(config.Cmd),
    }
  } catch (error) {
    if (error instanceof DockerApiError && error.status === 404) return undefined
    throw error
  }
}

/** name and tag or digest; a reference without either means `latest` */
function partsOf(reference: string): { readonly name: string; readonly tag: string } {
  const at = reference.indexOf('@')
  if (at >= 0) return { name: reference.slice(0, at), tag: reference.slice(at + 1) }
  const colon = reference.lastIndexOf(':')
  if (colon > reference.lastIndexOf('/')) return { name: reference.slice(0, colon), tag: reference.slice(colon + 1) }
  return { name: reference, tag: 'latest' }
}

/** The images that containers of this cloud run: pulled by the engine itself, with a password of its own each time. */
export class DockerImages {
  readonly #api: DockerApi
  readonly #registry: Pick<Registry, 'localReference' | 'engineAccess'>
  readonly #ids = new WeakMap<PulledImage, string>()
  /** references that were not on the engine before */
  readonly #added = new Set<string>()

  constructor(api: DockerApi, registry: Pick<Registry, 'localReference' | 'engineAccess'>) {
    this.#api = api
    this.#registry = registry
  }

  /** what the engine calls the image: a tag may have moved since it was pulled */
  idOf(image: PulledImage): string {
    return this.#ids.get(image) ?? this.#registry.localReference(image.reference).reference
  }

  #authorization(target: LocalReference): Record<string, string> {
    if (target.registry === undefined) return {}
    const { password } = this.#registry.engineAccess(target)
    const auth = { username: 'AWS', password, serveraddress: target.reference.split('/')[0] }
    // the engine wants the padding that base64url leaves out, and takes a header it cannot read for none
    const encoded = Buffer.from(JSON.stringify(auth)).toString('base64')
    return { 'x-registry-auth': encoded.replaceAll('+', '-').replaceAll('/', '_') }
  }

  /** @throws PullError with the engine's own text */
  async #fetch(target: LocalReference): Promise<void> {
    const { name, tag } = partsOf(target.reference)
    const query = { fromImage: name, tag }
    try {
      const progress = await this.#api.open('POST', '/images/create', { query, headers: this.#authorization(target) })
      for await (const line of createInterface({ input: progress })) {
        const { error } = recordOf(JSON.parse(line))
        if (typeof error === 'string') throw new PullError(error)
      }
    } catch (error) {
      throw error instanceof DockerApiError ? new PullError(error.message) : error
    }
  }

  /**
   * Images of this cloud's registry are pulled every time; others only when the engine does not have them yet.
   * @throws PullError with the engine's own text
   */
  async pull(reference: string): Promise<PulledImage> {
    const target = this.#registry.localReference(reference)
    const { name, tag } = partsOf(target.reference)
    const full = tag.startsWith('sha256:') ? `${name}@${tag}` : `${name}:${tag}`
    const before = await inspected(this.#api, full)
    if (before === undefined || target.registry !== undefined) await this.#fetch(target)
    const image = await inspected(this.#api, full)
    if (image === undefined) throw new PullError(`No such image: ${full}`)
    if (before === undefined) this.#added.add(full)
    const own = image.repoDigests.find(entry => entry.startsWith(`${name}@`))
    const pulled: PulledImage = {
      reference,
      digest: target.registry === undefined ? undefined : own?.slice(name.length + 1),
      entryPoint: image.entryPoint,
      command: image.command,
    }
    this.#ids.set(pulled, image.id)
    return pulled
  }

  /** removes what was not there before; what another container still uses stays */
  async remove(): Promise<void> {
    for (const reference of this.#added) {
      try {
        await this.#api.json('DELETE', `/images/${encodeURI(reference)}`)
      } catch (error) {
        if (!(error instanceof DockerApiError)) throw error
      }
    }
  }
}
