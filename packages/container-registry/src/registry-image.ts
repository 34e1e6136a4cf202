import { Failure } from '@aws-deploy-actions/action-runtime'
import { type Descriptor, isDigest, isRecord, type Manifest, parseJson, staysElsewhere } from './content.ts'
import type { ImageSource, SourceBlob } from './image-source.ts'
import { imageTree } from './image-tree.ts'
import { registryWords } from './registry-error.ts'
import type { Repository } from './repository.ts'

/** The image to copy is not there. */
export class ImageMissing extends Failure {
  override readonly name = 'ImageMissing'
}

/**
 * An image in a registry, of one platform or many, as something to push elsewhere: its manifests are read now, byte for
 * byte, its blobs are streamed when they are needed.
 *
 * @param reference a tag or digest
 * @throws ImageMissing that names it; RegistryError, PermissionError, RegistryUnavailable
 */
export async function registryImage(repository: Repository, reference: string): Promise<ImageSource> {
  const root = await foundManifest(repository, reference)
  try {
    const { children, blobs } = await imageTree(root, {
      manifest: async ({ digest, size }) => {
        const manifest = await foundManifest(repository, digest)
        if (manifest.bytes.length === size) return manifest
        throw new Error(`${digest} has ${manifest.bytes.length} bytes, where its index says ${size}`)
      },
      blob: (descriptor, what) => (staysElsewhere(descriptor) ? undefined : remoteBlob(repository, descriptor, what)),
    })
    return { root, children, blobs, origin: repository, close: async () => undefined }
  } catch (error) {
    repository.connection.context.signal.throwIfAborted()
    if (error instanceof Failure) throw error
    throw new Failure('The source image cannot be copied: nothing was sent.', {
      resource: imageName(repository, reference),
      cause: error instanceof Error ? error.message : String(error),
    })
  }
}

async function foundManifest(repository: Repository, reference: string): Promise<Manifest> {
  const found = await repository.manifestOrRefusal(reference)
  if (!('status' in found)) return found
  const name = imageName(repository, reference)
  if (found.status !== 404) {
    throw await repository.refusal(`The image ${name} could not be read.`, found, 'BatchGetImage')
  }
  throw new ImageMissing(`The source image ${name} does not exist.`, {
    resource: name,
    said: registryWords(found).text,
    saidBy: 'The registry',
    next: ['Correct its repository, tag or digest, region or account. A lifecycle policy may have deleted it.'],
  })
}

function imageName({ connection, name }: Repository, reference: string): string {
  return `${connection.host}/${name}${isDigest(reference) ? '@' : ':'}${reference}`
}

function remoteBlob(repository: Repository, descriptor: Descriptor, what: string): SourceBlob {
  return {
    descriptor,
    label: `${what} (${descriptor.digest.slice(7, 19)})`,
    remedy: 'The source registry gave bytes that are not what its manifest says: push the source image again.',
    open: (start, gone) => repository.readBlob(descriptor, start, gone),
  }
}

/** What a tag or digest holds, with what a decision about it needs. */
export interface HeldImage {
  readonly digest: string
  readonly mediaType: string
  readonly manifest: Manifest
  /** digest of the config; of an index that of its first platform; undefined where there is none */
  readonly configDigest: string | undefined
  /** of that config */
  readonly labels: Readonly<Record<string, string>>
}

/**
 * The image behind a tag or digest with its labels; undefined when there is none.
 * @throws RegistryError, PermissionError, RegistryUnavailable
 */
export async function heldImage(repository: Repository, reference: string): Promise<HeldImage | undefined> {
  const manifest = await repository.manifest(reference)
  if (manifest === undefined) return undefined
  const { digest, mediaType } = manifest
  const config = await configOf(repository, manifest, 0)
  return {
    digest,
    mediaType,
    manifest,
    configDigest: config?.digest,
    labels: config === undefined ? {} : labelsIn(await repository.smallBlob(config)),
  }
}

async function configOf(repository: Repository, { content }: Manifest, level: number): Promise<Descriptor | undefined> {
  // Artifacts (signatures, charts) have a config of another kind, or an empty one.
  if (content.kind === 'image')
    return /\.image\.(?:config\.)?v1\+json$/.test(content.config.mediaType) ? content.config : undefined
  if (level > 4) return undefined
  for (const child of platformImages(content.manifests)) {
    const manifest = await repository.manifest(child.digest)
    const found = manifest === undefined ? undefined : await configOf(repository, manifest, level + 1)
    if (found !== undefined) return found
  }
  return undefined
}

/**
 * The images of an index that can run. BuildKit puts its attestations beside them, under the platform unknown/unknown
 * (BuildKit docs, "Image attestation storage").
 */
export function platformImages(manifests: readonly Descriptor[]): readonly Descriptor[] {
  return manifests.filter(({ annotations }) => annotations?.['vnd.docker.reference.type'] !== 'attestation-manifest')
}

function labelsIn(bytes: Buffer): Record<string, string> {
  let document: unknown
  try {
    document = parseJson(bytes)
  } catch {
    return {}
  }
  const config = isRecord(document) ? document['config'] : undefined
  const labels = isRecord(config) ? config['Labels'] : undefined
  if (!isRecord(labels)) return {}
  return Object.fromEntries(
    Object.entries(labels).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  )
}
