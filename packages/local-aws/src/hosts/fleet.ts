import type { Access } from '../access.ts'
import { removeImagesFrom } from './compose-containers.ts'
import { Host, type HostSurroundings } from './host.ts'
import { checkedHostOptions, type HostOptions } from './options.ts'

/** The hosts of one cloud, in the order in which they were added. */
export class Fleet {
  readonly #hosts = new Map<string, Host>()
  readonly #adding = new Set<string>()
  readonly #access: Access
  readonly #surroundings: () => Omit<HostSurroundings, 'access'>

  /** @param surroundings asked when a host is added: the endpoint is known only then */
  constructor(access: Access, surroundings: () => Omit<HostSurroundings, 'access'>) {
    this.#access = access
    this.#surroundings = surroundings
  }

  /**
   * @throws Error for options that are wrong, or an id that is there
   */
  async add(options: HostOptions): Promise<Host> {
    const checked = checkedHostOptions(options)
    const { instanceId } = checked
    if (this.#hosts.has(instanceId) || this.#adding.has(instanceId)) throw new Error(`there is a host ${instanceId}`)
    this.#adding.add(instanceId)
    try {
      const host = await Host.started(checked, { ...this.#surroundings(), access: this.#access })
      this.#access.addRole(host.identity)
      this.#hosts.set(instanceId, host)
      return host
    } finally {
      this.#adding.delete(instanceId)
    }
  }

  find(instanceId: string): Host | undefined {
    return this.#hosts.get(instanceId)
  }

  /** @throws Error when there is none */
  named(instanceId: string): Host {
    const host = this.#hosts.get(instanceId)
    if (!host) throw new Error(`no host ${instanceId}`)
    return host
  }

  /** those of a region that have not been terminated */
  of(region: string): Host[] {
    return [...this.#hosts.values()].filter(host => host.region === region && host.state !== 'terminated')
  }

  all(): Host[] {
    return [...this.#hosts.values()]
  }

  async remove(instanceId: string): Promise<void> {
    const host = this.named(instanceId)
    this.#hosts.delete(instanceId)
    await host.close()
  }

  async close(): Promise<void> {
    const hosts = this.all()
    await Promise.all(hosts.map(host => host.close()))
    if (hosts.some(({ hasRun }) => hasRun)) await removeImagesFrom(this.#surroundings().registries)
    this.#hosts.clear()
  }
}
