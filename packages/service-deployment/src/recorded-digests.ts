import type { Calling } from '@aws-deploy-actions/aws-clients'
import { type Registrable, withContainerChanges } from '@aws-deploy-actions/ecs'
import type { ServiceRevision } from '@aws-sdk/client-ecs'

/** The definition as it ran: where a tag means another image now, the digest that the service revision recorded. */
export async function withRecordedDigests(
  name: string,
  definition: Registrable,
  { containerImages = [] }: ServiceRevision,
  region: string,
  calling: Calling,
): Promise<Registrable> {
  const { meantDigests } = await import('@aws-deploy-actions/ecs/preflight')
  let recorded = definition
  for (const { containerName = '', image = '', imageDigest } of containerImages) {
    if (imageDigest === undefined || image.includes('@sha256:')) continue
    const meant = await meantDigests(image, region, calling)
    if (meant?.has(imageDigest) !== false) continue
    calling.log.info(`${name}: the tag of ${containerName} means another image now; the one that ran then is put in.`)
    const repository = image.replace(/:[^:/]+$/, '')
    recorded = withContainerChanges(recorded, containerName, {
      image: `${repository}@${imageDigest}`,
      secrets: new Map(),
    })
  }
  return recorded
}
