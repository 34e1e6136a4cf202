import { mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Clock, Failure, type Log, systemClock } from '@aws-deploy-actions/action-runtime'
import type { RegistryCredentials } from './authorization.ts'
import { isRecord } from './content.ts'
import { docker, lastWords, passesByItself } from './docker-cli.ts'
import { backoffMs } from './registry-connection.ts'

/**
 * docker's configuration of one step: the user's own as it is now (registries, credential helpers, proxies, contexts,
 * plugins, builders) and the step's logins. The user's is only read; nothing is ever written back.
 */
export class DockerConfig {
  /** what DOCKER_CONFIG is set to */
  readonly folder: string
  readonly #users: string
  readonly #logins = new Map<string, Promise<void>>()
  #last: Promise<void> = Promise.resolve()

  private constructor(folder: string, users: string) {
    this.folder = folder
    this.#users = users
  }

  /** Makes the configuration inside `parent`. */
  static async inherited(parent: string, log: Log): Promise<DockerConfig> {
    const users = resolve(process.env['DOCKER_CONFIG'] || join(homedir(), '.docker'))
    const folder = join(parent, 'config')
    await mkdir(folder, { mode: 0o700 })
    // Without DOCKER_CERT_PATH docker looks for certificates beside its configuration (docker/cli, cli/flags).
    const besideConfig = process.env['DOCKER_TLS_VERIFY'] && !process.env['DOCKER_CERT_PATH']
    const certificates = besideConfig ? ['ca.pem', 'cert.pem', 'key.pem'] : []
    for (const name of ['contexts', 'cli-plugins', ...certificates]) {
      const source = join(users, name)
      if (await isThere(source)) await symlink(source, join(folder, name))
    }
    const config = await usersConfig(join(users, 'config.json'), log)
    await writeFile(join(folder, 'config.json'), JSON.stringify(config), { mode: 0o600 })
    return new DockerConfig(folder, users)
  }

  /** Variables that lead docker and its plugins here. Builders are the user's: buildx keeps their state beside his config. */
  get environment(): Readonly<Record<string, string>> {
    return {
      DOCKER_CONFIG: this.folder,
      BUILDX_CONFIG: process.env['BUILDX_CONFIG'] || join(this.#users, 'buildx'),
    }
  }

  /**
   * Logs docker in, once for each host; the password reaches it on its standard input. Faults that pass are ridden out.
   * @throws Failure with docker's words; the signal's reason
   */
  async login(
    host: string,
    credentials: RegistryCredentials,
    signal: AbortSignal,
    clock: Clock = systemClock,
  ): Promise<void> {
    const known = this.#logins.get(host)
    if (known !== undefined) return known
    // One after the other: docker reads, changes and writes the whole file.
    const login = this.#last.then(() => this.#login(host, credentials, signal, clock))
    this.#last = login.catch(() => undefined)
    this.#logins.set(host, login)
    return login
  }

  async #login(
    host: string,
    { username, password }: RegistryCredentials,
    signal: AbortSignal,
    clock: Clock,
  ): Promise<void> {
    await this.#keepInFile(host)
    for (let tries = 1; ; tries++) {
      const result = await docker({
        arguments: ['--config', this.folder, 'login', '--username', username, '--password-stdin', host],
        input: password,
        signal,
      })
      if (result.exitCode === 0) return
      const said = lastWords(result)
      // docker itself tries a login only once.
      if (!passesByItself(said)) {
        throw new Failure(`docker could not log in to ${host}.`, { resource: host, said, saidBy: 'docker' })
      }
      await clock.sleep(backoffMs(tries + 1, true, 0), signal)
    }
  }

  // With a credential store of the user's, or one that docker finds on the machine when it knows of no credentials at all
  // (docker/cli, DetectDefaultStore), the password would be left there. A helper without a name means: in this file
  // (docker/cli, ConfigFile.GetCredentialsStore).
  async #keepInFile(host: string): Promise<void> {
    const path = join(this.folder, 'config.json')
    const config: unknown = JSON.parse(await readFile(path, 'utf8'))
    const settings = isRecord(config) ? config : {}
    const helpers = isRecord(settings['credHelpers']) ? settings['credHelpers'] : {}
    const auths = isRecord(settings['auths']) ? settings['auths'] : {}
    const own = { ...settings, auths: { ...auths, [host]: {} }, credHelpers: { ...helpers, [host]: '' } }
    await writeFile(path, JSON.stringify(own), { mode: 0o600 })
  }
}

async function usersConfig(path: string, log: Log): Promise<Record<string, unknown>> {
  const text = await readFile(path, 'utf8').catch(() => '{}')
  try {
    const parsed: unknown = JSON.parse(text)
    if (isRecord(parsed)) return parsed
  } catch {
    // told below, as for any other content that is no object
  }
  log.notice('docker configuration not used', `${path} is not valid JSON; docker runs without it.`)
  return {}
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
