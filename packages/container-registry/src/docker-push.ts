import { Failure } from '@aws-deploy-actions/action-runtime'
import { PermissionError } from '@aws-deploy-actions/aws-clients'
import { buildName, removeBuildName } from './build-name.ts'
import type { DockerContext } from './docker-build.ts'
import { docker, lastWords, passesByItself } from './docker-cli.ts'
import type { DockerConfig } from './docker-config.ts'
import { RegistryUnavailable } from './registry-error.ts'
import { MISSING_REPOSITORY } from './repository.ts'

/**
 * Tags the image that dockerBuild built in the same context and pushes it. Its own name goes when that succeeded.
 * @param imageId what the build returned, for messages
 * @param kind prefix of the IAM actions that a denial would be about
 * @throws PermissionError; RegistryUnavailable for what another attempt may not meet; {@link ImmutableTag}; Failure
 */
export async function dockerPush(
  imageId: string,
  target: string,
  kind: 'ecr' | 'ecr-public',
  config: DockerConfig,
  { log, signal, folder }: Pick<DockerContext, 'log' | 'signal' | 'folder'>,
): Promise<void> {
  const { environment } = config
  const tagging = await docker({ arguments: ['tag', buildName(folder), target], environment, signal })
  if (tagging.exitCode !== 0) {
    throw new Failure('The built image is not there any more.', {
      resource: imageId,
      said: lastWords(tagging),
      saidBy: 'docker',
    })
  }
  const result = await docker({ arguments: ['--config', config.folder, 'push', target], environment, signal, log })
  if (result.exitCode !== 0) throw pushFailure(lastWords(result), target, kind)
  await removeBuildName({ folder, signal, environment })
}

/** The registry keeps what the tag stands for. */
export class ImmutableTag extends Failure {
  override readonly name = 'ImmutableTag'
}

/** Why docker or BuildKit could not push, by what they said. @returns RegistryUnavailable for what another attempt may not meet */
export function pushFailure(said: string, target: string, kind: 'ecr' | 'ecr-public'): Failure {
  if (/is not authorized to perform/.test(said)) {
    return new PermissionError(
      { code: 'DENIED', message: said, status: 403, retryAfterMs: undefined },
      `${kind}:InitiateLayerUpload`,
    )
  }
  const action = deniedRequest(said)
  if (action !== undefined) {
    return new PermissionError(
      { code: 'DENIED', message: lastLine(said), status: 403, retryAfterMs: undefined },
      `${kind}:${action}`,
    )
  }
  if (/immutable/.test(said))
    return new ImmutableTag('The tag cannot be moved.', { resource: target, said, saidBy: 'docker' })
  if (/name unknown|repository .*not (?:found|exist)/i.test(said)) {
    return new Failure(`The repository of ${target} does not exist.`, {
      resource: target,
      said,
      saidBy: 'docker',
      next: [MISSING_REPOSITORY],
    })
  }
  if (/denied|unauthorized|authentication required|no basic auth/i.test(said)) {
    return new Failure('The registry refused the push.', { resource: target, said, saidBy: 'docker' })
  }
  // docker: "error parsing HTTP 403 response body: …" where the answer has no words of the registry's.
  if (/\b403\b/.test(said)) {
    const message = lastLine(said)
    return new PermissionError(
      { code: 'DENIED', message, status: 403, retryAfterMs: undefined },
      `${kind}:InitiateLayerUpload`,
    )
  }
  const details = { resource: target, said, saidBy: 'docker' }
  if (passesByItself(said)) return new RegistryUnavailable('docker push failed.', details)
  return new Failure('docker push failed.', details)
}

function lastLine(said: string): string {
  return said.split('\n').findLast(line => line.trim() !== '') ?? said
}

/**
 * The action that a request without further words was refused for: BuildKit tells only "unexpected status from POST
 * request to https://…: 403 Forbidden" (containerd, remotes/docker).
 */
function deniedRequest(said: string): string | undefined {
  const [, method = '', url = ''] = /from (\w+) request to (\S+): 403 Forbidden/.exec(said) ?? []
  if (url === '') return undefined
  if (url.includes('/manifests/')) return method === 'PUT' ? 'PutImage' : 'BatchGetImage'
  if (url.includes('/blobs/uploads/')) {
    return { POST: 'InitiateLayerUpload', PATCH: 'UploadLayerPart' }[method] ?? 'CompleteLayerUpload'
  }
  return method === 'HEAD' ? 'BatchCheckLayerAvailability' : 'GetDownloadUrlForLayer'
}
