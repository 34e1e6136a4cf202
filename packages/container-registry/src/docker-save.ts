import { createHash } from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import { types } from 'node:util'
import { createGunzip } from 'node:zlib'
import { ARCHIVE_REMEDY, type Archive } from './archive.ts'
import {
  compressionOf,
  type Descriptor,
  isDigest,
  isRecord,
  MEDIA_TYPES,
  parseJson,
  parseManifest,
  sha256,
} from './content.ts'
import type { ImageSource, SourceBlob } from './image-source.ts'
import { refuseExpansion } from './layer-expansion.ts'
import type { TarMember } from './tar-members.ts'

/**
 * The one image of a `docker save` tar (`manifest.json` with the names of config and layers; Docker Engine, image/tarexport).
 * Its layers are pushed as they are, and a Docker v2 schema 2 manifest is made for them; the config stays untouched, so
 * the image keeps its id. The digest of a layer is its `diff_id` in the config when it is not compressed, or the name of
 * its file when it is: it is verified while the layer is sent, so a layer that the registry has is not read. A compressed
 * layer under any other name is unpacked once, to nowhere: nothing else tells its digest, and what is in it must be what
 * the `diff_id` says. (That a layer unpacks to its `diff_id` is otherwise seen by whoever pulls it, as with OCI layouts.)
 *
 * @throws Error when there is none or more than one, when names, counts or digests do not fit together
 */
export async function dockerSaveImage(archive: Archive, signal: AbortSignal): Promise<Omit<ImageSource, 'close'>> {
  const { configName, layerNames } = savedImage(jsonIn('manifest.json', await archive.read('manifest.json')))
  const configBytes = await archive.read(configName)
  const configDigest = sha256(configBytes)
  const named = /([0-9a-f]{64})(?:\.json)?$/.exec(configName)?.[1]
  if (named !== undefined && configDigest !== `sha256:${named}`) {
    throw new Error(`"${configName}" has the digest ${configDigest}`)
  }
  const diffIds = layerDiffIds(configName, configBytes)
  if (diffIds.length !== layerNames.length) {
    throw new Error(`"manifest.json" names ${layerNames.length} layers, the config ${diffIds.length}`)
  }

  const blobs = new Map<string, SourceBlob>()
  const layers: Descriptor[] = []
  for (const [index, name] of layerNames.entries()) {
    const member = archive.members.get(name)
    if (member === undefined) throw new Error(`"${name}" (layer ${index + 1} of ${layerNames.length}) is missing`)
    const descriptor = await layerDescriptor(archive, member, diffIds[index] ?? '', signal)
    layers.push(descriptor)
    const same = blobs.get(descriptor.digest)
    if (same !== undefined && same.descriptor.size !== descriptor.size) {
      throw new Error(`"${name}" and ${same.label} have one digest, but not one size`)
    }
    blobs.set(descriptor.digest, {
      descriptor,
      label: `layer ${index + 1} of ${layerNames.length} (${descriptor.digest.slice(7, 19)})`,
      remedy: ARCHIVE_REMEDY,
      open: start => archive.bytes(member, start),
    })
  }
  const config: Descriptor = { mediaType: MEDIA_TYPES.dockerConfig, digest: configDigest, size: configBytes.length }
  blobs.set(configDigest, {
    descriptor: config,
    label: `config (${configDigest.slice(7, 19)})`,
    remedy: ARCHIVE_REMEDY,
    open: start => pieceOf(configBytes, start),
  })
  const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPES.dockerManifest, config, layers }
  return {
    root: parseManifest(Buffer.from(JSON.stringify(manifest, undefined, 3))),
    children: [],
    blobs: [...blobs.values()],
    origin: undefined,
  }
}

async function* pieceOf(bytes: Buffer, start: number): AsyncGenerator<Buffer> {
  if (start < bytes.length) yield bytes.subarray(start)
}

function savedImage(manifest: unknown): { configName: string; layerNames: string[] } {
  if (!Array.isArray(manifest)) throw new Error('"manifest.json" is no list of images')
  const [first, ...others] = manifest.map(savedEntry)
  if (first === undefined) throw new Error('"manifest.json" names no image')
  // One image under several names may stand there once a name.
  const same = (other: SavedEntry): boolean =>
    other.configName === first.configName && other.layerNames.join('\n') === first.layerNames.join('\n')
  if (!others.every(same)) {
    const names = manifest.map(entry => (isRecord(entry) ? String(entry['RepoTags']) : '?'))
    throw new Error(`it holds ${manifest.length} images (${names.join('; ')}); allowed is one`)
  }
  return first
}

interface SavedEntry {
  readonly configName: string
  readonly layerNames: string[]
}

