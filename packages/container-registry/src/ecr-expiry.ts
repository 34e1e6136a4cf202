import { type Calling, call, sdkConfig } from '@aws-deploy-actions/aws-clients'
import { BatchDeleteImageCommand, DescribeImagesCommand, ECRClient } from '@aws-sdk/client-ecr'
import {
  BatchDeleteImageCommand as BatchDeletePublicImageCommand,
  DescribeImagesCommand as DescribePublicImagesCommand,
  ECRPUBLICClient,
} from '@aws-sdk/client-ecr-public'
import { MANIFEST_TYPES, MEDIA_TYPES } from './content.ts'
import type { EcrRepository } from './ecr-repository.ts'
import { expiredImages, keptTaggedImages, type ListedImage, type Spared, UNTAGGED_KEPT_MS } from './image-expiry.ts'
import type { Repository } from './repository.ts'

export interface ExpiredImages {
  readonly deleted: readonly { readonly digest: string; readonly tags: readonly string[] }[]
  /** tagged images that are left */
  readonly keptTagged: number
  /** AWS's words about images that it did not delete */
  readonly failures: readonly string[]
}

/** BatchDeleteImage takes up to 100 (API reference). */
const BATCH = 100

/**
 * Deletes all but so many of the newest tagged images, and untagged ones older than a day. What was just pushed and
 * protected tags stay and do not count; so does everything that a kept index names or that belongs to a kept image.
 * @throws PermissionError, AwsError, RegistryError when an index that stays cannot be read: nothing is deleted then
 */
export async function expireImages(
  place: EcrRepository,
  repository: Repository,
  spared: Spared,
  calling: Calling,
): Promise<ExpiredImages> {
  const api = place.registry === 'private' ? privateImages(place, calling) : publicImages(place, calling)
  const images = await api.list()
  const kept = keptTaggedImages(images, spared)
  const now = calling.clock.now()
  const named = await namedBy(repository, images, new Set([...kept, ...spared.justPushed]), now)
  const { tagged, untagged } = expiredImages(images, kept, named, now)
  const deleted: { digest: string; tags: readonly string[] }[] = []
  const failures: string[] = []
  // Indexes before what they name, which cannot go before them.
  const indexes = tagged.filter(({ isIndex }) => isIndex)
  const others = tagged.filter(({ isIndex }) => !isIndex)
  const oldIndexes = untagged.filter(({ isIndex }) => isIndex)
  const oldOthers = untagged.filter(({ isIndex }) => !isIndex)
  for (const group of [indexes, others, oldIndexes, oldOthers]) {
    for (let start = 0; start < group.length; start += BATCH) {
      const batch = group.slice(start, start + BATCH)
      const problems = await api.remove(batch.map(({ digest }) => digest))
      for (const { digest, tags } of batch) {
        const problem = problems.get(digest)
        if (problem === undefined) deleted.push({ digest, tags })
        else failures.push(`${digest}${tags.length === 0 ? '' : ` (${tags.join(', ')})`}: ${problem}`)
      }
    }
  }
  const gone = new Set(deleted.map(({ digest }) => digest))
  const keptTagged = images.filter(({ digest, tags }) => tags.length > 0 && !gone.has(digest)).length
  return { deleted, keptTagged, failures }
}

/** Everything that the images which stay name: kept tagged indexes, and young untagged ones whose push may be going on. */
async function namedBy(
  repository: Repository,
  images: readonly ListedImage[],
  kept: ReadonlySet<string>,
  now: number,
): Promise<Set<string>> {
  const indexes = new Set(images.filter(({ isIndex }) => isIndex).map(({ digest }) => digest))
  const named = new Set<string>()
  const young = images.filter(({ tags, pushedAt }) => tags.length === 0 && now - pushedAt.getTime() <= UNTAGGED_KEPT_MS)
  const staying = new Set([...kept, ...young.map(({ digest }) => digest)])
  const listed = new Set(images.map(({ digest }) => digest))
  // What was just pushed may not be in the list yet.
  const queue = [...staying].filter(digest => indexes.has(digest) || !listed.has(digest))
  for (let digest = queue.shift(); digest !== undefined; digest = queue.shift()) {
    const content = (await repository.manifest(digest))?.content
    for (const child of content?.kind === 'index' ? content.manifests : []) {
      if (named.has(child.digest)) continue
      named.add(child.digest)
      if (indexes.has(child.digest)) queue.push(child.digest)
    }
  }
  return named
}

