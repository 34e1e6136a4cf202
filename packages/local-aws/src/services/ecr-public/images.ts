import type * as sdk from '@aws-sdk/client-ecr-public'
import { deleteImage, putImage, tagsOf } from '../../registry/images.ts'
import type { StoredImage } from '../../registry/repositories.ts'
import { type Operation, operation } from '../../service.ts'
import { artifactTypeOf, imageIn } from '../ecr/images.ts'
import { layers } from '../ecr/layers.ts'
import { pageOf } from '../ecr/pages.ts'
import { named } from '../ecr/resource.ts'
import { onRepository, repositoryIn } from './resource.ts'

function detailsOf(image: StoredImage): sdk.ReferencedImageDetail {
  return {
    imageDigest: image.digest,
    imageSizeInBytes: image.size,
    imagePushedAt: image.pushedAt,
    imageManifestMediaType: image.manifest.mediaType,
    artifactMediaType: artifactTypeOf(image),
  }
}

const describeImages = operation<sdk.DescribeImagesCommandInput, sdk.DescribeImagesCommandOutput>({
  needs: onRepository('DescribeImages'),
  run(input, context) {
    const repository = repositoryIn(input, context)
    const details = (image: StoredImage): sdk.ImageDetail => {
      const imageTags = tagsOf(repository, image.digest)
      return { ...named(repository), ...detailsOf(image), ...(imageTags.length === 0 ? {} : { imageTags }) }
    }
    if (input.imageIds !== undefined) {
      const images = new Set(input.imageIds.map(reference => imageIn(repository, reference)))
      return { imageDetails: [...images].map(details) }
    }
    const { page, nextToken } = pageOf([...repository.images.values()], input)
    return { imageDetails: page.map(details), nextToken }
  },
})

const describeImageTags = operation<sdk.DescribeImageTagsCommandInput, sdk.DescribeImageTagsCommandOutput>({
  needs: onRepository('DescribeImageTags'),
  run(input, context) {
    const repository = repositoryIn(input, context)
    const { page, nextToken } = pageOf([...repository.tags], input)
    const imageTagDetails = page.map(([imageTag, { createdAt, digest }]) => ({
      imageTag,
      createdAt,
      imageDetail: detailsOf(imageIn(repository, { imageDigest: digest })),
    }))
    return { imageTagDetails, nextToken }
  },
})

const putImageOperation = operation<sdk.PutImageCommandInput, sdk.PutImageCommandOutput>({
  needs: onRepository('PutImage'),
  run(input, context) {
    const repository = repositoryIn(input, context)
    const { imageManifest = '', imageManifestMediaType: mediaType, imageTag: tag, imageDigest: digest } = input
    const bytes = Buffer.from(imageManifest, 'utf8')
    const image = putImage(repository, { bytes, mediaType, tag, digest }, context.cloud.registry.now())
    return {
      image: {
        ...named(repository),
        imageId: { imageDigest: image.digest, ...(tag === undefined ? {} : { imageTag: tag }) },
        imageManifest,
        imageManifestMediaType: image.manifest.mediaType,
      },
    }
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

const batchCheckLayerAvailability = operation<
  sdk.BatchCheckLayerAvailabilityCommandInput,
  sdk.BatchCheckLayerAvailabilityCommandOutput
>({
  needs: onRepository('BatchCheckLayerAvailability'),
  async run(input, context) {
    const found = await layers.availability(
      context.cloud.registry,
      repositoryIn(input, context),
      input.layerDigests ?? [],
    )
    return {
      layers: found.layers.map(({ layerDigest, layerSize, layerAvailability }) => ({
        layerDigest,
        layerAvailability: layerAvailability === 'AVAILABLE' ? 'AVAILABLE' : 'UNAVAILABLE',
        ...(layerSize === undefined ? {} : { layerSize }),
      })),
      failures: found.failures,
    }
  },
})

const initiateLayerUpload = operation<sdk.InitiateLayerUploadCommandInput, sdk.InitiateLayerUploadCommandOutput>({
  needs: onRepository('InitiateLayerUpload'),
  async run(input, context) {
    return await layers.begin(context.cloud.registry, repositoryIn(input, context))
  },
})

const uploadLayerPart = operation<sdk.UploadLayerPartCommandInput, sdk.UploadLayerPartCommandOutput>({
  needs: onRepository('UploadLayerPart'),
  async run(input, context) {
    const repository = repositoryIn(input, context)
    const lastByteReceived = await layers.append(context.cloud.registry, repository, {
      uploadId: input.uploadId ?? '',
      firstByte: input.partFirstByte ?? 0,
      lastByte: input.partLastByte ?? 0,
      bytes: input.layerPartBlob ?? new Uint8Array(),
    })
    return { ...named(repository), uploadId: input.uploadId, lastByteReceived }
  },
})

const completeLayerUpload = operation<sdk.CompleteLayerUploadCommandInput, sdk.CompleteLayerUploadCommandOutput>({
  needs: onRepository('CompleteLayerUpload'),
  async run(input, context) {
    const repository = repositoryIn(input, context)
    const uploadId = input.uploadId ?? ''
    const layerDigest = await layers.complete(context.cloud.registry, repository, uploadId, input.layerDigests ?? [])
    return { ...named(repository), uploadId, layerDigest }
  },
})

export const publicImageOperations: Readonly<Record<string, Operation>> = {
  DescribeImages: describeImages,
  DescribeImageTags: describeImageTags,
  PutImage: putImageOperation,
  BatchDeleteImage: batchDeleteImage,
  BatchCheckLayerAvailability: batchCheckLayerAvailability,
  InitiateLayerUpload: initiateLayerUpload,
  UploadLayerPart: uploadLayerPart,
  CompleteLayerUpload: completeLayerUpload,
}
