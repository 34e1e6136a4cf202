import type * as sdk from '@aws-sdk/client-ecr'
import { isDigest } from '../../registry/digest.ts'
import type { RegistryState } from '../../registry/exchange.ts'
import type { Repository } from '../../registry/repositories.ts'
import type { Upload } from '../../registry/uploads.ts'
import { AwsError, type Operation, operation } from '../../service.ts'
import { named, onRepository, repositoryIn } from './resource.ts'

/** Size in bytes that InitiateLayerUpload recommends for parts (sample answer in the API reference). */
const partSize = 10 * 1024 * 1024
/** "Layer parts must be at least 5 MiB in size", but for the last one (LayerPartTooSmallException). */
const smallestPart = 5 * 1024 * 1024

function uploadIn(state: RegistryState, repository: Repository, uploadId: string): Upload {
  const upload = state.uploads.find(repository, uploadId)
  if (upload !== undefined) return upload
  throw new AwsError(
    'UploadNotFoundException',
    `The upload with id '${uploadId}' could not be found, or the specified upload ID is not valid for this repository.`,
  )
}

/** The rules of the layer operations (errors and their sentences: API references of both), which ecr and ecr-public have in common. */
export const layers = {
  async availability(
    state: RegistryState,
    repository: Repository,
    digests: readonly string[],
  ): Promise<{ layers: sdk.Layer[]; failures: sdk.LayerFailure[] }> {
    const known: sdk.Layer[] = []
    const failures: sdk.LayerFailure[] = []
    for (const layerDigest of digests) {
      if (!isDigest(layerDigest)) {
        const failureReason =
          "Invalid request parameters: layer digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"
        failures.push({ layerDigest, failureCode: 'InvalidLayerDigest', failureReason })
        continue
      }
      const layerSize = repository.blobs.has(layerDigest) ? await state.store.size(layerDigest) : undefined
      known.push(
        layerSize === undefined
          ? { layerDigest, layerAvailability: 'UNAVAILABLE' }
          : { layerDigest, layerAvailability: 'AVAILABLE', layerSize },
      )
    }
    return { layers: known, failures }
  },

  async begin(state: RegistryState, repository: Repository): Promise<{ uploadId: string; partSize: number }> {
    return { uploadId: (await state.uploads.start(repository)).id, partSize }
  },

  /** @throws AwsError UploadNotFoundException, InvalidLayerPartException, LayerPartTooSmallException */
  async append(
    state: RegistryState,
    repository: Repository,
    part: { uploadId: string; firstByte: number; lastByte: number; bytes: Uint8Array },
  ): Promise<number> {
    const upload = uploadIn(state, repository, part.uploadId)
    return await state.uploads.alone(upload, async () => {
      const { size } = upload.blob
      if (part.firstByte !== size || part.lastByte - part.firstByte + 1 !== part.bytes.length) {
        throw new AwsError(
          'InvalidLayerPartException',
          'The layer part size is not valid, or the first byte specified is not consecutive to the last byte of a previous layer part upload.',
          400,
          {
            ...named(repository),
            uploadId: upload.id,
            lastValidByteReceived: size - 1,
          },
        )
      }
      if (upload.lastPartSize !== undefined && upload.lastPartSize < smallestPart) {
        throw new AwsError('LayerPartTooSmallException', 'Layer parts must be at least 5 MiB in size.')
      }
      await upload.blob.append([part.bytes])
      upload.lastPartSize = part.bytes.length
      return upload.blob.size - 1
    })
  },

  /** @throws AwsError UploadNotFoundException, EmptyUploadException, LayerAlreadyExistsException, InvalidLayerException */
  async complete(
    state: RegistryState,
    repository: Repository,
    uploadId: string,
    digests: readonly string[],
  ): Promise<string> {
    const upload = uploadIn(state, repository, uploadId)
    const where = `the repository with name '${repository.name}' in registry with id '${repository.scope.registryId}'`
    return await state.uploads.alone(upload, async () => {
      if (upload.blob.size === 0) {
        throw new AwsError('EmptyUploadException', 'The specified layer upload does not contain any layer parts.')
      }
      const digest = digests[0] ?? ''
      if (repository.blobs.has(digest)) {
        await state.uploads.cancel(upload)
        throw new AwsError('LayerAlreadyExistsException', `Layer with digest '${digest}' already exists in ${where}`)
      }
      if (!(await state.uploads.finish(upload, digest))) {
        throw new AwsError(
          'InvalidLayerException',
          'The layer digest calculation performed by Amazon ECR upon receipt of the image layer does not match the digest specified.',
        )
      }
      return digest
    })
  },
}

const batchCheckLayerAvailability = operation<
  sdk.BatchCheckLayerAvailabilityCommandInput,
  sdk.BatchCheckLayerAvailabilityCommandOutput
>({
  needs: onRepository('BatchCheckLayerAvailability'),
  async run(input, context) {
    return await layers.availability(context.cloud.registry, repositoryIn(input, context), input.layerDigests ?? [])
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

const getDownloadUrlForLayer = operation<
  sdk.GetDownloadUrlForLayerCommandInput,
  sdk.GetDownloadUrlForLayerCommandOutput
>({
  needs: onRepository('GetDownloadUrlForLayer'),
  run(input, context) {
    const { links, address } = context.cloud.registry
    const repository = repositoryIn(input, context)
    const layerDigest = input.layerDigest ?? ''
    if (!repository.blobs.has(layerDigest)) {
      throw new AwsError(
        'LayersNotFoundException',
        `Layers with digests '[${layerDigest}]' do not exist in repository with name '${repository.name}' in the registry with id '${repository.scope.registryId}'`,
      )
    }
    return { downloadUrl: links.link(`http://${address}`, layerDigest), layerDigest }
  },
})

export const layerOperations: Readonly<Record<string, Operation>> = {
  BatchCheckLayerAvailability: batchCheckLayerAvailability,
  InitiateLayerUpload: initiateLayerUpload,
  UploadLayerPart: uploadLayerPart,
  CompleteLayerUpload: completeLayerUpload,
  GetDownloadUrlForLayer: getDownloadUrlForLayer,
}
