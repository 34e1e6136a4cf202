import { createHash } from 'node:crypto'

/** What a manifest or index says of a piece of content (OCI image spec, "Content Descriptors"). */
export interface Descriptor {
  readonly mediaType: string
  /** `sha256:` and 64 hex digits */
  readonly digest: string
  /** bytes */
  readonly size: number
  readonly annotations?: Readonly<Record<string, string>>
}

/** A manifest or index as its exact bytes: their digest is the image's name. */
export interface Manifest {
  readonly mediaType: string
  readonly digest: string
  readonly bytes: Buffer
  readonly content: ManifestContent
}

export type ManifestContent =
  | { readonly kind: 'image'; readonly config: Descriptor; readonly layers: readonly Descriptor[] }
  | { readonly kind: 'index'; readonly manifests: readonly Descriptor[] }

export const MEDIA_TYPES = {
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
} as const

/** The four kinds that ECR keeps; asked for all at once so that the registry converts nothing. */
export const MANIFEST_TYPES = [
  MEDIA_TYPES.ociIndex,
  MEDIA_TYPES.ociManifest,
  MEDIA_TYPES.dockerList,
  MEDIA_TYPES.dockerManifest,
] as const

/** Registries refuse larger manifests (distribution spec: at least 4 MiB must be accepted; ECR takes no more). */
export const MANIFEST_LIMIT_BYTES = 4 * 1024 * 1024

export function sha256(bytes: Buffer | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

export function isDigest(text: string): boolean {
  return /^sha256:[0-9a-f]{64}$/.test(text)
}

/** Layers that by their licence stay where they are (OCI: non-distributable; Docker: foreign); registries do not hold them. */
export function staysElsewhere({ mediaType }: Descriptor): boolean {
  return /\.foreign\.|\.nondistributable\./.test(mediaType)
}

/**
 * Reads a manifest or index.
 * @param mediaType as the descriptor or the registry says; the document's own `mediaType` must not contradict it
 * @throws Error that says what is wrong with it
 */
export function parseManifest(bytes: Buffer, mediaType?: string): Manifest {
  const document = parseJson(bytes)
  if (!isRecord(document)) throw new Error('is not a JSON object')
  if (document['schemaVersion'] !== 2) throw new Error('has no schemaVersion 2')
  const own = document['mediaType']
  if (own !== undefined && mediaType !== undefined && own !== mediaType) {
    throw new Error(`says it is ${String(own)}, where ${mediaType} was announced`)
  }
  // OCI lets a manifest leave its media type out; then its members tell what it is.
  const type =
    mediaType ??
    (typeof own === 'string'
      ? own
      : Array.isArray(document['manifests'])
        ? MEDIA_TYPES.ociIndex
        : MEDIA_TYPES.ociManifest)
  if (!MANIFEST_TYPES.some(entry => entry === type)) throw new Error(`has the unknown media type ${type}`)
  const isIndex = type === MEDIA_TYPES.ociIndex || type === MEDIA_TYPES.dockerList
  const content: ManifestContent = isIndex
    ? { kind: 'index', manifests: descriptors(document['manifests'], 'manifests') }
    : {
        kind: 'image',
        config: descriptor(document['config'], 'config'),
        layers: descriptors(document['layers'], 'layers'),
      }
  return { mediaType: type, digest: sha256(bytes), bytes, content }
}

/** Compression by its first bytes (RFC 1952, RFC 8878); undefined for anything else. */
export function compressionOf(start: Buffer): 'gzip' | 'zstd' | undefined {
  if (start.length >= 2 && start.readUInt16BE(0) === 0x1f8b) return 'gzip'
  if (start.length >= 4 && start.readUInt32LE(0) === 0xfd2fb528) return 'zstd'
  return undefined
}

export function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    throw new Error(`is not valid JSON (${error instanceof Error ? error.message : error})`)
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function descriptors(value: unknown, path: string): Descriptor[] {
  if (!Array.isArray(value)) throw new Error(`has no list "${path}"`)
  return value.map((entry, index) => descriptor(entry, `${path}[${index}]`))
}

function descriptor(value: unknown, path: string): Descriptor {
  if (!isRecord(value)) throw new Error(`has no "${path}"`)
  const { mediaType, digest, size, annotations } = value
  if (typeof mediaType !== 'string' || mediaType === '') throw new Error(`"${path}" has no mediaType`)
  if (typeof digest !== 'string' || !isDigest(digest)) throw new Error(`"${path}" has no sha256 digest`)
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw new Error(`"${path}" has no valid size`)
  const texts = isRecord(annotations)
    ? Object.fromEntries(
        Object.entries(annotations).flatMap(([key, text]) => (typeof text === 'string' ? [[key, text]] : [])),
      )
    : undefined
  return { mediaType, digest, size, ...(texts === undefined ? {} : { annotations: texts }) }
}
