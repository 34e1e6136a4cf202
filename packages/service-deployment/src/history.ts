import { type Calling, call } from '@aws-deploy-actions/aws-clients'
import { describedRevision, differences, familyRevision, withContainerChanges } from '@aws-deploy-actions/ecs'
import {
  DescribeServiceRevisionsCommand,
  type ECSClient,
  ListServiceDeploymentsCommand,
  type ServiceDeploymentBrief,
  type ServiceRevision,
} from '@aws-sdk/client-ecs'

/** ListServiceDeployments gives 100 at a time at most, DescribeServiceRevisions takes 20 (API reference). */
const MOST_DEPLOYMENTS = 100
const REVISIONS_PAGE = 20

/**
 * The service revisions of the deployments that succeeded, newest first: those of the last 90 days, 100 at most (Amazon ECS
 * Developer Guide, "View service history using Amazon ECS service deployments"). As many are described as are asked for.
 */
export async function* successfulRevisions(
  service: string,
  ecs: ECSClient,
  cluster: string,
  calling: Calling,
): AsyncGenerator<ServiceRevision> {
  const succeeded: ServiceDeploymentBrief[] = []
  let nextToken: string | undefined
  do {
    const input = { cluster, service, status: ['SUCCESSFUL' as const], maxResults: MOST_DEPLOYMENTS, nextToken }
    const listed = await call('ecs:ListServiceDeployments', calling, options =>
      ecs.send(new ListServiceDeploymentsCommand(input), options),
    )
    succeeded.push(...(listed.serviceDeployments ?? []))
    nextToken = listed.nextToken
  } while (nextToken !== undefined && succeeded.length < MOST_DEPLOYMENTS)
  const arns = succeeded
    .toSorted((a, b) => Number(b.createdAt) - Number(a.createdAt))
    .flatMap(({ targetServiceRevisionArn }) => targetServiceRevisionArn ?? [])
  for (let start = 0; start < arns.length; start += REVISIONS_PAGE) {
    const some = arns.slice(start, start + REVISIONS_PAGE)
    const { serviceRevisions = [] } = await call('ecs:DescribeServiceRevisions', calling, options =>
      ecs.send(new DescribeServiceRevisionsCommand({ serviceRevisionArns: [...new Set(some)] }), options),
    )
    const byArn = new Map(serviceRevisions.map(revision => [revision.serviceRevisionArn, revision]))
    yield* some.flatMap(arn => byArn.get(arn) ?? [])
  }
}

/** The newest of them that is wanted. */
export async function newestOf(
  newestFirst: AsyncIterable<ServiceRevision>,
  isWanted: (revision: ServiceRevision) => boolean,
): Promise<ServiceRevision | undefined> {
  for await (const revision of newestFirst) if (isWanted(revision)) return revision
  return undefined
}

/** What succeeded, without what was left again for an earlier version; both newest first. */
export interface Standing {
  readonly standing: readonly ServiceRevision[]
  readonly left: readonly ServiceRevision[]
}

/**
 * ECS keeps no record of why something was deployed. But when a version comes back, all that was deployed in between was
 * left: 1, 2, 3, 2 is a rollback from 3, and what stands is 1, 2.
 */
export async function standingRevisions(
  newestFirst: AsyncIterable<ServiceRevision>,
  ecs: ECSClient,
  calling: Calling,
): Promise<Standing> {
  const revisions: ServiceRevision[] = []
  for await (const revision of newestFirst) revisions.push(revision)
  const standing: ServiceRevision[] = []
  const left: ServiceRevision[] = []
  for (const revision of revisions.toReversed()) {
    for (const [at, earlier] of standing.entries()) {
      if (!isSameVersion(revision, earlier) && !(await isWithItsDigests(revision, earlier, ecs, calling))) continue
      left.push(...standing.splice(at).slice(1))
      break
    }
    standing.push(revision)
  }
  const isBack = (revision: ServiceRevision): boolean => standing.some(other => isSameVersion(other, revision))
  const newest = (a: ServiceRevision, b: ServiceRevision): number => Number(b.createdAt) - Number(a.createdAt)
  return { standing: standing.toReversed(), left: left.filter(revision => !isBack(revision)).toSorted(newest) }
}

/** The same task definition with the same digests, as far as they are known: behind a tag that moved, one is two versions. */
export function isSameVersion(
  { taskDefinition, containerImages = [] }: ServiceRevision,
  other: Pick<ServiceRevision, 'taskDefinition' | 'containerImages'>,
): boolean {
  if (taskDefinition !== other.taskDefinition) return false
  const digests = digestsOf(other)
  return containerImages.every(({ containerName, imageDigest }) => {
    const digest = digests.get(containerName)
    return digest === undefined || imageDigest === undefined || digest === imageDigest
  })
}

/** Is it the earlier one with the digests that ran then in place of its tags, as a rollback registers it? */
async function isWithItsDigests(
  { taskDefinition = '', containerImages = [] }: ServiceRevision,
  earlier: ServiceRevision,
  ecs: ECSClient,
  calling: Calling,
): Promise<boolean> {
  const digests = digestsOf(earlier)
  const tags = new Map((earlier.containerImages ?? []).map(({ containerName, image }) => [containerName, image]))
  const pinned = containerImages.filter(
    ({ containerName, image = '' }) => image.includes('@sha256:') && tags.get(containerName)?.includes('@') === false,
  )
  const isPossible =
    taskDefinition !== earlier.taskDefinition &&
    familyOf(taskDefinition) === familyOf(earlier.taskDefinition) &&
    pinned.length > 0 &&
    containerImages.every(({ containerName, imageDigest }) => digests.get(containerName) === imageDigest)
  if (!isPossible) return false
  const [now, then] = await Promise.all(
    [taskDefinition, earlier.taskDefinition ?? ''].map(arn => describedRevision(ecs, arn, calling)),
  )
  if (now === undefined || then === undefined) return false
  const withDigests = pinned.reduce(
    (definition, { containerName = '', image = '' }) =>
      withContainerChanges(definition, containerName, { image, secrets: new Map() }),
    then.definition,
  )
  return differences(withDigests, now.definition).length === 0
}

function digestsOf({
  containerImages = [],
}: Pick<ServiceRevision, 'containerImages'>): Map<string | undefined, string | undefined> {
  return new Map(containerImages.map(entry => [entry.containerName, entry.imageDigest]))
}

function familyOf(arn = ''): string {
  return familyRevision(arn).replace(/:\d+$/, '')
}
