import {
  BatchGetImageCommand,
  type ECRClient,
  GetDownloadUrlForLayerCommand,
  ListImagesCommand,
} from '@aws-sdk/client-ecr'

const ACCEPTED = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
]

/** A repository as the API shows it, whoever pushed to it. */
export interface HeldContent {
  /** the manifest under a tag or digest, byte for byte */
  manifest(reference: string): Promise<string | undefined>
  blob(digest: string): Promise<Buffer>
  /** tag → digest */
  tags(): Promise<Record<string, string>>
}

/** @param registryId the account, where it is not the caller's */
export function heldIn(ecr: ECRClient, repositoryName: string, registryId?: string): HeldContent {
  const repository = { repositoryName, ...(registryId === undefined ? {} : { registryId }) }
  return {
    manifest: async reference => {
      const id = reference.startsWith('sha256:') ? { imageDigest: reference } : { imageTag: reference }
      const { images } = await ecr.send(
        new BatchGetImageCommand({ ...repository, imageIds: [id], acceptedMediaTypes: ACCEPTED }),
      )
      return images?.[0]?.imageManifest
    },
    blob: async layerDigest => {
      const { downloadUrl = '' } = await ecr.send(new GetDownloadUrlForLayerCommand({ ...repository, layerDigest }))
      const answer = await fetch(downloadUrl)
      if (!answer.ok) throw new Error(`${layerDigest}: ${answer.status}`)
      return Buffer.from(await answer.arrayBuffer())
    },
    tags: async () => {
      const { imageIds = [] } = await ecr.send(new ListImagesCommand(repository))
      return Object.fromEntries(imageIds.map(({ imageTag = '', imageDigest = '' }) => [imageTag, imageDigest]))
    },
  }
}
