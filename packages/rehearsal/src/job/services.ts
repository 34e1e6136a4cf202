import { startPostgres } from '../postgres.ts'
import { evaluated } from '../syntax/evaluate.ts'
import { mapOf, textsOf, type Value } from '../syntax/values.ts'
import type { JobDefinition } from '../syntax/workflow-file.ts'
import type { JobState } from './job-state.ts'
import { recordStep } from './record-step.ts'

/**
 * Service containers. PostgreSQL is the embedded server, with the user, password and database of the image's variables
 * (docker-library/docs, postgres); its port is the one asked for, or a free one where the workflow leaves it open.
 */
export async function startServices(job: JobState, { fields }: JobDefinition): Promise<{ stop(): Promise<void> }> {
  const running: { stop(): Promise<void> }[] = []
  const token = fields.find('services')
  if (token !== undefined)
    await recordStep(job, 'Initialize containers', async ({ log }) => {
      for (const [name, service] of Object.entries(mapOf(evaluated(token, { contexts: job.contexts })))) {
        const { image, env, ports } = typeof service === 'string' ? { image: service } : mapOf(service)
        const label = String(image ?? '')
        // No image, no container (GitHub, "Workflow syntax", jobs.<job_id>.services.<service_id>.image).
        if (label === '') continue
        if (!/(?:^|\/)postgres(?::|$)/.test(label))
          throw new Error(`service ${name}: the rehearsal has a stand-in for postgres only, not for '${label}'`)
        const variables = textsOf(env)
        const wanted = portMapping(ports)
        const user = variables['POSTGRES_USER'] ?? 'postgres'
        const server = await startPostgres({
          user,
          password: variables['POSTGRES_PASSWORD'] ?? 'postgres',
          ...(wanted.host === undefined ? {} : { port: wanted.host }),
        })
        running.push(server)
        const database = variables['POSTGRES_DB'] ?? user
        if (database !== 'postgres') await server.createDatabase(database)
        job.services = {
          ...job.services,
          [name]: { id: name, network: 'host', ports: { '5432': String(server.port) } },
        }
        log.write(
          `Stand-in of the rehearsal for ${label}: the embedded PostgreSQL server on 127.0.0.1:${server.port}, database ${database}`,
        )
      }
      return 'success'
    })
  return {
    stop: async () => {
      for (const server of running.reverse()) await server.stop()
    },
  }
}

/** `5432:5432` asks for a port of the machine, `5432` leaves it open. */
function portMapping(ports: Value | undefined): { host: number | undefined } {
  const all = Array.isArray(ports) ? ports.map(String) : []
  const host = all.map(port => /^(\d+):5432(?:\/tcp)?$/.exec(port)?.[1]).find(port => port !== undefined)
  return { host: host === undefined ? undefined : Number(host) }
}
