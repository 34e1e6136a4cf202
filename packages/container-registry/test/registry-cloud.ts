import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, Deadline, type Log, systemClock } from '@aws-deploy-actions/action-runtime'
import type { Calling } from '@aws-deploy-actions/aws-clients'
import {
  type EcrLogin,
  type EcrRepository,
  ecrLogin,
  ecrRepository,
  openArchive,
  type PushRecord,
  pushContent,
  putVerified,
  RegistryConnection,
  type RegistryContext,
  Repository,
} from '@aws-deploy-actions/container-registry'
import { type LocalAws, type LocalAwsOptions, startLocalAws } from '@aws-deploy-actions/local-aws'
import { CreateRepositoryCommand, type CreateRepositoryCommandInput, ECRClient } from '@aws-sdk/client-ecr'
import { type Member, writeTar } from '../../../test/support/sample-archives.ts'

/** waits are a twentieth of the real ones */
export const hastyClock: Clock = { ...systemClock, sleep: (ms, aborted) => systemClock.sleep(ms / 20, aborted) }

export function logInto(lines: string[]): Log {
  const add = (text: string): void => {
    lines.push(text)
  }
  return {
    info: add,
    outside: () => undefined,
    debug: () => undefined,
    notice: (_, text) => add(text),
    warning: (_, text) => add(text),
    error: add,
    group: (_, body) => body(),
  }
}

/** A local AWS, logged in to, and what tests do with its registry. */
export interface RegistryCloud {
  readonly aws: LocalAws
  readonly ecr: ECRClient
  readonly login: EcrLogin
  readonly folder: string
  /** what was logged */
  readonly lines: string[]
  /** what every call and request is made with; a test may end it */
  step(signal?: AbortSignal, timeMs?: number): Calling & RegistryContext & { signal: AbortSignal }
  /** a new private repository */
  repository(
    settings?: Partial<CreateRepositoryCommandInput>,
    signal?: AbortSignal,
  ): Promise<{ place: EcrRepository; repository: Repository }>
  connection(host?: string, credentials?: EcrLogin['credentials'], signal?: AbortSignal): RegistryConnection
  /** pushes an archive of these members under a tag */
  push(members: readonly Member[], target: Repository, tag?: string): Promise<PushRecord & { digest: string }>
  /** `PATCH upload 202` …, of one repository */
  requests(name: string): string[]
  stop(): Promise<void>
}

export async function startRegistryCloud(options: LocalAwsOptions = {}): Promise<RegistryCloud> {
  const before = { ...process.env }
  const folder = mkdtempSync(join(tmpdir(), 'registry-'))
  const aws = await startLocalAws({ speed: 50, ...options })
  Object.assign(process.env, aws.environment())
  const ecr = new ECRClient({ region: 'eu-west-1' })
  const lines: string[] = []
  const log = logInto(lines)
  const step: RegistryCloud['step'] = (signal = new AbortController().signal, timeMs = 30_000) => ({
    clock: hastyClock,
    log,
    deadline: new Deadline(hastyClock, timeMs),
    signal,
    hide: () => undefined,
  })
  const login = await ecrLogin('private', 'eu-west-1', step(), () => undefined)
  const open: RegistryConnection[] = []
  const connection: RegistryCloud['connection'] = (
    host = aws.registryAddress,
    credentials = login.credentials,
    signal,
  ) => {
    const made = new RegistryConnection(host, credentials, step(signal))
    open.push(made)
    return made
  }
  let counter = 0
  return {
    aws,
    ecr,
    login,
    folder,
    lines,
    step,
    connection,
    repository: async (settings, signal) => {
      const name = `team/app-${counter++}`
      await ecr.send(new CreateRepositoryCommand({ repositoryName: name, ...settings }))
      const wanted = { registry: 'private', name, owner: undefined, region: undefined, uri: undefined } as const
      const place = await ecrRepository(wanted, 'eu-west-1', step(), async () => undefined)
      return { place, repository: new Repository(connection(undefined, undefined, signal), name, 'ecr') }
    },
    push: async (members, target, tag = 'v1') => {
      const { signal } = target.connection.context
      const archive = await openArchive(writeTar(join(folder, `${counter++}.tar`), members), signal)
      try {
        const record = await pushContent(archive, target)
        await putVerified(target, tag, archive.root)
        return { ...record, digest: archive.root.digest }
      } finally {
        await archive.close()
      }
    },
    requests: name =>
      aws
        .journal()
        .filter(({ service, input }) => service === 'registry' && JSON.stringify(input).includes(`"${name}"`))
        .map(({ operation, status }) => `${operation} ${status}`),
    stop: async () => {
      for (const connection of open) connection.close()
      ecr.destroy()
      process.env = before
      await aws.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
