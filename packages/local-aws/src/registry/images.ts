import { AwsError } from '../service.ts'
import { digestOf, isDigest } from './digest.ts'
import { type Manifest, ManifestInvalid, parseManifest } from './manifest.ts'
import type { Repository, StoredImage } from './repositories.ts'

export interface ImageReference {
  readonly imageDigest?: string | undefined
  readonly imageTag?: string | undefined
}

/** What BatchGetImage and the registry say of an image that is not there (public.ecr.aws: "manifest unknown: Requested image not found"). */
export const imageNotFoundText = 'Requested image not found'

/** AWS's own text, with `null` for the part that was not given (hashicorp/terraform-provider-aws issue 35268). */
export function imageNotFound(repository: Repository, reference: ImageReference): AwsError {
  const part = (value: string | undefined): string => `'${value ?? 'null'}'`
  return new AwsError(
    'ImageNotFoundException',
    `The image with imageId {imageDigest:${part(reference.imageDigest)}, imageTag:${part(reference.imageTag)}} does not exist within the repository with name '${repository.name}' in the registry with id '${repository.scope.registryId}'`,
  )
}

export function findImage(repository: Repository, reference: ImageReference): StoredImage | undefined {
  const tagged = reference.imageTag === undefined ? undefined : repository.tags.get(reference.imageTag)?.digest
  if (reference.imageTag !== undefined && tagged === undefined) return undefined
  const digest = reference.imageDigest ?? tagged
  if (digest === undefined || (tagged !== undefined && tagged !== digest)) return undefined
  return repository.images.get(digest)
}

/** by tag or digest, as it stands in a `/v2` path */
export function referenceOf(text: string): ImageReference {
  return text.includes(':') ? { imageDigest: text } : { imageTag: text }
}

export function tagsOf(repository: Repository, digest: string): string[] {
  return [...repository.tags].filter(([, target]) => target.digest === digest).map(([tag]) => tag)
}

function matchesWildcard(pattern: string, tag: string): boolean {
  const escaped = pattern.split('*').map(part => part.replace(/[.\\+?^${}()|[\]]/g, '\\$&'))
  return new RegExp(`^${escaped.join('.*')}$`).test(tag)
}

/** Whether a tag, once set, stays: the repository's setting, turned round for tags that an exclusion filter matches. */
export function isImmutable(repository: Repository, tag: string): boolean {
  const { mutability, exclusions } = repository.settings
  const excluded = exclusions.some(pattern => matchesWildcard(pattern, tag))
  if (mutability === 'IMMUTABLE') return true
  if (mutability === 'IMMUTABLE_WITH_EXCLUSION') return !excluded
  return mutability === 'MUTABLE_WITH_EXCLUSION' && excluded
}

/** `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`: distribution specification, "Pulling manifests". */
const validTag = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/

export interface NewImage {
  readonly bytes: Buffer
  readonly mediaType?: string | undefined
  readonly tag?: string | undefined
  /** as the client computed it */
  readonly digest?: string | undefined
}

function invalid(message: string): AwsError {
  return new AwsError('InvalidParameterException', message)
}

function parsed(image: NewImage): Manifest {
  try {
    return parseManifest(image.bytes, image.mediaType)
  } catch (error) {
    if (!(error instanceof ManifestInvalid)) throw error
    throw invalid(`Invalid parameter at 'ImageManifest' failed to satisfy constraint: '${error.message}'`)
  }
}

/** Error names: API reference of PutImage. AWS's sentences for these two are not on record; these are in its manner. */
function checkReferences(repository: Repository, manifest: Manifest): void {
  const where = `in repository with name '${repository.name}' in the registry with id '${repository.scope.registryId}'`
  const needed = [...(manifest.config === undefined ? [] : [manifest.config]), ...manifest.layers]
  const layers = needed.filter(blob => !blob.foreign && !repository.blobs.has(blob.digest)).map(blob => blob.digest)
  if (layers.length > 0) {
    throw new AwsError('LayersNotFoundException', `Layers with digests '[${layers.join(', ')}]' do not exist ${where}`)
  }
  const images = manifest.manifests.filter(part => !repository.images.has(part.digest)).map(part => part.digest)
  if (images.length > 0) {
    throw new AwsError(
      'ReferencedImagesNotFoundException',
      `Images with digests '[${images.join(', ')}]' required by the manifest list do not exist ${where}`,
    )
  }
}

function sizeOf(repository: Repository, manifest: Manifest): number {
  const parts = manifest.isIndex
    ? manifest.manifests.map(part => repository.images.get(part.digest)?.size ?? 0)
    : [manifest.config, ...manifest.layers].map(blob => blob?.size ?? 0)
  return parts.reduce((sum, size) => sum + size, 0)
}

/**
 * Puts a manifest, and a tag on it. The checks and their order are PutImage's; the registry's `PUT manifest` goes the
 * same way.
 * @param trusted copies of a pull-through cache arrive index first: what the manifest names need not be here yet
 * @throws AwsError InvalidParameterException, ImageDigestDoesNotMatchException, LayersNotFoundException,
 *   ReferencedImagesNotFoundException, ImageAlreadyExistsException (same digest, same tag),
 *   ImageTagAlreadyExistsException (immutable tag on another digest)
 */
