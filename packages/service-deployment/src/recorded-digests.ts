import type { Calling } from '@aws-deploy-actions/aws-clients'
import { type Registrable, withContainerChanges } from '@aws-deploy-actions/ecs'
import type { ServiceRevision } from '@aws-sdk/client-ecs'

/**
 * The definition as it ran: where a tag means another image now, or nobody tells what it means, the digest that the
 * service revision recorded.
 * @param alsoPublic asks ECR Public's registry, too; without it the digests of its images are put in
 */
export async function withRecordedDigests(
  name: string,
  definition: Registrable,
  { containerImages = [] }: ServiceRevision,
  region: string,
  alsoPublic: boolean,
  calling: Calling,
): Promise<Registrable> {
  const { meantDigests } = await import('@aws-deploy-actions/ecs/preflight')
  let recorded = definition
  for (const { containerName = '', image = '', imageDigest } of containerImages) {
    if (imageDigest === undefined || image.includes('@sha256:')) continue
    const meant = await meantDigests(image, region, alsoPublic, calling)
    if ('digests' in meant && meant.digests.has(imageDigest)) continue
    const why = 'digests' in meant ? 'means another image now' : `may mean another image now (${meant.unknown})`
    calling.log.info(`${name}: the tag of ${containerName} ${why}; the one that ran then is put in.`)
    const repository = image.replace(/:[^:/]+$/, '')
    recorded = withContainerChanges(recorded, containerName, {
      image: `${repository}@${imageDigest}`,
      secrets: new Map(),
    })
  }
  return recorded
}