function savedEntry(image: unknown): SavedEntry {
  const config = isRecord(image) ? image['Config'] : undefined
  const layers = isRecord(image) ? image['Layers'] : undefined
  if (typeof config !== 'string') throw new Error('"manifest.json" names no config')
  // Go writes an empty list as null.
  const names: unknown[] | undefined = layers === null ? [] : Array.isArray(layers) ? layers : undefined
  const layerNames = names?.filter(name => typeof name === 'string')
  if (layerNames === undefined || layerNames.length !== names?.length) {
    throw new Error('"manifest.json" has no list of layers')
  }
  return { configName: plainName(config), layerNames: layerNames.map(plainName) }
}

// kaniko names the config "sha256:…", everybody else by a path.
function plainName(name: string): string {
  return name.replace(/^\.\//, '')
}

function jsonIn(name: string, bytes: Buffer): unknown {
  try {
    return parseJson(bytes)
  } catch (error) {
    throw new Error(`"${name}" ${error instanceof Error ? error.message : error}`)
  }
}

function layerDiffIds(name: string, bytes: Buffer): string[] {
  const config = jsonIn(name, bytes)
  const rootfs = isRecord(config) ? config['rootfs'] : undefined
  const diffIds = isRecord(rootfs) ? (rootfs['diff_ids'] ?? []) : undefined
  if (!Array.isArray(diffIds)) throw new Error(`"${name}" is no image config: it has no rootfs.diff_ids`)
  return diffIds.map(entry => {
    if (typeof entry !== 'string' || !isDigest(entry))
      throw new Error(`"${name}" has an entry in rootfs.diff_ids that is no digest`)
    return entry
  })
}

async function layerDescriptor(
  archive: Archive,
  member: TarMember,
  diffId: string,
  signal: AbortSignal,
): Promise<Descriptor> {
  const compression = compressionOf(await archive.start(member, 4))
  if (compression === undefined) return { mediaType: MEDIA_TYPES.dockerLayer, digest: diffId, size: member.size }
  if (compression !== 'gzip')
    throw new Error(`"${member.name}" is compressed with ${compression}, which a docker manifest cannot say`)
  const digest = namedDigest(member.name)
  // One that is named after what it unpacks to does not tell its own digest.
  if (digest !== undefined && digest !== diffId) {
    return { mediaType: MEDIA_TYPES.dockerLayerGzip, digest, size: member.size }
  }
  const { packed, unpacked } = await gzipDigests(archive, member, signal)
  if (unpacked !== diffId) {
    throw new Error(`"${member.name}" unpacks to ${unpacked}, where the config says ${diffId}`)
  }
  return { mediaType: MEDIA_TYPES.dockerLayerGzip, digest: packed, size: member.size }
}

/**
 * The digest that a compressed layer is named by: `blobs/sha256/HEX` of an OCI layout (docker save since Engine 25), or
 * `HEX.tar.gz` (go-containerregistry, pkg/v1/tarball, which kaniko and ko write with; Jib, ImageTarball).
 */
function namedDigest(name: string): string | undefined {
  const [, blob, file] = /^(?:blobs\/sha256\/([0-9a-f]{64})|([0-9a-f]{64})\.tar\.gz)$/.exec(name) ?? []
  const hex = blob ?? file
  return hex === undefined ? undefined : `sha256:${hex}`
}

/** The digests of a layer's bytes and of what they unpack to. @throws Error for damaged compression, for a bomb */
async function gzipDigests(
  archive: Archive,
  member: TarMember,
  signal: AbortSignal,
): Promise<{ packed: string; unpacked: string }> {
  const packed = createHash('sha256')
  const unpacked = createHash('sha256')
  const bytes = { packed: 0, unpacked: 0 }
  try {
    await pipeline(
      async function* () {
        for await (const piece of archive.bytes(member, 0)) {
          packed.update(piece)
          bytes.packed += piece.length
          // The archive uses a piece's memory again.
          yield Buffer.from(piece)
        }
      },
      createGunzip({ chunkSize: 256 * 1024 }),
      async (pieces: AsyncIterable<Buffer>) => {
        for await (const piece of pieces) {
          unpacked.update(piece)
          bytes.unpacked += piece.length
          refuseExpansion(`"${member.name}"`, bytes)
        }
      },
      { signal },
    )
  } catch (error) {
    if (!(types.isNativeError(error) && 'code' in error && /^Z_/.test(String(error.code)))) throw error
    throw new Error(`"${member.name}" cannot be unpacked: ${error.message}`)
  }
  return { packed: `sha256:${packed.digest('hex')}`, unpacked: `sha256:${unpacked.digest('hex')}` }
}
