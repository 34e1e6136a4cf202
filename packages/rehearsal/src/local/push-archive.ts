import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createLog, systemClock } from '@aws-deploy-actions/action-runtime'
import {
  openArchive,
  pushContent,
  putVerified,
  RegistryConnection,
  Repository,
} from '@aws-deploy-actions/container-registry'
import { asValue, mapOf, textOf, type ValueMap } from '../syntax/values.ts'

/**
 * Pushes an image archive as `docker push` would.
 * @param target `host/name:tag`
 * @param write what is told meanwhile
 * @returns the digest that the registry has now
 */
export async function pushArchive(
  archive: string,
  target: string,
  login: Login | undefined,
  write: (text: string) => void,
): Promise<string> {
  const [, host = '', name = '', tag = ''] = /^([^/]+)\/(.+):([^:/]+)$/.exec(target) ?? []
  const { signal } = new AbortController()
  const image = await openArchive(archive, signal)
  try {
    const context = { clock: systemClock, log: createLog(write), signal, hide: () => {} }
    const connection = new RegistryConnection(host, login, context)
    const repository = new Repository(connection, name, undefined)
    await pushContent(image, repository)
    await putVerified(repository, tag, image.root)
    return image.root.digest
  } finally {
    await image.close()
  }
}

interface Login {
  readonly username: string
  readonly password: string
}

/** Where docker keeps it without a credential store: `auths` of config.json (docker/cli, configfile). */
export async function keepLogin(host: string, { username, password }: Login, config: string): Promise<void> {
  const settings = await settingsIn(config)
  const auth = Buffer.from(`${username}:${password}`).toString('base64')
  await mkdir(config, { recursive: true })
  await writeFile(
    join(config, 'config.json'),
    JSON.stringify({ ...settings, auths: { ...mapOf(settings['auths']), [host]: { auth } } }),
    { mode: 0o600 },
  )
}

/** What keepLogin kept. */
export async function loginOf(host: string, config: string): Promise<Login | undefined> {
  const { auth } = mapOf(mapOf((await settingsIn(config))['auths'])[host])
  const text = Buffer.from(textOf(auth ?? null), 'base64').toString()
  const [, username = '', password = ''] = /^([^:]*):(.*)$/s.exec(text) ?? []
  return username === '' ? undefined : { username, password }
}

async function settingsIn(config: string): Promise<ValueMap> {
  const text = await readFile(join(config, 'config.json'), 'utf8').catch(() => '{}')
  return mapOf(asValue(JSON.parse(text)))
}
