import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { Failure } from '@aws-deploy-actions/action-runtime'
import { PermissionError } from '@aws-deploy-actions/aws-clients'
import type { RegistryCredentials } from './authorization.ts'
import { isRecord } from './content.ts'
import type { DockerContext } from './docker-build.ts'
import { docker, lastWords } from './docker-cli.ts'
import { RegistryUnavailable } from './registry-error.ts'
import { MISSING_REPOSITORY } from './repository.ts'

/**
 * Logs docker in, in a configuration of this step only: the user's own is never written to. The password reaches docker on
 * its standard input.
 *
 * @returns the folder of that configuration, inside `folder`
 * @throws Failure with docker's words
 */
export async function dockerLogin(
  host: string,
  { username, password }: RegistryCredentials,
  { folder, signal }: Pick<DockerContext, 'folder' | 'signal'>,
): Promise<string> {
  const config = join(folder, 'config')
  await mkdir(config, { mode: 0o700 })
  await writeInitialConfig(config, host)
  const result = await docker({
    arguments: ['--config', config, 'login', '--username', username, '--password-stdin', host],
    input: password,
    signal,
  })
  if (result.exitCode !== 0) {
    throw new Failure(`docker could not log in to ${host}.`, { resource: host, said: lastWords(result) })
  }
  return config
}

// A config without any credentials makes docker look for a keyring of the machine (docker/cli, DetectDefaultStore) and
// would leave the password there: an empty entry prevents it. The user's docker context is kept, so that the push goes to
// the Engine that built.
async function writeInitialConfig(folder: string, host: string): Promise<void> {
  const users = process.env['DOCKER_CONFIG'] || join(homedir(), '.docker')
  const text = await readFile(join(users, 'config.json'), 'utf8').catch(() => '{}')
  let current: unknown
  try {
    const parsed: unknown = JSON.parse(text)
    current = isRecord(parsed) ? parsed['currentContext'] : undefined
  } catch {
    // docker itself complains about a config that it cannot read
  }
  await symlink(join(users, 'contexts'), join(folder, 'contexts'))
  const config = { auths: { [host]: {} }, ...(typeof current === 'string' ? { currentContext: current } : {}) }
  await writeFile(join(folder, 'config.json'), JSON.stringify(config), { mode: 0o600 })
}

/**
 * Tags a local image and pushes it.
 * @param config what {@link dockerLogin} returned
 * @param kind prefix of the IAM actions that a denial would be about
 * @throws PermissionError; RegistryUnavailable for what another attempt may not meet; {@link ImmutableTag}; Failure
 */
export async function dockerPush(
  imageId: string,
  target: string,
  kind: 'ecr' | 'ecr-public',
  config: string,
  { log, signal }: Pick<DockerContext, 'log' | 'signal'>,
): Promise<void> {
  const tagging = await docker({ arguments: ['tag', imageId, target], signal })
  if (tagging.exitCode !== 0) {
    throw new Failure('The built image is not there any more.', { resource: imageId, said: lastWords(tagging) })
  }
  const result = await docker({ arguments: ['--config', config, 'push', target], signal, log })
  if (result.exitCode !== 0) throw pushFailure(lastWords(result), target, kind)
}

/** The registry keeps what the tag stands for. */
export class ImmutableTag extends Failure {
  override readonly name = 'ImmutableTag'
}

function pushFailure(said: string, target: string, kind: 'ecr' | 'ecr-public'): Failure {
  if (/is not authorized to perform/.test(said)) {
    return new PermissionError(
      { code: 'DENIED', message: said, status: 403, retryAfterMs: undefined },
      `${kind}:InitiateLayerUpload`,
    )
  }
  if (/immutable/.test(said)) return new ImmutableTag('The tag cannot be moved.', { resource: target, said })
  if (/name unknown|repository .*not (?:found|exist)/i.test(said)) {
    return new Failure(`The repository of ${target} does not exist.`, {
      resource: target,
      said,
      next: [MISSING_REPOSITORY],
    })
  }
  if (/denied|unauthorized|authentication required|no basic auth/i.test(said)) {
    return new Failure('The registry refused the push.', { resource: target, said })
  }
  return new RegistryUnavailable('docker push failed.', { resource: target, said })
}
