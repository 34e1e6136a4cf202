import { execFileSync } from 'node:child_process'
import { dirname } from 'node:path'
import type { StandIn, Use } from './stand-in.ts'

/** actions/setup-node: the Node that runs the rehearsal. */
export const setupNode: StandIn = {
  instead: 'uses the Node that runs the rehearsal, whatever version is asked for',
  run: ({ input, job, log, output }) => {
    const version = process.version.slice(1)
    const wanted = input('node-version')
    const major = /^v?(\d+)/.exec(wanted)?.[1]
    if (major !== undefined && major !== version.split('.')[0])
      job.settings.note(`setup-node: Node ${wanted} was asked for, ${version} is used`)
    output('node-version', `v${version}`)
    output('cache-hit', 'false')
    log.write(`node ${version} in ${dirname(process.execPath)}`)
  },
}

/** actions/setup-python: what the machine has. */
export const setupPython: StandIn = {
  instead: "uses this machine's python3, whatever version is asked for",
  run: ({ input, job, log, output, environment }) => {
    const [version = '', path = ''] =
      answer('python3', ['-c', 'import sys; print(sys.version.split()[0]); print(sys.executable)'], environment)?.split(
        '\n',
      ) ?? noPython()
    const wanted = input('python-version')
    if (wanted !== '' && !version.startsWith(wanted))
      job.settings.note(`setup-python: Python ${wanted} was asked for, ${version} is used`)
    output('python-version', version)
    output('python-path', path)
    log.write(`python ${version} at ${path}`)
  },
}

/** docker/setup-buildx-action: the engine's own builder. */
export const setupBuildx: StandIn = {
  instead: "leaves docker's own builder as it is",
  run: ({ output, environment, log }) => {
    const version = answer('docker', ['buildx', 'version'], environment)
    output('name', 'default')
    output('driver', 'docker')
    log.write(version ?? 'there is no buildx on this machine')
  },
}

/** actions/cache: a rehearsal begins with nothing. */
export const cache: StandIn = {
  instead: 'restores nothing and keeps nothing',
  run: ({ input, output, log }: Use) => {
    output('cache-hit', 'false')
    output('cache-primary-key', input('key'))
    if (input('fail-on-cache-miss') === 'true')
      throw new Error(`Failed to restore cache entry. Exiting as fail-on-cache-miss is set. Input key: ${input('key')}`)
    log.write(`Cache not found for input keys: ${input('key')}`)
  },
}

function answer(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): string | undefined {
  try {
    return execFileSync(command, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { PATH: environment['PATH'] ?? process.env['PATH'] ?? '' },
    }).trim()
  } catch {
    return undefined
  }
}

function noPython(): never {
  throw new Error('there is no python3 on this machine')
}
