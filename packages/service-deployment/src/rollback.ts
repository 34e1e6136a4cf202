import { Deadline, DeadlineExceeded } from '@aws-deploy-actions/action-runtime'
import { AwsError, type Calling, call, PermissionError } from '@aws-deploy-actions/aws-clients'
import { describedRevision, familyRevision, registeredRevision } from '@aws-deploy-actions/ecs'
import {
  type Deployment,
  DescribeServiceDeploymentsCommand,
  type ECSClient,
  type ServiceRevision,
  StopServiceDeploymentCommand,
} from '@aws-sdk/client-ecs'
import { type CountChange, formerCount } from './desired-count.ts'
import { newestOf, successfulRevisions } from './history.ts'
import { putIn, type Updated } from './put-in.ts'
import { withRecordedDigests } from './recorded-digests.ts'
import { primaryDeployment } from './rollout.ts'
import { describedServices } from './services.ts'
import { saysRollback } from './verdict.ts'

export const ECS_ROLLS_BACK = 'ECS is rolling it back; that goes on.'

/**
 * Asks ECS to take a deployment back that is still going on.
 * @returns what goes on, in words; undefined when ECS refused: it is over, there is nothing to go back to, or we may not
 */
export async function requestRollback(
  serviceDeploymentArn: string,
  name: string,
  ecs: ECSClient,
  calling: Calling,
): Promise<string | undefined> {
  try {
    await call('ecs:StopServiceDeployment', calling, options =>
      ecs.send(new StopServiceDeploymentCommand({ serviceDeploymentArn, stopType: 'ROLLBACK' }), options),
    )
    calling.log.info(`${name}: rollback requested, ECS accepted it.`)
    return 'A rollback was requested and accepted; it goes on.'
  } catch (error) {
    if (!(error instanceof AwsError || error instanceof PermissionError)) throw error
    calling.log.debug(`${name}: StopServiceDeployment: ${error.message} ${error.details.said ?? ''}`)
    if (!(await isGoingBack(serviceDeploymentArn, ecs, calling))) return undefined
    calling.log.info(`${name}: ${ECS_ROLLS_BACK}`)
    return ECS_ROLLS_BACK
  }
}

/** An earlier request whose answer was lost, or ECS itself, was first. */
async function isGoingBack(arn: string, ecs: ECSClient, calling: Calling): Promise<boolean> {
  try {
    const { serviceDeployments = [] } = await call('ecs:DescribeServiceDeployments', calling, options =>
      ecs.send(new DescribeServiceDeploymentsCommand({ serviceDeploymentArns: [arn] }), options),
    )
    return /^ROLLBACK_(?:REQUESTED|IN_PROGRESS|SUCCESSFUL)$/.test(serviceDeployments[0]?.status ?? '')
  } catch (error) {
    if (!(error instanceof AwsError || error instanceof PermissionError)) throw error
    return false
  }
}

/** A deployment that is to be taken back, and where to when ECS keeps no record. */
export interface WayBack {
  readonly name: string
  /** of the deployment that is taken back */
  readonly deploymentId: string | undefined
  /** id of the PRIMARY when it was seen to have failed: that deployment's, or that of ECS's own way back which failed */
  readonly lastSeen?: string | undefined
  /** ARN of the revision that it put in */
  readonly taskDefinition: string
  /** ARN of the one that ran well before; undefined when it did not */
  readonly previous: string | undefined
  /** put back with it */
  readonly count?: CountChange | undefined
}

/** The service after UpdateService, and the `family:revision` that it goes back to. */
export interface PutBack extends Updated {
  readonly to: string
  /** id of the PRIMARY that was replaced */
  readonly replaced: string | undefined
}

/** Nothing was put in: another deployment is the PRIMARY, somebody's or ECS's own way back. */
export interface Overtaken {
  readonly overtakenBy: Deployment
}

/** Is it ECS's own way back, begun since the last look? */
export function isWayBackOfEcs({ overtakenBy }: Overtaken): boolean {
  return saysRollback(overtakenBy)
}

export function overtakenWords({ overtakenBy: { id, taskDefinition = '' } }: Overtaken): string {
  return `Another deployment, ${id} of ${familyRevision(taskDefinition)}, took over since: it is left alone.`
}

/**
 * Puts the last successful revision back in, with the digests that ran then and the number of tasks that this step
 * changed; never over a deployment that took over in the meantime.
 * @returns undefined when there is nothing to go back to
 */
export async function putBack(
  way: WayBack,
  ecs: ECSClient,
  cluster: string,
  region: string,
  calling: Calling,
): Promise<PutBack | Overtaken | undefined> {
  const found = await revisionBefore(way, ecs, cluster, half(calling))
  const known = found?.taskDefinition ?? (way.previous === way.taskDefinition ? undefined : way.previous)
  if (known === undefined) return undefined
  const arn = await runnable(way.name, known, found, region, ecs, half(calling))
  const before = (await describedServices(ecs, cluster, [way.name], calling)).get(way.name)
  if (before === undefined) return undefined
  const primary = primaryDeployment(before)
  if (primary !== undefined && primary.id !== way.deploymentId && primary.id !== way.lastSeen)
    return { overtakenBy: primary }
  const request = {
    cluster,
    service: way.name,
    taskDefinition: arn,
    forceNewDeployment: true,
    ...formerCount(way.count, before),
  }
  const updated = await putIn(ecs, request, arn, primary?.id, calling)
  calling.log.info(`${way.name}: going back to ${familyRevision(arn)} (${updated.primary}).`)
  return { ...updated, to: familyRevision(arn), replaced: primary?.id }
}

async function revisionBefore(
  { name, deploymentId, previous, taskDefinition }: WayBack,
  ecs: ECSClient,
  cluster: string,
  calling: Calling,
): Promise<ServiceRevision | undefined> {
  const number = deploymentId?.replace(/^.*\//, '')
  try {
    const isEarlier = ({ serviceRevisionArn }: ServiceRevision) => serviceRevisionArn?.endsWith(`/${number}`) === false
    return await newestOf(successfulRevisions(name, ecs, cluster, calling), isEarlier)
  } catch (error) {
    // Where nothing else is known, "too slow" must not read as "nothing earlier".
    const isKnown = previous !== undefined && previous !== taskDefinition
    if (isNoAnswer(error) && (isKnown || !(error instanceof DeadlineExceeded))) return undefined
    throw error
  }
}

/** Denied, refused, or too slow: what is known without it has to do. A cancel and lost credentials are none of these. */
function isNoAnswer(error: unknown): boolean {
  return error instanceof PermissionError || error instanceof AwsError || error instanceof DeadlineExceeded
}

/** So much of what is left of the time may go into looking up where to: the request itself needs the rest. */
function half(calling: Calling): Calling {
  return { ...calling, deadline: new Deadline(calling.clock, Math.max(0, calling.deadline.left / 2)) }
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
      ran === undefined
        ? target.definition
        : await withRecordedDigests(name, target.definition, ran, region, false, calling)
    return (await registeredRevision(ecs, definition, target, calling)).arn
  } catch (error) {
    if (isNoAnswer(error)) return arn
    throw error
  }
}
