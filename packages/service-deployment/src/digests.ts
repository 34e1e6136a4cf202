import { AwsError, type Calling, call, PermissionError } from '@aws-deploy-actions/aws-clients'
import {
  DescribeServiceRevisionsCommand,
  type ECSClient,
  type Service,
  type ServiceRevision,
} from '@aws-sdk/client-ecs'
import { DIGESTS_UNKNOWN } from './once.ts'
import { primaryDeployment, type Rollout, type RunningImage } from './rollout.ts'

/** DescribeServiceRevisions takes 20 (API reference). */
const PAGE = 20

/**
 * Service revisions by ARN; none where they may not be read: they are evidence, not the verdict.
 * @param unread gets the reason then; unless it is given, a notice tells it
 */
export async function describedServiceRevisions(
  arns: readonly string[],
  ecs: ECSClient,
  calling: Calling,
  unread: (why: string) => void = why => calling.log.notice(DIGESTS_UNKNOWN, why),
): Promise<Map<string, ServiceRevision>> {
  const found = new Map<string, ServiceRevision>()
  try {
    for (let start = 0; start < arns.length; start += PAGE) {
      const { serviceRevisions = [] } = await call('ecs:DescribeServiceRevisions', calling, options =>
        ecs.send(
          new DescribeServiceRevisionsCommand({ serviceRevisionArns: arns.slice(start, start + PAGE) }),
          options,
        ),
      )
      for (const revision of serviceRevisions) found.set(revision.serviceRevisionArn ?? '', revision)
    }
  } catch (error) {
    if (!(error instanceof PermissionError || error instanceof AwsError)) throw error
    unread(`${error.message} ${error.details.said ?? ''}`.trim())
  }
  return found
}

/**
 * The service revision that most tasks of a service run; during and shortly after a deployment there are two.
 * @param newest the end of the ARN of one that counts less where both have as many: its tasks may be about to fail
 */
export function currentRevisionArn(
  { currentServiceRevisions = [] }: Service,
  newest: string | undefined = undefined,
): string | undefined {
  const isNewest = (arn = ''): number => Number(newest !== undefined && arn.endsWith(newest))
  return currentServiceRevisions.toSorted(
    (a, b) =>
      (b.runningTaskCount ?? 0) - (a.runningTaskCount ?? 0) ||
      isNewest(a.arn) - isNewest(b.arn) ||
      (b.requestedTaskCount ?? 0) - (a.requestedTaskCount ?? 0),
  )[0]?.arn
}

/** That of the PRIMARY deployment, whether or not its tasks run: the number of a deployment is that of its revision. */
export function primaryRevisionArn(service: Service): string | undefined {
  const end = primaryDeployment(service)?.id?.replace(/^.*\//, '/')
  const own = service.currentServiceRevisions?.find(({ arn }) => end !== undefined && arn?.endsWith(end))?.arn
  return own ?? currentRevisionArn(service)
}

/** What the containers of each service run: images with the digests that ECS resolved. */
export async function runningImages(
  rollouts: readonly Rollout[],
  ecs: ECSClient,
  calling: Calling,
  unread?: (why: string) => void,
  of: (rollout: Rollout) => string | undefined = revisionOf,
): Promise<Map<string, RunningImage[]>> {
  const arns = new Map(
    rollouts.flatMap(rollout => {
      const arn = of(rollout)
      return arn === undefined ? [] : [[rollout.name, arn] as const]
    }),
  )
  const revisions = await describedServiceRevisions([...arns.values()], ecs, calling, unread)
  return new Map(
    rollouts.map(rollout => {
      const images = revisions.get(arns.get(rollout.name) ?? '')?.containerImages ?? []
      return [
        rollout.name,
        images.map(({ containerName = '', image = '', imageDigest }) => ({
          container: containerName,
          image,
          digest: imageDigest,
        })),
      ]
    }),
  )
}

/** That of our own deployment once it is done, else what most tasks run. */
function revisionOf({ status, deploymentId, service }: Rollout): string | undefined {
  if (service === undefined) return undefined
  const end = deploymentId?.replace(/^.*\//, '/')
  const own = service.currentServiceRevisions?.find(({ arn }) => end !== undefined && arn?.endsWith(end))?.arn
  if (status === 'deployed' && own !== undefined) return own
  return currentRevisionArn(service, status === 'rolled-back' ? undefined : end)
}

/** That of the PRIMARY, where most tasks run another one: it is still being tried. */
function triedRevision({ service }: Rollout): string | undefined {
  if (service === undefined) return undefined
  const tried = primaryRevisionArn(service)
  return tried === currentRevisionArn(service) ? undefined : tried
}

/**
 * By service, the container whose tag means another digest now than what runs, or than what the PRIMARY tries to run: a
 * tag that was put back does not help a deployment that still starts the other image. Where that is not to be known, a notice
 * says for which service and why.
 */
export async function movedTags(
  rollouts: readonly Rollout[],
  ecs: ECSClient,
  region: string,
  calling: Calling,
): Promise<Map<string, string>> {
  const { meantDigests } = await import('@aws-deploy-actions/ecs/preflight')
  let unread: string | undefined
  const running = await runningImages(rollouts, ecs, calling, why => {
    unread = why
  })
  const tried = await runningImages(
    rollouts,
    ecs,
    calling,
    why => {
      unread = why
    },
    triedRevision,
  )
  const asked = new Map<string, ReturnType<typeof meantDigests>>()
  const meant = (image: string): ReturnType<typeof meantDigests> => {
    const found = asked.get(image) ?? meantDigests(image, region, true, calling)
    asked.set(image, found)
    return found
  }
  const moved = new Map<string, string>()
  const unknown: string[] = []
  for (const { name, target, service } of rollouts) {
    for (const { name: container = '', image = '' } of target.definition.containerDefinitions ?? []) {
      if (image.includes('@sha256:') || service?.desiredCount === 0) continue
      const seen = [running, tried].flatMap(images => images.get(name)?.find(own => own.container === container) ?? [])
      const same = seen.filter(entry => entry.image === image)
      // Another revision still runs: a deployment goes on, and no tag has moved.
      if (seen.length > 0 && same.length === 0) continue
      const digests = same.flatMap(({ digest }) => digest ?? [])
      if (digests.length === 0) {
        unknown.push(`${name}/${container}: ECS does not tell which digest runs.`)
        continue
      }
      const now = await meant(image)
      if ('unknown' in now) unknown.push(`${name}/${container}: ${image}: ${now.unknown}.`)
      else if (digests.some(digest => !now.digests.has(digest))) moved.set(name, container)
    }
  }
  const unsure = unknown.filter(line => ![...moved.keys()].some(name => line.startsWith(`${name}/`)))
  if (unsure.length > 0) {
    const words = 'Whether these tags mean another image now than what runs is not known; nothing is deployed for that.'
    const title = unread === undefined ? 'Tags could not be compared' : DIGESTS_UNKNOWN
    calling.log.notice(title, [...(unread === undefined ? [] : [unread]), words, ...unsure].join('\n'))
  }
  return moved
}
