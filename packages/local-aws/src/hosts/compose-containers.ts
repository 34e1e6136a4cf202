import { DockerApi, recordOf, textsOf } from '../engines/docker/api.ts'

/*
 * What compose has started for a host on the Docker Engine that all hosts of this machine share. Compose (v1 and v2)
 * labels everything with its project, and containers with the folder of the project too: that folder lies in the host's.
 */
const PROJECT = 'com.docker.compose.project'
const FOLDER = 'com.docker.compose.project.working_dir'

interface Found {
  readonly id: string
  readonly project: string
  readonly running: boolean
}

export interface ComposeContainers {
  /** kills what runs, as a power cut does */
  kill(): Promise<void>
  /** starts again what the engine of a machine would start with it: restart policies `always` and `unless-stopped` */
  boot(): Promise<void>
  /** removes the containers, networks and volumes of the host's projects */
  remove(): Promise<void>
}

/** @param isOfHost tells whether a project's folder (or a project that has no container left) is the host's */
export function composeContainers(isOfHost: (folder: string, project: string) => boolean): ComposeContainers {
  const api = engine()
  let killed: readonly Found[] = []

  /** nothing when no engine answers */
  async function listed(path: string, query: Record<string, string>): Promise<Record<string, unknown>[]> {
    const answer = await api.json('GET', path, { query }).catch(() => undefined)
    const entries = Array.isArray(answer) ? answer : Object.values(recordOf(answer)).find(value => Array.isArray(value))
    return Array.isArray(entries) ? entries.map(recordOf) : []
  }

  async function containers(): Promise<Found[]> {
    const filters = JSON.stringify({ label: [PROJECT] })
    return (await listed('/containers/json', { all: '1', filters }))
      .filter(({ Labels }) => isOfHost(label(Labels, FOLDER), label(Labels, PROJECT)))
      .map(({ Id, Labels, State }) => ({
        id: String(Id),
        project: label(Labels, PROJECT),
        running: State === 'running' || State === 'restarting',
      }))
  }

  return {
    async kill() {
      killed = (await containers()).filter(({ running }) => running)
      // moby: a kill that was asked for does not set off the restart policy
      await all(killed, ({ id }) => api.open('POST', `/containers/${id}/kill`))
    },
    async boot() {
      await all(killed, async ({ id }) => {
        const { HostConfig } = recordOf(await api.json('GET', `/containers/${id}/json`))
        const { Name } = recordOf(recordOf(HostConfig).RestartPolicy)
        if (Name === 'always' || Name === 'unless-stopped') await api.open('POST', `/containers/${id}/start`)
      })
      killed = []
    },
    async remove() {
      const found = await containers()
      const projects = new Set(found.map(({ project }) => project))
      await all(found, ({ id }) => api.open('DELETE', `/containers/${id}`, { query: { force: '1', v: '1' } }))
      const filters = JSON.stringify({ label: [PROJECT] })
      const isTheirs = (labels: unknown) => projects.has(label(labels, PROJECT)) || isOfHost('', label(labels, PROJECT))
      const networks = (await listed('/networks', { filters })).filter(({ Labels }) => isTheirs(Labels))
      await all(networks, ({ Id }) => api.open('DELETE', `/networks/${String(Id)}`))
      const volumes = (await listed('/volumes', { filters })).filter(({ Labels }) => isTheirs(Labels))
      await all(volumes, ({ Name }) => api.open('DELETE', `/volumes/${encodeURIComponent(String(Name))}`))
    },
  }
}

/** Removes what was pulled from this cloud's registries: their ports may be another cloud's next time. */
export async function removeImagesFrom(addresses: readonly string[]): Promise<void> {
  const api = engine()
  const answer = await api.json('GET', '/images/json').catch(() => undefined)
  const names = (Array.isArray(answer) ? answer : []).flatMap(image => {
    const { RepoTags, RepoDigests } = recordOf(image)
    return [...textsOf(RepoTags), ...textsOf(RepoDigests)]
  })
  const theirs = names.filter(name => addresses.some(address => name.startsWith(`${address}/`)))
  await all(theirs, name => api.open('DELETE', `/images/${name}`, { query: { force: '1' } }))
}

/** The engine that scripts use; one that is spoken to in another way (ssh) is taken for the default one. */
function engine(): DockerApi {
  const { DOCKER_HOST } = process.env
  return new DockerApi(/^(unix|tcp|http):/.test(DOCKER_HOST ?? '') ? DOCKER_HOST : undefined)
}

function label(labels: unknown, name: string): string {
  return String(recordOf(labels)[name] ?? '')
}

/** Does it for all at once; what is gone already or in use elsewhere is left alone. */
async function all<Item>(items: readonly Item[], act: (item: Item) => Promise<unknown>): Promise<void> {
  await Promise.allSettled(items.map(act))
}
