import { AwsError, type Calling, call, sdkConfig } from '@aws-deploy-actions/aws-clients'
import {
  BatchGetImageCommand,
  DescribePullThroughCacheRulesCommand,
  ECRClient,
  GetDownloadUrlForLayerCommand,
  type Image,
} from '@aws-sdk/client-ecr'
import type { Seen } from './images.ts'
import { platformsOf } from './platforms.ts'

/** An image in ECR private. */
export interface PrivateImage {
  /** the account; undefined for the caller's own */
  readonly registryId: string | undefined
  readonly region: string
  readonly repository: string
  /** neither tag nor digest means `latest` */
  readonly tag: string | undefined
  readonly digest: string | undefined
}

// All four: without the lists BatchGetImage fails for an index (API reference, BatchGetImage).
const MANIFESTS = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
]

/** The image with its manifest; undefined when the image or its repository is not there. @throws PermissionError */
export async function manifestOf(image: PrivateImage, calling: Calling): Promise<Image | undefined> {
  const { tag, digest } = image
  const version = digest === undefined ? { imageTag: tag ?? 'latest' } : { imageDigest: digest }
  try {
    const { images = [] } = await call('ecr:BatchGetImage', calling, options =>
      new ECRClient(sdkConfig(image.region)).send(
        new BatchGetImageCommand({ ...repositoryOf(image), imageIds: [version], acceptedMediaTypes: MANIFESTS }),
        options,
      ),
    )
    return images[0]
  } catch (error) {
    if (error instanceof AwsError && error.code === 'RepositoryNotFoundException') return undefined
    throw error
  }
}

/**
 * Looks for an image with the API of ECR.
 * @param withPlatforms else none are looked up
 * @throws PermissionError
 */
export async function privateImage(image: PrivateImage, withPlatforms: boolean, calling: Calling): Promise<Seen> {
  const found = await manifestOf(image, calling)
  const ecr = new ECRClient(sdkConfig(image.region))
  if (found?.imageManifest === undefined) {
    return (await mayBePulledThrough(ecr, image.repository, calling))
      ? { unknown: 'the pull-through cache may still fetch it' }
      : undefined
  }
  if (!withPlatforms) return { platforms: [] }
  const platforms = await platformsOf(found.imageManifest, ({ digest }) =>
    call('ecr:GetDownloadUrlForLayer', calling, async options => {
      const { downloadUrl } = await ecr.send(
        new GetDownloadUrlForLayerCommand({ ...repositoryOf(image), layerDigest: digest }),
        options,
      )
      const answer = downloadUrl === undefined ? undefined : await fetch(downloadUrl, { signal: options.abortSignal })
      const config: unknown = answer?.ok ? await answer.json() : undefined
      return config
    }),
  )
  return { platforms }
}

function repositoryOf({ repository, registryId }: PrivateImage): { repositoryName: string; registryId?: string } {
  return { repositoryName: repository, ...(registryId === undefined ? {} : { registryId }) }
}

async function mayBePulledThrough(ecr: ECRClient, repository: string, calling: Calling): Promise<boolean> {
  const { pullThroughCacheRules = [] } = await call('ecr:DescribePullThroughCacheRules', calling, options =>
    ecr.send(new DescribePullThroughCacheRulesCommand({ maxResults: 1000 }), options),
  )
  return pullThroughCacheRules.some(
    ({ ecrRepositoryPrefix: prefix }) =>
      prefix !== undefined && (prefix === 'ROOT' || repository.startsWith(`${prefix}/`)),
  )
}
