import type { BlobStore } from './blob-store.ts'
import { findImage, referenceOf } from './images.ts'
import type { Upstream } from './pull-through.ts'
import type { RegistryScope, Repositories } from './repositories.ts'

const privateHost = /^(?:https?:\/\/)?(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com\/?$/

/** Repositories of this same cloud as the upstream of another of its registries: another account's or region's, or the public one. */
export function upstreamWithin(
  repositories: Repositories,
  store: BlobStore,
  own: { readonly accountId: string; readonly publicAlias: string },
): (url: string) => Upstream | undefined {
  return url => {
    const [, registryId, region] = privateHost.exec(url) ?? []
    const isPublic = /^(?:https?:\/\/)?public\.ecr\.aws\/?$/.test(url)
    if (!isPublic && (registryId === undefined || region === undefined)) return undefined
    const scope: RegistryScope = isPublic
      ? { kind: 'public', registryId: own.accountId, region: 'us-east-1' }
      : { kind: 'private', registryId: registryId ?? '', region: region ?? '' }
    const local = (name: string): string => (isPublic ? name.replace(`${own.publicAlias}/`, '') : name)
    return {
      async manifest(name, reference) {
        const repository = repositories.find(scope, local(name))
        const image = repository === undefined ? undefined : findImage(repository, referenceOf(reference))
        return image === undefined ? undefined : { bytes: image.bytes, mediaType: image.manifest.mediaType }
      },
      async blob(_name, digest) {
        return store.read(digest)
      },
    }
  }
}
