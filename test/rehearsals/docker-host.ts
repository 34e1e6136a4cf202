import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Host, LocalAws } from '@aws-deploy-actions/local-aws'

const FAKE_DOCKER = new URL('../support/fake-docker.sh', import.meta.url).pathname

/** A host with a compose project whose docker only remembers, and a web server that tells what runs there. */
export interface DockerHost {
  readonly host: Host
  /** the project's folder */
  readonly directory: string
  /** its path as scripts on the host see it */
  readonly path: string
  /** answers `{status, version}`: the tag that runs */
  readonly url: string
  /** what the server says instead of the tag; `undefined` ends it */
  pretend(version: string | undefined): void
  /** the tag that runs */
  running(): string | undefined
  /** of the project's env file */
  envFile(): string
  stop(): Promise<void>
}

export const INSTANCE = 'i-0123456789abcdef0'

/** @param place of one among several hosts, which have the project at one path; that takes a mount table of their own */
export async function addDockerHost(
  aws: LocalAws,
  environment: Readonly<Record<string, string>> = {},
  place: { readonly instanceId: string; readonly sharedDirectory?: string } = { instanceId: INSTANCE },
): Promise<DockerHost> {
  const folder = mkdtempSync(join(tmpdir(), 'docker-host-'))
  const host = await aws.addHost({
    ...place,
    tags: { Role: 'web' },
    tools: { docker: await readFile(FAKE_DOCKER, 'utf8') },
    environment: { FAKE_DOCKER: folder, ...environment },
  })
  const { sharedDirectory: shared } = place
  const directory = shared === undefined ? await host.projectDirectory('shop') : join(host.directory, 'shop')
  await mkdir(directory, { recursive: true })
  let pretended: string | undefined
  const running = (): string | undefined => contentOf(join(folder, 'container')).split(' ')[2]
  const server = createServer((_, answer) => {
    answer.setHeader('content-type', 'application/json')
    answer.end(JSON.stringify({ status: 'ok', version: pretended ?? running() ?? 'nothing' }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return {
    host,
    directory,
    path: shared === undefined ? directory : join(shared, 'shop'),
    url: `http://127.0.0.1:${address.port}/health`,
    pretend: version => {
      pretended = version
    },
    running,
    envFile: () => contentOf(join(directory, '.env')),
    stop: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return ''
  }
}
