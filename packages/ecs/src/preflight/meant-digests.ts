import { type Calling, PermissionError } from '@aws-deploy-actions/aws-clients'
import { isObject } from '../schema.ts'
import { ecrImage } from './images.ts'
import { manifestOf, type PrivateImage } from './private-image.ts'

/** What a reference means now: the digest of its manifest and, for an index, those of its entries; or why nobody tells. */
export type Meaning = { readonly digests: ReadonlySet<string> } | { readonly unknown: string }

const NOT_THERE: Meaning = { unknown: 'no such image is there now' }

/**
 * Asks ECR what a reference means now.
 * @param alsoPublic asks ECR Public's registry, too, which can take seconds
 */
export async function meantDigests(
  image: string,
  region: string,
  alsoPublic: boolean,
  calling: Calling,
): Promise<Meaning> {
  const found = ecrImage(image, region, undefined)
  if (found === undefined) return { unknown: 'its registry is not ECR' }
  const own = found.private === undefined ? NOT_THERE : await privateMeaning(found.private, calling)
  if ('digests' in own || found.public === undefined) return own
  if (!alsoPublic) return { unknown: 'its registry was not asked' }
  const { askedRegistry } = await import('./public-image.ts')
  const open = await askedRegistry(found.public, calling, async ({ digest, content }) => ({
    digests: new Set([digest, ...(content.kind === 'index' ? content.manifests.map(entry => entry.digest) : [])]),
  }))
  if (open !== undefined && 'digests' in open) return open
  return own === NOT_THERE ? (open ?? NOT_THERE) : own
}

async function privateMeaning(image: PrivateImage, calling: Calling): Promise<Meaning> {
  try {
    const found = await manifestOf(image, calling)
    if (found?.imageManifest === undefined || found.imageId?.imageDigest === undefined) return NOT_THERE
    const manifest: unknown = JSON.parse(found.imageManifest)
    const entries = isObject(manifest) && Array.isArray(manifest['manifests']) ? manifest['manifests'] : []
    const digests = entries.flatMap(entry =>
      isObject(entry) && typeof entry['digest'] === 'string' ? [entry['digest']] : [],
    )
    return { digests: new Set([found.imageId.imageDigest, ...digests]) }
  } catch (error) {
    if (error instanceof PermissionError) return { unknown: `needs ${error.action}` }
    throw error
  }
}
