import { Failure } from '@aws-deploy-actions/action-runtime'
import type { Calling } from '@aws-deploy-actions/aws-clients'
import { type Manifest, RegistryConnection, Repository } from '@aws-deploy-actions/container-registry/distribution'
import type { Seen } from './images.ts'
import { platformsOf } from './platforms.ts'

/** How long one look may take (ms): nothing of the deployment depends on it. */
const PATIENCE_MS = 15_000

/** An image that anybody may pull, by what its registry is asked for. */
export interface PublicImage {
  /** `public.ecr.aws`, or `host:port` */
  readonly host: string
  readonly repository: string
  /** a tag or digest */
  readonly reference: string
}

/**
 * Looks for an image as a container runtime without credentials does: the API of ECR Public knows the caller's own
 * repositories only.
 */
export async function publicImage(image: PublicImage, calling: Calling): Promise<Seen> {
  return askedRegistry(image, calling, async (found, registry) => {
    const platforms = await platformsOf(found.bytes.toString(), async descriptor => {
      const config: unknown = JSON.parse((await registry.smallBlob(descriptor)).toString())
      return config
    })
    return { platforms }
  })
}

/** What `look` finds in the manifest; undefined when the image is not there; `unknown` is why it could not be asked for. */
export async function askedRegistry<Found>(
  { host, repository, reference }: PublicImage,
  { clock, log, signal, deadline }: Calling,
  look: (manifest: Manifest, registry: Repository) => Promise<Found>,
): Promise<Found | { readonly unknown: string } | undefined> {
  const mostMs = Math.max(1, Math.min(PATIENCE_MS, deadline.left))
  const patience = AbortSignal.any([AbortSignal.timeout(mostMs), ...(signal === undefined ? [] : [signal])])
  const connection = new RegistryConnection(host, undefined, { clock, log, signal: patience, hide: () => undefined })
  const registry = new Repository(connection, repository, undefined)
  try {
    const found = await registry.manifestOrRefusal(reference)
    if (!('status' in found)) return await look(found, registry)
    return found.status === 404 ? undefined : { unknown: `${host} answered with ${found.status}` }
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof Failure || patience.aborted) return { unknown: `${host} could not be asked` }
    throw error
  } finally {
    connection.close()
  }
}
