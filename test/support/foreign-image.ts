import type { LocalAws } from '@aws-deploy-actions/local-aws'
import { built, pusher } from '../../packages/local-aws/test/support/image.ts'

/** An architecture that this machine has not. */
export const FOREIGN = process.arch === 'x64' ? 'arm64' : 'amd64'
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'

/** Pushes an image for another architecture, and as `TAG-index` an index that holds nothing else. */
export async function pushForeignImage(
  aws: LocalAws,
  repository: string,
  tag: string,
  architecture = FOREIGN,
): Promise<void> {
  const { manifest, blobs } = await built({ architecture, command: ['true'] })
  const push = await pusher(aws, repository)
  for (const blob of blobs) await push.blob(blob)
  await push.manifest(manifest, tag, MANIFEST)
  const platform = { os: 'linux', architecture }
  const index = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [{ mediaType: MANIFEST, digest: manifest.digest, size: manifest.bytes.length, platform }],
  }
  await push.manifest({ bytes: Buffer.from(JSON.stringify(index)), digest: '' }, `${tag}-index`, index.mediaType)
}
