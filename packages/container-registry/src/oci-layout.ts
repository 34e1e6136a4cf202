import { Readable } from 'node:stream'
import type { Archive } from './archive.ts'
import {
  type Descriptor,
  descriptors,
  isRecord,
  MANIFEST_TYPES,
  type Manifest,
  parseJson,
  parseManifest,
  staysElsewhere,
} from './content.ts'
import type { ImageSource, SourceBlob } from './image-source.ts'

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

  const children: Manifest[] = []
  const blobs = new Map<string, SourceBlob>()
  const visited = new Set<string>()
  const visit = async (descriptor: Descriptor, depth: number): Promise<Manifest> => {
    if (depth > 4) throw new Error('"index.json" nests indexes too deeply')
    const manifest = await manifestOf(archive, descriptor)
    if (manifest.content.kind === 'index') {
      for (const child of manifest.content.manifests) {
        if (visited.has(child.digest)) continue
        visited.add(child.digest)
        // An index may list content that is no manifest at all; registries take it as a blob.
        if (MANIFEST_TYPES.some(type => type === child.mediaType)) children.push(await visit(child, depth + 1))
        else addBlob(archive, blobs, child, 'content')
      }
    } else {
      const { config, layers } = manifest.content
      addBlob(archive, blobs, config, 'config')
      for (const [index, layer] of layers.entries()) {
        addBlob(archive, blobs, layer, `layer ${index + 1} of ${layers.length}`)
      }
    }
    return manifest
  }
  const root = await visit(top, 0)
  return { root, children, blobs: [...blobs.values()] }
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

function addBlob(archive: Archive, blobs: Map<string, SourceBlob>, descriptor: Descriptor, what: string): void {
  const name = blobName(descriptor)
  const member = archive.members.get(name)
  if (member === undefined) {
    if (staysElsewhere(descriptor)) return
    throw new MissingContent(`"${name}" (${what}) is missing`)
  }
  if (member.size !== descriptor.size) {
    throw new Error(`"${name}" (${what}) has ${member.size} bytes, where the manifest says ${descriptor.size}`)
  }
  blobs.set(descriptor.digest, {
    descriptor,
    label: `${what} (${descriptor.digest.slice(7, 19)})`,
    open: start => (start >= member.size ? Readable.from([]) : archive.stream(member, start)),
  })
}

function blobName({ digest }: Descriptor): string {
  return `blobs/${digest.replace(':', '/')}`
}
