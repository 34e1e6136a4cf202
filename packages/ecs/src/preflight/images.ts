import type { Calling } from '@aws-deploy-actions/aws-clients'
import type { Registrable } from '../task-definition.ts'
import { type Findings, looked } from './preflight.ts'
import { type PrivateImage, privateImage } from './private-image.ts'
import type { PublicImage } from './public-image.ts'

/** What was seen of an image; undefined when it is not there. */
export type Seen = { readonly platforms: readonly string[] } | { readonly unknown: string } | undefined

/** An image of a task definition that lies in ECR. */
export interface EcrImage {
  readonly image: string
  readonly private: PrivateImage | undefined
  readonly public: PublicImage | undefined
  /** `linux/amd64`; undefined where the task runs on whatever the cluster has */
  readonly platform: string | undefined
}

const VERSION = '(?::([^@]+))?(?:@(sha256:[0-9a-f]{64}))?$'
const PRIVATE_URI = new RegExp(`^(\\d{12})\\.dkr[.-]ecr(?:-fips)?\\.([a-z0-9-]+)\\.[a-z0-9.-]+/([^:@]+)${VERSION}`)
const PUBLIC_URI = new RegExp(`^(public\\.ecr\\.aws)/([^:@]+)${VERSION}`)
// A registry on loopback is the local AWS's; whether private or public shows only when it is asked.
const LOOPBACK_URI = new RegExp(`^((?:127(?:\\.\\d+){3}|localhost|\\[::1\\]):\\d+)/([^:@]+)${VERSION}`)

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

/** Where an image of a task definition lies in ECR; undefined when it lies elsewhere. */
export function ecrImage(image: string, region: string, platform: string | undefined): EcrImage | undefined {
  const own = PRIVATE_URI.exec(image)
  if (own !== null) {
    const [, registryId, ownRegion = region, repository = '', tag, digest] = own
    const location = { registryId, region: ownRegion, repository, tag, digest }
    return { image, private: location, public: undefined, platform }
  }
  const open = PUBLIC_URI.exec(image)
  const local = LOOPBACK_URI.exec(image)
  const [, host = '', repository = '', tag, digest] = open ?? local ?? []
  if (repository === '') return undefined
  return {
    image,
    private: local === null ? undefined : { registryId: undefined, region, repository, tag, digest },
    public: { host, repository, reference: digest ?? tag ?? 'latest' },
    platform,
  }
}

// Fargate runs X86_64 Linux unless told otherwise (API reference, RuntimePlatform); EC2 runs what the instances are.
function platformOf({ runtimePlatform, requiresCompatibilities = [] }: Registrable): string | undefined {
  const architecture = runtimePlatform?.cpuArchitecture
  if (architecture === undefined && !requiresCompatibilities.includes('FARGATE')) return undefined
  const system = runtimePlatform?.operatingSystemFamily?.startsWith('WINDOWS') ? 'windows' : 'linux'
  return `${system}/${architecture === 'ARM64' ? 'arm64' : 'amd64'}`
}

async function seen({ private: own, public: open, platform }: EcrImage, calling: Calling): Promise<Seen> {
  const found = own === undefined ? undefined : await privateImage(own, platform !== undefined, calling)
  if (open === undefined || (found !== undefined && 'platforms' in found)) return found
  const { publicImage } = await import('./public-image.ts')
  const others = await publicImage(open, calling)
  // A private image that the registry does not show to everybody may still be on its way through a pull-through cache.
  return own === undefined || (others !== undefined && 'platforms' in others) ? others : found
}

async function checkImage(image: EcrImage, findings: Findings, calling: Calling): Promise<void> {
  const found = await seen(image, calling)
  if (found === undefined) {
    findings.missing.push(`The image ${image.image} does not exist in ECR: push the tag, or correct the reference.`)
  } else if ('unknown' in found) findings.unchecked.push(`image ${image.image}: ${found.unknown}.`)
  else if (image.platform !== undefined && found.platforms.length === 0) {
    findings.unchecked.push(`image ${image.image}: its platform could not be read.`)
  } else if (image.platform !== undefined && !found.platforms.includes(image.platform)) {
    findings.missing.push(
      `The image ${image.image} is for ${found.platforms.join(', ')}, the task runs on ${image.platform}: build it for that platform, or set runtimePlatform.`,
    )
  }
}
