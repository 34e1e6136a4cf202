import { type Calling, call } from '@aws-deploy-actions/aws-clients'
import {
  DescribeServiceRevisionsCommand,
  type ECSClient,
  ListServiceDeploymentsCommand,
  type ServiceDeploymentBrief,
  type ServiceRevision,
} from '@aws-sdk/client-ecs'
import { knownDigests, type Sameness, type Version } from './same-version.ts'

/** ListServiceDeployments gives 100 at a time at most, DescribeServiceRevisions takes 20 (API reference). */
const MOST_DEPLOYMENTS = 100
const REVISIONS_PAGE = 20
/** Where those that failed are listed, too. */
const MOST_OF_ALL = 1000

/**
 * The service revisions of the deployments that succeeded, newest first: those of the last 90 days, 100 at most (Amazon ECS
 * Developer Guide, "View service history using Amazon ECS service deployments"). As many are described as are asked for.
 * @param before id of a deployment, `ecs-svc/…`, whatever became of it: only those older than it; none where it is not
 * listed
 */
export async function* successfulRevisions(
  service: string,
  ecs: ECSClient,
  cluster: string,
  calling: Calling,
  before?: string,
): AsyncGenerator<ServiceRevision> {
  const briefs: ServiceDeploymentBrief[] = []
  const most = before === undefined ? MOST_DEPLOYMENTS : MOST_OF_ALL
  const status = before === undefined ? { status: ['SUCCESSFUL' as const] } : {}
  let nextToken: string | undefined
  do {
    const input = { cluster, service, ...status, maxResults: MOST_DEPLOYMENTS, nextToken }
    const listed = await call('ecs:ListServiceDeployments', calling, options =>
      ecs.send(new ListServiceDeploymentsCommand(input), options),
    )
    briefs.push(...(listed.serviceDeployments ?? []))
    nextToken = listed.nextToken
  } while (nextToken !== undefined && briefs.length < most)
  const newestFirst = briefs.toSorted((a, b) => Number(b.createdAt) - Number(a.createdAt))
  const arns = (before === undefined ? newestFirst : olderThan(newestFirst, before))
    .filter(brief => brief.status === 'SUCCESSFUL')
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

/** The number of a deployment is that of its service revision. */
function olderThan(newestFirst: readonly ServiceDeploymentBrief[], deploymentId: string): ServiceDeploymentBrief[] {
  const end = deploymentId.replace(/^.*\//, '/')
  const at = newestFirst.findIndex(({ targetServiceRevisionArn }) => targetServiceRevisionArn?.endsWith(end))
  return at < 0 ? [] : newestFirst.slice(at + 1)
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
 * left: 1, 2, 3, 2 is a rollback from 3, and what stands is 1, 2. Where a digest was not recorded, it counts as the newest
 * that it can be, and of the two stands what is known better.
 */
export async function standingRevisions(
  newestFirst: AsyncIterable<ServiceRevision>,
  compared: (one: Version, other: Version) => Promise<Sameness>,
): Promise<Standing> {
  const revisions: ServiceRevision[] = []
  for await (const revision of newestFirst) revisions.push(revision)
  const standing: ServiceRevision[] = []
  const left: ServiceRevision[] = []
  for (const revision of revisions.toReversed()) {
    const found = await earlierVersion(revision, standing, compared)
    if (found === undefined) {
      standing.push(revision)
      continue
    }
    const { earlier, isSure } = found
    left.push(...standing.splice(standing.indexOf(earlier)).slice(1))
    standing.push(isSure || knownDigests(revision) >= knownDigests(earlier) ? revision : earlier)
  }
  const gone: ServiceRevision[] = []
  for (const revision of left) {
    const sames = await Promise.all(standing.map(other => compared(other, revision)))
    if (sames.every(same => same === 'different')) gone.push(revision)
  }
  const newest = (a: ServiceRevision, b: ServiceRevision): number => Number(b.createdAt) - Number(a.createdAt)
  return { standing: standing.toReversed(), left: gone.toSorted(newest) }
}

/** The one that surely is the same version; failing that, the newest that may be, before all with the same revision. */
async function earlierVersion(
  revision: ServiceRevision,
  standing: readonly ServiceRevision[],
  compared: (one: Version, other: Version) => Promise<Sameness>,
): Promise<{ readonly earlier: ServiceRevision; readonly isSure: boolean } | undefined> {
  const possible: ServiceRevision[] = []
  for (const earlier of standing.toReversed()) {
    const same = await compared(revision, earlier)
    if (same === 'same') return { earlier, isSure: true }
    if (same === 'unsure') possible.push(earlier)
  }
  const likely = possible.find(({ taskDefinition }) => taskDefinition === revision.taskDefinition) ?? possible[0]
  return likely === undefined ? undefined : { earlier: likely, isSure: false }
}