interface ImagesApi {
  list(): Promise<ListedImage[]>
  /** @returns AWS's words about those that it did not delete */
  remove(digests: readonly string[]): Promise<Map<string, string>>
}

function privateImages({ name, region, account }: EcrRepository, calling: Calling): ImagesApi {
  const ecr = new ECRClient(sdkConfig(region))
  const repository = { repositoryName: name, ...(account === undefined ? {} : { registryId: account }) }
  return {
    list: () =>
      allPages(nextToken =>
        call('ecr:DescribeImages', calling, options =>
          ecr.send(new DescribeImagesCommand({ ...repository, maxResults: 1000, ...nextToken }), options),
        ),
      ),
    remove: async digests => {
      const { failures } = await call('ecr:BatchDeleteImage', calling, options =>
        ecr.send(new BatchDeleteImageCommand({ ...repository, imageIds: imageIds(digests) }), options),
      )
      return problemsIn(failures)
    },
  }
}

function publicImages({ name, region }: EcrRepository, calling: Calling): ImagesApi {
  const ecr = new ECRPUBLICClient(sdkConfig(region))
  return {
    list: () =>
      allPages(nextToken =>
        call('ecr-public:DescribeImages', calling, options =>
          ecr.send(new DescribePublicImagesCommand({ repositoryName: name, maxResults: 1000, ...nextToken }), options),
        ),
      ),
    remove: async digests => {
      const { failures } = await call('ecr-public:BatchDeleteImage', calling, options =>
        ecr.send(new BatchDeletePublicImageCommand({ repositoryName: name, imageIds: imageIds(digests) }), options),
      )
      return problemsIn(failures)
    },
  }
}

interface ImagesPage {
  readonly nextToken?: string | undefined
  readonly imageDetails?:
    | readonly {
        readonly imageDigest?: string | undefined
        readonly imageTags?: readonly string[] | undefined
        readonly imagePushedAt?: Date | undefined
        readonly imageManifestMediaType?: string | undefined
        readonly subjectManifestDigest?: string | undefined
      }[]
    | undefined
}

async function allPages(page: (nextToken: { nextToken?: string }) => Promise<ImagesPage>): Promise<ListedImage[]> {
  const images: ListedImage[] = []
  for (let token: { nextToken?: string } = {}; ; ) {
    const { imageDetails = [], nextToken } = await page(token)
    for (const detail of imageDetails) {
      const { imageDigest, imageTags = [], imagePushedAt, imageManifestMediaType, subjectManifestDigest } = detail
      // Without a date nothing can be said about its age.
      if (imageDigest === undefined || imagePushedAt === undefined) continue
      images.push({
        digest: imageDigest,
        tags: imageTags,
        pushedAt: imagePushedAt,
        isIndex: mayBeIndex(imageManifestMediaType),
        subject: subjectManifestDigest,
      })
    }
    if (nextToken === undefined) return images
    token = { nextToken }
  }
}

/** Where AWS does not tell the type, the manifest is looked at. */
function mayBeIndex(mediaType: string | undefined): boolean {
  if (mediaType === undefined || !MANIFEST_TYPES.some(type => type === mediaType)) return mediaType === undefined
  return mediaType === MEDIA_TYPES.ociIndex || mediaType === MEDIA_TYPES.dockerList
}

function imageIds(digests: readonly string[]): { imageDigest: string }[] {
  return digests.map(imageDigest => ({ imageDigest }))
}

function problemsIn(
  failures:
    | readonly {
        readonly imageId?: { readonly imageDigest?: string | undefined } | undefined
        readonly failureCode?: string | undefined
        readonly failureReason?: string | undefined
      }[]
    | undefined,
): Map<string, string> {
  // One that is gone already is what was wanted.
  const problems = (failures ?? []).filter(({ failureCode }) => failureCode !== 'ImageNotFound')
  return new Map(
    problems.map(({ imageId, failureCode, failureReason }) => [
      imageId?.imageDigest ?? '',
      failureReason ?? failureCode ?? 'no reason given',
    ]),
  )
}
