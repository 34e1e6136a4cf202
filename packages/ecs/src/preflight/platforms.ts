import { isObject } from '../schema.ts'

/** A blob by its descriptor in a manifest. */
export interface BlobDescriptor {
  readonly digest: string
  readonly mediaType: string
  /** bytes */
  readonly size: number
}

/** The platforms (`linux/amd64`) of a manifest: those of an index, else the one in the image's configuration. */
export async function platformsOf(
  manifestText: string,
  document: (descriptor: BlobDescriptor) => Promise<unknown>,
): Promise<string[]> {
  const manifest: unknown = JSON.parse(manifestText)
  if (!isObject(manifest)) return []
  if (Array.isArray(manifest['manifests'])) {
    return manifest['manifests'].flatMap(entry => platformText(isObject(entry) ? entry['platform'] : undefined))
  }
  const { digest, mediaType, size } = isObject(manifest['config']) ? manifest['config'] : {}
  const known = typeof digest === 'string' && typeof mediaType === 'string' && typeof size === 'number'
  return known ? platformText(await document({ digest, mediaType, size })) : []
}

function platformText(platform: unknown): string[] {
  if (!isObject(platform)) return []
  const { os, architecture } = platform
  // An attestation's entry is "unknown/unknown" (BuildKit, "Image attestation storage").
  return typeof os === 'string' && typeof architecture === 'string' && os !== 'unknown' ? [`${os}/${architecture}`] : []
}
