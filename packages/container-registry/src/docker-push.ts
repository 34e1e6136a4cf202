import { Failure } from '@aws-deploy-actions/action-runtime'
import { PermissionError } from '@aws-deploy-actions/aws-clients'
import { buildName, removeBuildName } from './build-name.ts'
import type { DockerContext } from './docker-build.ts'
import { docker, lastWords, passesByItself } from './docker-cli.ts'
import type { DockerConfig } from './docker-config.ts'
import { RegistryUnavailable } from './registry-error.ts'
import { MISSING_REPOSITORY } from './repository.ts'

/** Where docker or BuildKit push to. */
export interface PushTarget {
  /** what they call it: `host/name`, with or without a tag */
  readonly address: string
  /** prefix of the IAM actions that a denial would be about */
  readonly iam: 'ecr' | 'ecr-public'
  /** of the repository, where it is known */
  readonly arn: string | undefined
}

/**
 * Tags the image that dockerBuild built in the same context and pushes it. Its own name goes when that succeeded.
 * @param imageId what the build returned, for messages
 * @throws PermissionError; RegistryUnavailable for what another attempt may not meet; {@link ImmutableTag}; Failure
 */
export async function dockerPush(
  imageId: string,
  target: PushTarget,
  config: DockerConfig,
  { log, signal, folder }: Pick<DockerContext, 'log' | 'signal' | 'folder'>,
): Promise<void> {
  const { environment } = config
  const { address } = target
  const tagging = await docker({ arguments: ['tag', buildName(folder), address], environment, signal })
  if (tagging.exitCode !== 0) {
    throw new Failure('The built image is not there any more.', {
      resource: imageId,
      said: lastWords(tagging),
      saidBy: 'docker',
    })
  }
  const result = await docker({ arguments: ['--config', config.folder, 'push', address], environment, signal, log })
  if (result.exitCode !== 0) throw pushFailure(lastWords(result), target)
  await removeBuildName({ folder, signal, environment })
}

/** The registry keeps what the tag stands for. */
export class ImmutableTag extends Failure {
  override readonly name = 'ImmutableTag'
}

/** Why docker or BuildKit could not push, by what they said. @returns RegistryUnavailable for what another attempt may not meet */
export function pushFailure(said: string, { address, iam, arn }: PushTarget): Failure {
  const denied = (message: string, action: string): PermissionError =>
    new PermissionError(
      { code: 'DENIED', message, status: 403, retryAfterMs: undefined },
      `${iam}:${action}`,
      arn === undefined ? {} : { arn },
    )
  if (/is not authorized to perform/.test(said)) return denied(said, 'InitiateLayerUpload')
  const action = deniedRequest(said)
  if (action !== undefined) return denied(lastLine(said), action)
  const details = { resource: address, said, saidBy: 'docker' }
  if (/immutable/.test(said)) return new ImmutableTag('The tag cannot be moved.', details)
  if (/name unknown|repository .*not (?:found|exist)/i.test(said)) {
    return new Failure(`The repository of ${address} does not exist.`, { ...details, next: [MISSING_REPOSITORY] })
  }
  if (/denied|unauthorized|authentication required|no basic auth/i.test(said)) {
    return new Failure('The registry refused the push.', details)
  }
  // docker: "error parsing HTTP 403 response body: …" where the answer has no words of the registry's.
  if (/\b403\b/.test(said)) return denied(lastLine(said), 'InitiateLayerUpload')
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
