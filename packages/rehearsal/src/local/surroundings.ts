import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type LocalAws, plant, startLocalAws } from '@aws-deploy-actions/local-aws'
import { freePort, type Postgres, startPostgres } from '../postgres.ts'
import type { RehearseOptions } from '../rehearse.ts'
import { putDocker } from './docker-command.ts'
import { doorTo } from './door.ts'
import { engineHere } from './engine.ts'
import { addHosts } from './hosts.ts'
import { putNpm } from './npm-command.ts'
import type { RehearsalFile } from './rehearsal-file.ts'
import { createServices, registerTaskDefinitions } from './services.ts'

/** A local AWS, and a PostgreSQL server where databases are asked for. */
export interface Surroundings {
  readonly aws: LocalAws
  readonly postgres: Postgres | undefined
  /** for `rehearse` */
  readonly options: Required<
    Pick<RehearseOptions, 'environment' | 'credentials' | 'vars' | 'secrets' | 'environments' | 'path' | 'origins'>
  >
  /** what stands where, one line each */
  readonly told: readonly string[]
  stop(): Promise<void>
}

/**
 * Starts what `rehearsal.yml` asks for. In its texts `${account}`, `${region}`, `${database_host}`, `${database_port}`, `${database_user}`,
 * `${database_password}`, `${url}` (of the load balancer) and `${internal_url}` (the same, for containers),
 * `${public_registry}` (of ECR Public, with the alias) and `${free_port}` are filled in.
 * @param engine where containers run: processes of this machine, which are not isolated, or the Docker Engine
 */
export async function startSurroundings(
  file: RehearsalFile,
  engine: 'process' | 'docker' | 'auto' = 'process',
): Promise<Surroundings> {
  const folder = await mkdtemp(join(tmpdir(), 'surroundings-'))
  const cleanUps: (() => Promise<void>)[] = [() => rm(folder, { recursive: true, force: true })]
  const stop = async (): Promise<void> => {
    for (let cleanUp = cleanUps.pop(); cleanUp !== undefined; cleanUp = cleanUps.pop()) await cleanUp()
  }
  try {
    const chosen = await engineHere(engine, folder)
    const aws = await startLocalAws({ engine: chosen.name, speed: file.speed, directory: join(folder, 'aws') })
    const docker = await putDocker(join(folder, 'bin'), aws, chosen)
    let forgetHosts = async (): Promise<void> => {}
    // Images can be removed when no container runs any more.
    cleanUps.push(docker.remove, () => forgetHosts(), aws.stop)
    await putNpm(docker.folder)
    /** Where containers find what listens on this machine's loopback. */
    const inside = async (port: number): Promise<{ readonly host: string; readonly port: number }> => {
      if (chosen.name === 'process') return { host: '127.0.0.1', port }
      const door = await doorTo(port, chosen.gateway)
      cleanUps.push(async () => door.close())
      return door
    }
    const postgres = file.databases.length === 0 ? undefined : await startPostgres()
    if (postgres !== undefined) cleanUps.push(postgres.stop)
    for (const database of file.databases) await postgres?.createDatabase(database)
    const database = postgres === undefined ? undefined : await inside(postgres.port)
    const { AWS_ENDPOINT_URL = '', AWS_REGION = 'eu-west-1', ...credentials } = aws.environment()
    const values: Record<string, string> = {
      free_port: String(await freePort()),
      public_registry: `${aws.publicRegistryAddress}/${aws.publicRegistryAlias}`,
      account: aws.accountId,
      region: AWS_REGION,
      database_host: database?.host ?? '',
      database_port: String(database?.port ?? ''),
      database_user: postgres?.user ?? '',
      database_password: postgres?.password ?? '',
    }
    const fill = (texts: Readonly<Record<string, string>> = {}): Record<string, string> =>
      Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, filledIn(text, values)]))
    const { cloud } = file
    await plant(
      { ...cloud, secrets: fill(cloud.secrets), parameters: fill(cloud.parameters) },
      aws.endpoint,
      AWS_REGION,
    )
    const hosts = await addHosts(aws, file.hosts, join(folder, 'git'))
    forgetHosts = hosts.forget
    await registerTaskDefinitions(
      aws,
      file.taskDefinitions.map((definition): unknown => JSON.parse(filledIn(JSON.stringify(definition), values))),
    )
    const url = await createServices(aws, file.services, join(docker.folder, 'docker'))
    if (url !== undefined) {
      const { host, port } = await inside(Number(new URL(url).port))
      Object.assign(values, { url, internal_url: `http://${host}:${port}` })
    }
    return {
      aws,
      postgres,
      options: {
        // Nothing of a rehearsal can reach AWS itself, with or without credentials.
        environment: {
          AWS_ENDPOINT_URL,
          AWS_EC2_METADATA_DISABLED: 'true',
          // For what it has had before npm then needs no network.
          npm_config_prefer_offline: 'true',
          // A pipeline starts Node a hundred times.
          NODE_COMPILE_CACHE: join(folder, 'compile-cache'),
        },
        credentials: { ...credentials, AWS_ACCOUNT_ID: aws.accountId },
        vars: fill(file.vars),
        secrets: fill(file.secrets),
        environments: Object.fromEntries(
          Object.entries(file.environments).map(([name, { vars, secrets }]) => [
            name,
            { vars: fill(vars), secrets: fill(secrets) },
          ]),
        ),
        path: [docker.folder],
        origins: hosts.origins,
      },
      told: [
        `local AWS on ${aws.endpoint}, its slow steps ${file.speed} times as fast`,
        chosen.how,
        ...(postgres === undefined
          ? []
          : [`PostgreSQL on ${postgres.host}:${postgres.port}: ${file.databases.join(', ')}`]),
        ...(url === undefined ? [] : [`${file.services.map(({ name }) => name).join(', ')} behind ${url}`]),
      ],
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

function filledIn(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\$\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole)
}
