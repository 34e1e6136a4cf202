import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type LocalAws, plant, startLocalAws } from '@aws-deploy-actions/local-aws'
import { type Postgres, startPostgres } from '../postgres.ts'
import type { RehearseOptions } from '../rehearse.ts'
import { putDocker } from './docker-command.ts'
import type { RehearsalFile } from './rehearsal-file.ts'
import { createServices } from './services.ts'

/** A local AWS, and a PostgreSQL server where databases are asked for. */
export interface Surroundings {
  readonly aws: LocalAws
  readonly postgres: Postgres | undefined
  /** for `rehearse` */
  readonly options: Required<
    Pick<RehearseOptions, 'environment' | 'credentials' | 'vars' | 'secrets' | 'environments' | 'path'>
  >
  /** what stands where, one line each */
  readonly told: readonly string[]
  stop(): Promise<void>
}

/**
 * Starts what `rehearsal.yml` asks for. In its texts `${database_host}`, `${database_port}`, `${database_user}`,
 * `${database_password}` and `${url}` (of the load balancer) are filled in.
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
    const aws = await startLocalAws({ engine, speed: file.speed, directory: join(folder, 'aws') })
    cleanUps.push(aws.stop)
    const postgres = file.databases.length === 0 ? undefined : await startPostgres()
    if (postgres !== undefined) cleanUps.push(postgres.stop)
    for (const database of file.databases) await postgres?.createDatabase(database)
    const values: Record<string, string> = {
      database_host: postgres?.host ?? '',
      database_port: String(postgres?.port ?? ''),
      database_user: postgres?.user ?? '',
      database_password: postgres?.password ?? '',
    }
    const fill = (texts: Readonly<Record<string, string>> = {}): Record<string, string> =>
      Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, filledIn(text, values)]))
    const { AWS_ENDPOINT_URL = '', AWS_REGION = 'eu-west-1', ...credentials } = aws.environment()
    const { cloud } = file
    await plant(
      { ...cloud, secrets: fill(cloud.secrets), parameters: fill(cloud.parameters) },
      aws.endpoint,
      AWS_REGION,
    )
    const docker = await putDocker(join(folder, 'bin'), aws)
    cleanUps.push(async () => docker.remove())
    const url = await createServices(aws, file.services, join(docker.folder, 'docker'))
    values['url'] = url ?? ''
    return {
      aws,
      postgres,
      options: {
        // Nothing of a rehearsal can reach AWS itself, with or without credentials.
        environment: { AWS_ENDPOINT_URL, AWS_EC2_METADATA_DISABLED: 'true' },
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
      },
      told: [
        `local AWS on ${aws.endpoint}, its slow steps ${file.speed} times as fast`,
        docker.how,
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
