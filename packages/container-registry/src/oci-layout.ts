import { ARCHIVE_REMEDY, type Archive } from './archive.ts'
import {
  type Descriptor,
  descriptors,
  isRecord,
  type Manifest,
  parseJson,
  parseManifest,
  staysElsewhere,
} from './content.ts'
import type { ImageSource, SourceBlob } from './image-source.ts'
import { imageTree } from './image-tree.ts'

/** Whether everything that the layout's index names is in the archive. */
export async function isCompleteLayout(archive: Archive): Promise<boolean> {
  try {
    await ociLayoutImage(archive)
    return true
  } catch (error) {
    if (error instanceof MissingContent) return false
    throw error
  }
}

class MissingContent extends Error {}

/**
 * The one image (or multi-platform index) of an OCI image layout (OCI image spec, "Image Layout").
 * @throws Error when there is none or more than one, when a digest or a size is not what its descriptor says
 */
export async function ociLayoutImage(archive: Archive): Promise<Omit<ImageSource, 'close'>> {
  const layout = parseJson(await archive.read('oci-layout'))
  const version = isRecord(layout) ? layout['imageLayoutVersion'] : undefined
  if (version !== '1.0.0') throw new Error(`"oci-layout" has the unknown version ${String(version)}`)
  const top = rootDescriptor(await indexEntries(archive))

  const root = await manifestOf(archive, top)
  const { children, blobs } = await imageTree(root, {
    manifest: descriptor => manifestOf(archive, descriptor),
    blob: (descriptor, what) => blobOf(archive, descriptor, what),
  })
  return { root, children, blobs, origin: undefined }
}

async function indexEntries(archive: Archive): Promise<Descriptor[]> {
  const index = parseJson(await archive.read('index.json'))
  if (!isRecord(index)) throw new Error('"index.json" is not a JSON object')
  try {
    return descriptors(index['manifests'], 'manifests')
  } catch (error) {
    throw new Error(`"index.json" ${error instanceof Error ? error.message : error}`)
  }
}

/** The same image under several names stands there once a name. */
function rootDescriptor(entries: readonly Descriptor[]): Descriptor {
  const [first] = entries
  if (first === undefined) throw new Error('"index.json" names no image')
  const others = entries.filter(entry => entry.digest !== first.digest)
  if (others.length > 0) {
    const names = entries.map(({ annotations, digest }) => annotations?.['org.opencontainers.image.ref.name'] ?? digest)
    throw new Error(`it holds ${entries.length} images (${names.join(', ')}); allowed is one`)
  }
  return first
}

async function manifestOf(archive: Archive, descriptor: Descriptor): Promise<Manifest> {
  const name = blobName(descriptor)
  const member = archive.members.get(name)
  if (member === undefined) throw new MissingContent(`"${name}" is missing`)
  const bytes = await archive.read(name)
  const manifest = labelled(name, () => parseManifest(bytes, descriptor.mediaType))
  if (manifest.digest !== descriptor.digest) throw new Error(`"${name}" has the digest ${manifest.digest}`)
  if (bytes.length !== descriptor.size) {
    throw new Error(`"${name}" has ${bytes.length} bytes, where the index says ${descriptor.size}`)
  }
  return manifest
}

function labelled<Result>(name: string, read: () => Result): Result {
  try {
    return read()
  } catch (error) {
    throw new Error(`"${name}" ${error instanceof Error ? error.message : error}`)
  }
}

function blobOf(archive: Archive, descriptor: Descriptor, what: string): SourceBlob | undefined {
  const name = blobName(descriptor)
  const member = archive.members.get(name)
  if (member === undefined) {
    if (staysElsewhere(descriptor)) return undefined
    throw new MissingContent(`"${name}" (${what}) is missing`)
  }
  if (member.size !== descriptor.size) {
    throw new Error(`"${name}" (${what}) has ${member.size} bytes, where the manifest says ${descriptor.size}`)
  }
  return {
    descriptor,
    label: `${what} (${descriptor.digest.slice(7, 19)})`,
    remedy: ARCHIVE_REMEDY,
    open: start => archive.bytes(member, start),
  }
}

function blobName({ digest }: Descriptor): string {
  return `blobs/${digest.replace(':', '/')}`
}
