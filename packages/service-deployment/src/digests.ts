import { AwsError, type Calling, call, PermissionError } from '@aws-deploy-actions/aws-clients'
import type { Registrable } from '@aws-deploy-actions/ecs'
import { DescribeServiceRevisionsCommand, type ECSClient } from '@aws-sdk/client-ecs'
import type { Rollout, RunningImage } from './rollout.ts'

/** What the containers of each service run, by the service revisions: images with the digests that ECS resolved. */
export async function runningImages(
  rollouts: readonly Rollout[],
  ecs: ECSClient,
  calling: Calling,
): Promise<Map<string, RunningImage[]>> {
  const arns = new Map<string, string>()
  for (const { name, service } of rollouts) {
    const [current] = service?.currentServiceRevisions ?? []
    if (current?.arn !== undefined) arns.set(current.arn, name)
  }
  const images = new Map<string, RunningImage[]>()
  const all = [...arns.keys()]
  try {
    for (let start = 0; start < all.length; start += 20) {
      const { serviceRevisions = [] } = await call('ecs:DescribeServiceRevisions', calling, options =>
        ecs.send(new DescribeServiceRevisionsCommand({ serviceRevisionArns: all.slice(start, start + 20) }), options),
      )
      for (const { serviceRevisionArn = '', containerImages = [] } of serviceRevisions) {
        const name = arns.get(serviceRevisionArn)
        if (name === undefined) continue
        images.set(
          name,
          containerImages.map(({ containerName = '', image = '', imageDigest }) => ({
            container: containerName,
            image,
            digest: imageDigest,
          })),
        )
      }
    }
  } catch (error) {
    if (!(error instanceof PermissionError || error instanceof AwsError)) throw error
    calling.log.debug(`Running digests are not known: ${error.message}`)
  }
  return images
}

/** The container whose tag means another digest now than what runs; undefined when there is none, or it cannot be known. */
export async function movedTag(
  definition: Registrable,
  running: readonly RunningImage[],
  region: string,
  calling: Calling,
): Promise<string | undefined> {
  const { meantDigests } = await import('@aws-deploy-actions/ecs/preflight')
  for (const { name, image = '' } of definition.containerDefinitions ?? []) {
    const digest = running.find(({ container }) => container === name)?.digest
    if (digest === undefined || image.includes('@sha256:')) continue
    const meant = await meantDigests(image, region, calling)
    if (meant !== undefined && !meant.has(digest)) return name
  }
  return undefined
}
