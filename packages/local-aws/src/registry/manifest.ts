export const mediaTypes = {
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
} as const

const known: readonly string[] = Object.values(mediaTypes)

export interface Descriptor {
  readonly mediaType: string | undefined
  readonly digest: string
  readonly size: number
  readonly artifactType: string | undefined
  /** layers that are fetched elsewhere (`urls`) need not be in the registry */
  readonly foreign: boolean
}

/** What a registry reads of a manifest; its bytes stay as they came. */
export interface Manifest {
  readonly mediaType: string
  /** an image index or manifest list */
  readonly isIndex: boolean
  readonly config: Descriptor | undefined
  readonly layers: readonly Descriptor[]
  /** manifests that an index names */
  readonly manifests: readonly Descriptor[]
  readonly subject: Descriptor | undefined
  readonly artifactType: string | undefined
  readonly annotations: Readonly<Record<string, string>> | undefined
}

export class ManifestInvalid extends Error {
  override readonly name = 'ManifestInvalid'
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function descriptor(value: unknown, where: string): Descriptor {
  if (!isRecord(value) || typeof value.digest !== 'string' || typeof value.size !== 'number') {
    throw new ManifestInvalid(`${where} is not a descriptor with digest and size`)
  }
  return {
    digest: value.digest,
    size: value.size,
    mediaType: typeof value.mediaType === 'string' ? value.mediaType : undefined,
    artifactType: typeof value.artifactType === 'string' ? value.artifactType : undefined,
    foreign: Array.isArray(value.urls) && value.urls.length > 0,
  }
}

function descriptors(value: unknown, where: string): Descriptor[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) throw new ManifestInvalid(`${where} is not a list`)
  return value.map((entry, index) => descriptor(entry, `${where}[${index}]`))
}

function stringMap(value: unknown): Record<string, string> | undefined {
  if (!isRecord(value)) return undefined
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, text]) => (typeof text === 'string' ? [[key, text]] : [])),
  )
}

/**
 * @param declared the Content-Type of the push or `imageManifestMediaType`; without it the manifest's own `mediaType`
 *   counts, and without that an OCI manifest is told by its members
 * @throws ManifestInvalid
 */
export function parseManifest(bytes: Uint8Array, declared?: string): Manifest {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    throw new ManifestInvalid('manifest is not JSON')
  }
  if (!isRecord(value)) throw new ManifestInvalid('manifest is not a JSON object')
  if (value.schemaVersion !== 2) throw new ManifestInvalid('only schemaVersion 2 is supported')
  const own = typeof value.mediaType === 'string' ? value.mediaType : undefined
  if (own !== undefined && declared !== undefined && own !== declared) {
    throw new ManifestInvalid(`manifest says mediaType '${own}', the request '${declared}'`)
  }
  const mediaType = declared ?? own ?? (Array.isArray(value.manifests) ? mediaTypes.ociIndex : mediaTypes.ociManifest)
  if (!known.includes(mediaType)) throw new ManifestInvalid(`unsupported manifest media type '${mediaType}'`)
  const isIndex = mediaType === mediaTypes.dockerList || mediaType === mediaTypes.ociIndex
  if (isIndex !== (value.manifests !== undefined)) {
    throw new ManifestInvalid(`members do not fit the media type '${mediaType}'`)
  }
  return {
    mediaType,
    isIndex,
    config: isIndex ? undefined : descriptor(value.config, 'config'),
    layers: isIndex ? [] : descriptors(value.layers, 'layers'),
    manifests: isIndex ? descriptors(value.manifests, 'manifests') : [],
    subject: value.subject === undefined ? undefined : descriptor(value.subject, 'subject'),
    artifactType: typeof value.artifactType === 'string' ? value.artifactType : undefined,
    annotations: stringMap(value.annotations),
  }
}