export function putImage(repository: Repository, image: NewImage, now: Date, trusted = false): StoredImage {
  const digest = digestOf(image.bytes)
  const { registryId } = repository.scope
  if (image.digest !== undefined && image.digest !== digest) {
    // AWS's text: google/go-containerregistry issue 1568
    throw new AwsError(
      'ImageDigestDoesNotMatchException',
      `The image with digest '${image.digest}' in repository '${repository.name}' and registry ID '${registryId}' does not match the image digest that Amazon ECR has calculated.`,
    )
  }
  if (image.tag !== undefined && !validTag.test(image.tag)) {
    throw invalid(
      `Invalid parameter at 'imageTag' failed to satisfy constraint: 'must satisfy regular expression '[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}''`,
    )
  }
  const manifest = parsed(image)
  const existing = repository.images.get(digest)
  if (existing === undefined && !trusted) checkReferences(repository, manifest)
  const tagged = image.tag === undefined ? undefined : repository.tags.get(image.tag)
  if (existing !== undefined && (image.tag === undefined || tagged?.digest === digest)) {
    // AWS's text: CircleCI-Public/aws-ecr-orb issue 261
    const what = image.tag === undefined ? `digest '${digest}'` : `digest '${digest}' and tag '${image.tag}'`
    throw new AwsError(
      'ImageAlreadyExistsException',
      `Image with ${what} already exists in the repository with name '${repository.name}' in registry with id '${registryId}'`,
    )
  }
  if (image.tag !== undefined && tagged !== undefined && isImmutable(repository, image.tag)) {
    // AWS's text since 2025: osscontainertools/kaniko pull 204; before "because the repository is immutable"
    throw new AwsError(
      'ImageTagAlreadyExistsException',
      `The image tag '${image.tag}' already exists in the '${repository.name}' repository and cannot be overwritten because the tag is immutable.`,
    )
  }
  const stored: StoredImage = existing ?? {
    digest,
    bytes: image.bytes,
    manifest,
    pushedAt: now,
    size: sizeOf(repository, manifest),
    pulledAt: undefined,
  }
  repository.images.set(digest, stored)
  if (image.tag !== undefined) {
    repository.tags.delete(image.tag)
    repository.tags.set(image.tag, { digest, createdAt: now })
  }
  return stored
}

/** A reason of BatchDeleteImage for leaving an image where it is; codes: API reference, ImageFailure. */
export interface ImageFailure {
  readonly failureCode:
    | 'InvalidImageDigest'
    | 'ImageTagDoesNotMatchDigest'
    | 'ImageNotFound'
    | 'MissingDigestAndTag'
    | 'ImageReferencedByManifestList'
  readonly failureReason: string
}

/**
 * Removes a tag, and the image with its last tag; by digest the image with all its tags (BatchDeleteImage).
 * @returns what was removed, one entry for each tag, or why nothing was
 */
export function deleteImage(
  repository: Repository,
  reference: ImageReference,
): { readonly removed: ImageReference[] } | ImageFailure {
  const { imageDigest, imageTag } = reference
  if (imageDigest === undefined && imageTag === undefined) {
    return {
      failureCode: 'MissingDigestAndTag',
      failureReason: 'Invalid request parameters: both tag and digest cannot be null',
    }
  }
  if (imageDigest !== undefined && !isDigest(imageDigest)) {
    return {
      failureCode: 'InvalidImageDigest',
      failureReason:
        "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
    }
  }
  const tagged = imageTag === undefined ? undefined : repository.tags.get(imageTag)?.digest
  if (imageTag !== undefined && imageDigest !== undefined && tagged !== undefined && tagged !== imageDigest) {
    return { failureCode: 'ImageTagDoesNotMatchDigest', failureReason: 'The image tag does not match the image digest' }
  }
  const image = findImage(repository, reference)
  if (image === undefined) return { failureCode: 'ImageNotFound', failureReason: imageNotFoundText }
  const tags = tagsOf(repository, image.digest)
  if (imageTag !== undefined && tags.length > 1) {
    repository.tags.delete(imageTag)
    return { removed: [{ imageTag, imageDigest: image.digest }] }
  }
  const parent = [...repository.images.values()].find(candidate =>
    candidate.manifest.manifests.some(part => part.digest === image.digest),
  )
  if (parent !== undefined) {
    if (imageTag !== undefined) {
      repository.tags.delete(imageTag)
      return { removed: [{ imageTag, imageDigest: image.digest }] }
    }
    return {
      failureCode: 'ImageReferencedByManifestList',
      failureReason: `Requested image referenced by manifest list: [${parent.digest}]`,
    }
  }
  for (const tag of tags) repository.tags.delete(tag)
  repository.images.delete(image.digest)
  const removed = tags.map(tag => ({ imageTag: tag, imageDigest: image.digest }))
  return { removed: removed.length > 0 ? removed : [{ imageDigest: image.digest }] }
}
