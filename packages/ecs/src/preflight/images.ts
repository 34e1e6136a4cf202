import { AwsError, type Calling, call, PermissionError, sdkConfig } from '@aws-deploy-actions/aws-clients'
import {
  BatchGetImageCommand,
  DescribePullThroughCacheRulesCommand,
  ECRClient,
  GetDownloadUrlForLayerCommand,
  type Image,
} from '@aws-sdk/client-ecr'
import { isObject } from '../schema.ts'
import type { Registrable } from '../task-definition.ts'
import { type Findings, looked } from './preflight.ts'

/** An image of a task definition that lies in ECR private. */
interface EcrImage {
  readonly image: string
  readonly registryId: string | undefined
  readonly region: string
  readonly repository: string
  readonly version: { readonly imageTag: string } | { readonly imageDigest: string }
  /** `linux/amd64`; undefined where the task runs on whatever the cluster has */
  readonly platform: string | undefined
}

const PRIVATE_URI =
  /^(\d{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.[a-z0-9.-]+\/([^:@]+)(?::([^@]+))?(?:@(sha256:[0-9a-f]{64}))?$/
// A registry on loopback is the local AWS's.
const LOOPBACK_URI = /^(?:127(?:\.\d+){3}|localhost|\[::1\]):\d+\/([^:@]+)(?::([^@]+))?(?:@(sha256:[0-9a-f]{64}))?$/

// All four: without the lists BatchGetImage fails for an index (API reference, BatchGetImage).
const MANIFESTS = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
]

/** Every image in ECR must exist and have a manifest for the task's platform. */
export async function checkImages(
  definitions: readonly Registrable[],
  region: string,
  findings: Findings,
  calling: Calling,
): Promise<void> {
  const images = new Map<string, EcrImage>()
  for (const definition of definitions) {
    for (const { image } of definition.containerDefinitions ?? []) {
      const found = image === undefined ? undefined : ecrImage(image, region, platformOf(definition))
      if (found !== undefined) images.set(`${found.image} ${found.platform}`, found)
    }
  }
  await Promise.all(
    [...images.values()].map(image =>
      looked(`image ${image.image}`, findings, () => checkImage(image, findings, calling)),
    ),
  )
}

/**
 * The digests that a reference means now: the manifest's and, for an index, its entries'. Undefined where that is not to
 * be known: another registry, no permission, no such image.
 */
export async function meantDigests(
  image: string,
  region: string,
  calling: Calling,
): Promise<ReadonlySet<string> | undefined> {
  const reference = ecrImage(image, region, undefined)
  if (reference === undefined) return undefined
  try {
    const found = await describedImage(new ECRClient(sdkConfig(reference.region)), reference, calling)
    if (found?.imageManifest === undefined || found.imageId?.imageDigest === undefined) return undefined
    const manifest: unknown = JSON.parse(found.imageManifest)
    const entries = isObject(manifest) && Array.isArray(manifest['manifests']) ? manifest['manifests'] : []
    const digests = entries.flatMap(entry =>
      isObject(entry) && typeof entry['digest'] === 'string' ? [entry['digest']] : [],
    )
    return new Set([found.imageId.imageDigest, ...digests])
  } catch (error) {
    if (error instanceof PermissionError) return undefined
    throw error
  }
}

function ecrImage(image: string, region: string, platform: string | undefined): EcrImage | undefined {
  const [, registryId, own, ...remote] = PRIVATE_URI.exec(image) ?? []
  const [repository, tag, digest] = own === undefined ? (LOOPBACK_URI.exec(image)?.slice(1) ?? []) : remote
  if (repository === undefined) return undefined
  const version = digest === undefined ? { imageTag: tag ?? 'latest' } : { imageDigest: digest }
  return { image, registryId, region: own ?? region, repository, version, platform }
}

// Fargate runs X86_64 Linux unless told otherwise (API reference, RuntimePlatform); EC2 runs what the instances are.
function platformOf({ runtimePlatform, requiresCompatibilities = [] }: Registrable): string | undefined {
  const architecture = runtimePlatform?.cpuArchitecture
  if (architecture === undefined && !requiresCompatibilities.includes('FARGATE')) return undefined
  const system = runtimePlatform?.operatingSystemFamily?.startsWith('WINDOWS') ? 'windows' : 'linux'
  return `${system}/${architecture === 'ARM64' ? 'arm64' : 'amd64'}`
}

async function describedImage(ecr: ECRClient, image: EcrImage, calling: Calling): Promise<Image | undefined> {
  try {
    const { images = [] } = await call('ecr:BatchGetImage', calling, options =>
      ecr.send(
        new BatchGetImageCommand({ ...repositoryOf(image), imageIds: [image.version], acceptedMediaTypes: MANIFESTS }),
        options,
      ),
    )
    return images[0]
  } catch (error) {
    if (error instanceof AwsError && error.code === 'RepositoryNotFoundException') return undefined
    throw error
  }
}

function repositoryOf({ repository, registryId }: EcrImage): { repositoryName: string; registryId?: string } {
  return { repositoryName: repository, ...(registryId === undefined ? {} : { registryId }) }
}

async function checkImage(image: EcrImage, findings: Findings, calling: Calling): Promise<void> {
  const ecr = new ECRClient(sdkConfig(image.region))
  const found = await describedImage(ecr, image, calling)
  if (found?.imageManifest === undefined) {
    if (await mayBePulledThrough(ecr, image.repository, calling)) {
      findings.unchecked.push(`image ${image.image}: the pull-through cache may still fetch it.`)
      return
    }
    findings.missing.push(`The image ${image.image} does not exist in ECR: push the tag, or correct the reference.`)
    return
  }
  if (image.platform === undefined) return
  const platforms = await platformsOf(found.imageManifest, digest =>
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
  if (platforms.length === 0) findings.unchecked.push(`image ${image.image}: its platform could not be read.`)
  if (platforms.length > 0 && !platforms.includes(image.platform)) {
    findings.missing.push(
      `The image ${image.image} is for ${platforms.join(', ')}, the task runs on ${image.platform}: build it for that platform, or set runtimePlatform.`,
    )
  }
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

/** The platforms of a manifest: those of an index, else the one in the image's configuration. */
async function platformsOf(manifestText: string, blob: (digest: string) => Promise<unknown>): Promise<string[]> {
  const manifest: unknown = JSON.parse(manifestText)
  if (!isObject(manifest)) return []
  if (Array.isArray(manifest['manifests'])) {
    return manifest['manifests'].flatMap(entry => platformText(isObject(entry) ? entry['platform'] : undefined))
  }
  const config = manifest['config']
  return isObject(config) && typeof config['digest'] === 'string' ? platformText(await blob(config['digest'])) : []
}

function platformText(platform: unknown): string[] {
  if (!isObject(platform)) return []
  const { os, architecture } = platform
  // An attestation's entry is "unknown/unknown" (BuildKit, "Image attestation storage").
  return typeof os === 'string' && typeof architecture === 'string' && os !== 'unknown' ? [`${os}/${architecture}`] : []
}
