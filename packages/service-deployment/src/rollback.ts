import { AwsError, type Calling, call, PermissionError } from '@aws-deploy-actions/aws-clients'
import { describedRevision, familyRevision, registeredRevision } from '@aws-deploy-actions/ecs'
import {
  DescribeServiceRevisionsCommand,
  type ECSClient,
  ListServiceDeploymentsCommand,
  type ServiceRevision,
  StopServiceDeploymentCommand,
} from '@aws-sdk/client-ecs'
import { type CountChange, formerCount } from './desired-count.ts'
import { putIn, type Updated } from './put-in.ts'
import { withRecordedDigests } from './recorded-digests.ts'
import { primaryDeployment } from './rollout.ts'
import { describedServices } from './services.ts'

/** ListServiceDeployments gives 20 at a time, DescribeServiceRevisions takes 20 (API reference). */
const PAGE = 20
/** So many deployments back is far enough. */
const MOST_PAGES = 5

/**
 * The service revision of the newest deployment that succeeded and that is `wanted`, as far as ECS keeps them (100 at
 * most).
 */
export async function successfulRevision(
  service: string,
  wanted: (revision: ServiceRevision) => boolean,
  ecs: ECSClient,
  cluster: string,
  calling: Calling,
): Promise<ServiceRevision | undefined> {
  let nextToken: string | undefined
  for (let page = 0; page < MOST_PAGES; page++) {
    const input = { cluster, service, status: ['SUCCESSFUL' as const], maxResults: PAGE, nextToken }
    const listed = await call('ecs:ListServiceDeployments', calling, options =>
      ecs.send(new ListServiceDeploymentsCommand(input), options),
    )
    const newestFirst = (listed.serviceDeployments ?? []).toSorted((a, b) => Number(b.createdAt) - Number(a.createdAt))
    const arns = newestFirst.flatMap(({ targetServiceRevisionArn }) => targetServiceRevisionArn ?? [])
    if (arns.length > 0) {
      const { serviceRevisions = [] } = await call('ecs:DescribeServiceRevisions', calling, options =>
        ecs.send(new DescribeServiceRevisionsCommand({ serviceRevisionArns: [...new Set(arns)] }), options),
      )
      const byArn = new Map(serviceRevisions.map(revision => [revision.serviceRevisionArn, revision]))
      const found = arns.flatMap(arn => byArn.get(arn) ?? []).find(wanted)
      if (found !== undefined) return found
    }
    nextToken = listed.nextToken
    if (nextToken === undefined) return undefined
  }
  return undefined
}

/**
 * Asks ECS to take a deployment back that is still going on.
 * @returns whether ECS accepted it; when it did not, it is over already, there is nothing to go back to, or we may not
 */
export async function requestRollback(
  serviceDeploymentArn: string,
  name: string,
  ecs: ECSClient,
  calling: Calling,
): Promise<boolean> {
  try {
    await call('ecs:StopServiceDeployment', calling, options =>
      ecs.send(new StopServiceDeploymentCommand({ serviceDeploymentArn, stopType: 'ROLLBACK' }), options),
    )
    calling.log.info(`${name}: rollback requested, ECS accepted it.`)
    return true
  } catch (error) {
    if (!(error instanceof AwsError || error instanceof PermissionError)) throw error
    calling.log.debug(`${name}: StopServiceDeployment: ${error.message} ${error.details.said ?? ''}`)
    return false
  }
}

/** A deployment that is to be taken back, and where to when ECS keeps no record. */
export interface WayBack {
  readonly name: string
  /** of the deployment that is taken back */
  readonly deploymentId: string | undefined
  /** ARN of the revision that it put in */
  readonly taskDefinition: string
  /** ARN of the one that ran well before; undefined when it did not */
  readonly previous: string | undefined
  /** put back with it */
  readonly count?: CountChange | undefined
}

/**
 * Puts the last successful revision back in, with the digests that ran then and the number of tasks that this step changed.
 * @returns the service after it and its `family:revision`; undefined when there is nothing to go back to
 */
export async function putBack(
  way: WayBack,
  ecs: ECSClient,
  cluster: string,
  region: string,
  calling: Calling,
): Promise<(Updated & { readonly to: string }) | undefined> {
  const found = await revisionBefore(way, ecs, cluster, calling)
  const known = found?.taskDefinition ?? (way.previous === way.taskDefinition ? undefined : way.previous)
  if (known === undefined) return undefined
  const arn = await runnable(way.name, known, found, region, ecs, calling)
  const before = (await describedServices(ecs, cluster, [way.name], calling)).get(way.name)
  if (before === undefined) return undefined
  const request = {
    cluster,
    service: way.name,
    taskDefinition: arn,
    forceNewDeployment: true,
    ...formerCount(way.count, before),
  }
  const updated = await putIn(ecs, request, arn, primaryDeployment(before)?.id, calling)
  calling.log.info(`${way.name}: going back to ${familyRevision(arn)} (${updated.primary}).`)
  return { ...updated, to: familyRevision(arn) }
}

async function revisionBefore(
  { name, deploymentId }: WayBack,
  ecs: ECSClient,
  cluster: string,
  calling: Calling,
): Promise<ServiceRevision | undefined> {
  const number = deploymentId?.replace(/^.*\//, '')
  try {
    const isEarlier = ({ serviceRevisionArn }: ServiceRevision) => serviceRevisionArn?.endsWith(`/${number}`) === false
    return await successfulRevision(name, isEarlier, ecs, cluster, calling)
  } catch (error) {
    if (error instanceof PermissionError || error instanceof AwsError) return undefined
    throw error
  }
}

/**
 * The revision with the digests that ran then, registered again where it was deregistered since. Where that cannot be
 * looked up, the revision as it is has to do: going back comes first.
 */
async function runnable(
  name: string,
  arn: string,
  ran: ServiceRevision | undefined,
  region: string,
  ecs: ECSClient,
  calling: Calling,
): Promise<string> {
  try {
    const target = await describedRevision(ecs, arn, calling)
    if (target === undefined) return arn
    const definition =
      ran === undefined ? target.definition : await withRecordedDigests(name, target.definition, ran, region, calling)
    return (await registeredRevision(ecs, definition, target, calling)).arn
  } catch (error) {
    if (error instanceof PermissionError || error instanceof AwsError) return arn
    throw error
  }
}
