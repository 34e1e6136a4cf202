import type * as sdk from '@aws-sdk/client-ecr'
import {
  deleteImage,
  findImage,
  type ImageReference,
  imageNotFound,
  imageNotFoundText,
  putImage,
  tagsOf,
} from '../../registry/images.ts'
import type { Repository, StoredImage } from '../../registry/repositories.ts'
import type { Scans } from '../../registry/scans.ts'
import { type Operation, operation } from '../../service.ts'
import { pageOf } from './pages.ts'
import { named, onRepository, repositoryIn } from './resource.ts'
import { severityCounts } from './scans.ts'

/** What an image is made for: the type of its configuration, or the artifact's own type. */
export function artifactTypeOf(image: StoredImage): string | undefined {
  return image.manifest.artifactType ?? image.manifest.config?.mediaType
}

function scanDetails(repository: Repository, image: StoredImage, scans: Scans): sdk.ImageDetail {
  const scan = scans.view(repository, image)
  if (scan === undefined) return {}
  const summary = {
    ...(scan.completedAt === undefined ? {} : { imageScanCompletedAt: scan.completedAt }),
    findingSeverityCounts: severityCounts(scan.findings),
  }
  return {
    imageScanStatus: { status: scan.status, description: scan.description },
    // enhanced scans have no summary here (aws/aws-cli issue 6759)
    ...(scan.type === 'BASIC' && scan.completedAt !== undefined ? { imageScanFindingsSummary: summary } : {}),
  }
}

function detailsOf(repository: Repository, image: StoredImage, scans: Scans): sdk.ImageDetail {
  const imageTags = tagsOf(repository, image.digest)
  return {
    ...named(repository),
    imageDigest: image.digest,
    ...(imageTags.length === 0 ? {} : { imageTags }),
    imageSizeInBytes: image.size,
    imagePushedAt: image.pushedAt,
    imageManifestMediaType: image.manifest.mediaType,
    artifactMediaType: artifactTypeOf(image),
    lastRecordedPullTime: image.pulledAt,
    subjectManifestDigest: image.manifest.subject?.digest,
    imageStatus: 'ACTIVE',
    ...scanDetails(repository, image, scans),
  }
}

function hasTagStatus(repository: Repository, digest: string, status: sdk.TagStatus | undefined): boolean {
  if (status === undefined || status === 'ANY') return true
  return tagsOf(repository, digest).length > 0 === (status === 'TAGGED')
}

/** @throws AwsError ImageNotFoundException */
export function imageIn(repository: Repository, reference: ImageReference): StoredImage {
  const image = findImage(repository, reference)
  if (image === undefined) throw imageNotFound(repository, reference)
  return image
}

const describeImages = operation<sdk.DescribeImagesCommandInput, sdk.DescribeImagesCommandOutput>({
  needs: onRepository('DescribeImages'),
  run(input, context) {
    const { scans } = context.cloud.registry
    const repository = repositoryIn(input, context)
    const details = (image: StoredImage): sdk.ImageDetail => detailsOf(repository, image, scans)
    if (input.imageIds !== undefined) {
      // an image that is asked for by two of its tags is shown once
      const images = new Set(input.imageIds.map(reference => imageIn(repository, reference)))
      return { imageDetails: [...images].map(details) }
    }
    const all = [...repository.images.values()].filter(image =>
      hasTagStatus(repository, image.digest, input.filter?.tagStatus),
    )
    const { page, nextToken } = pageOf(all, input)
    return { imageDetails: page.map(details), nextToken }
  },
})

const listImages = operation<sdk.ListImagesCommandInput, sdk.ListImagesCommandOutput>({
  needs: onRepository('ListImages'),
  run(input, context) {
    const repository = repositoryIn(input, context)
    const all = [...repository.images.keys()]
      .filter(digest => hasTagStatus(repository, digest, input.filter?.tagStatus))
      .flatMap((imageDigest): sdk.ImageIdentifier[] => {
        const tags = tagsOf(repository, imageDigest)
        return tags.length === 0 ? [{ imageDigest }] : tags.map(imageTag => ({ imageDigest, imageTag }))
      })
    const { page, nextToken } = pageOf(all, input)
    return { imageIds: page, nextToken }
  },
})

function shown(repository: Repository, image: StoredImage, imageTag: string | undefined): sdk.Image {
  return {
    ...named(repository),
    imageId: { imageDigest: image.digest, ...(imageTag === undefined ? {} : { imageTag }) },
    imageManifest: image.bytes.toString('utf8'),
    imageManifestMediaType: image.manifest.mediaType,
  }
}

/**
 * Manifests come as they were pushed; nothing is converted. One whose type is not among `acceptedMediaTypes` counts as
 * not found.
 */
const batchGetImage = operation<sdk.BatchGetImageCommandInput, sdk.BatchGetImageCommandOutput>({
  needs: onRepository('BatchGetImage'),
  run(input, context) {
    const repository = repositoryIn(input, context)
    const accepted = input.acceptedMediaTypes ?? []
    const images: sdk.Image[] = []
    const failures: sdk.ImageFailure[] = []
    for (const imageId of input.imageIds ?? []) {
      if (imageId.imageDigest === undefined && imageId.imageTag === undefined) {
        const failureReason = 'Invalid request parameters: both tag and digest cannot be null'
        failures.push({ imageId, failureCode: 'MissingDigestAndTag', failureReason })
        continue
      }
      const image = findImage(repository, imageId)
      if (image === undefined || (accepted.length > 0 && !accepted.includes(image.manifest.mediaType))) {
        failures.push({ imageId, failureCode: 'ImageNotFound', failureReason: imageNotFoundText })
        continue
      }
      image.pulledAt = context.cloud.registry.now()
      images.push(shown(repository, image, imageId.imageTag))
    }
    return { images, failures }
  },
})

const putImageOperation = operation<sdk.PutImageCommandInput, sdk.PutImageCommandOutput>({
  needs: onRepository('PutImage'),
  run(input, context) {
    const { scans, now } = context.cloud.registry
    const repository = repositoryIn(input, context)
    const image = putImage(
      repository,
      {
        bytes: Buffer.from(input.imageManifest ?? '', 'utf8'),
        mediaType: input.imageManifestMediaType,
        tag: input.imageTag,
        digest: input.imageDigest,
      },
      now(),
    )
    scans.imagePushed(repository, image)
    return { image: shown(repository, image, input.imageTag) }
  },
})

const batchDeleteImage = operation<sdk.BatchDeleteImageCommandInput, sdk.BatchDeleteImageCommandOutput>({
  needs: onRepository('BatchDeleteImage'),
  run(input, context) {
    const repository = repositoryIn(input, context)
    const imageIds: sdk.ImageIdentifier[] = []
    const failures: sdk.ImageFailure[] = []
    for (const imageId of input.imageIds ?? []) {
      const result = deleteImage(repository, imageId)
      if ('removed' in result) imageIds.push(...result.removed)
      else failures.push({ imageId, ...result })
    }
    return { imageIds, failures }
  },
})

export const imageOperations: Readonly<Record<string, Operation>> = {
  DescribeImages: describeImages,
  ListImages: listImages,
  BatchGetImage: batchGetImage,
  PutImage: putImageOperation,
  BatchDeleteImage: batchDeleteImage,
}
