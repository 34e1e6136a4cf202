import { AwsError, type Calling, call, PermissionError } from '@aws-deploy-actions/aws-clients'
import { describedRevision, familyRevision, registeredRevision } from '@aws-deploy-actions/ecs'
import {
  DescribeServiceRevisionsCommand,
  type ECSClient,
  ListServiceDeploymentsCommand,
  type ServiceRevision,
  StopServiceDeploymentCommand,
} from '@aws-sdk/client-ecs'
import { putIn, type Updated } from './put-in.ts'
import { withRecordedDigests } from './recorded-digests.ts'
import { primaryDeployment } from './rollout.ts'
import { describedServices } from './services.ts'

/** The service revisions of the deployments that succeeded, newest first, as far as ECS keeps them (20 at most). */
export async function successfulRevisions(
  service: string,
  ecs: ECSClient,
  cluster: string,
  calling: Calling,
): Promise<ServiceRevision[]> {
  const { serviceDeployments = [] } = await call('ecs:ListServiceDeployments', calling, options =>
    ecs.send(new ListServiceDeploymentsCommand({ cluster, service, status: ['SUCCESSFUL'], maxResults: 20 }), options),
  )
  const newestFirst = serviceDeployments.toSorted((a, b) => Number(b.createdAt) - Number(a.createdAt))
  const arns = newestFirst.flatMap(({ targetServiceRevisionArn }) => targetServiceRevisionArn ?? [])
  if (arns.length === 0) return []
  const { serviceRevisions = [] } = await call('ecs:DescribeServiceRevisions', calling, options =>
    ecs.send(new DescribeServiceRevisionsCommand({ serviceRevisionArns: arns.slice(0, 20) }), options),
  )
  const byArn = new Map(serviceRevisions.map(revision => [revision.serviceRevisionArn, revision]))
  return arns.flatMap(arn => byArn.get(arn) ?? [])
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
}

/**
 * Puts the last successful revision back in, with the digests that ran then.
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
  const arn = found === undefined ? known : await withDigests(way.name, known, found, region, ecs, calling)
  const before = (await describedServices(ecs, cluster, [way.name], calling)).get(way.name)
  if (before === undefined) return undefined
  const request = { cluster, service: way.name, taskDefinition: arn, forceNewDeployment: true }
  const updated = await putIn(ecs, request, primaryDeployment(before)?.id, calling)
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
    const revisions = await successfulRevisions(name, ecs, cluster, calling)
    return revisions.find(({ serviceRevisionArn }) => serviceRevisionArn?.endsWith(`/${number}`) === false)
  } catch (error) {
    if (error instanceof PermissionError || error instanceof AwsError) return undefined
    throw error
  }
}

/** Where the digests cannot be looked up, the revision as it is has to do: going back comes first. */
async function withDigests(
  name: string,
  arn: string,
  ran: ServiceRevision,
  region: string,
  ecs: ECSClient,
  calling: Calling,
): Promise<string> {
  try {
    const target = await describedRevision(ecs, arn, calling)
    if (target === undefined) return arn
    const definition = await withRecordedDigests(name, target.definition, ran, region, calling)
    return (await registeredRevision(ecs, definition, target, calling)).arn
  } catch (error) {
    if (error instanceof PermissionError || error instanceof AwsError) return arn
    throw error
  }
}
