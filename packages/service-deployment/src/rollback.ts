import { AwsError, type Calling, call, PermissionError } from '@aws-deploy-actions/aws-clients'
import { familyRevision } from '@aws-deploy-actions/ecs'
import {
  DescribeServiceRevisionsCommand,
  type ECSClient,
  ListServiceDeploymentsCommand,
  type ServiceRevision,
  StopServiceDeploymentCommand,
} from '@aws-sdk/client-ecs'
import { putIn } from './put-in.ts'
import type { Rollout } from './rollout.ts'
import { describedServices } from './services.ts'

/** The revision of the newest deployment that succeeded, other than `without`; undefined where none is to be had. */
export async function lastSuccessfulRevision(
  service: string,
  ecs: ECSClient,
  cluster: string,
  without: string | undefined,
  calling: Calling,
): Promise<ServiceRevision | undefined> {
  try {
    const { serviceDeployments = [] } = await call('ecs:ListServiceDeployments', calling, options =>
      ecs.send(
        new ListServiceDeploymentsCommand({ cluster, service, status: ['SUCCESSFUL'], maxResults: 20 }),
        options,
      ),
    )
    const newestFirst = serviceDeployments.toSorted((a, b) => Number(b.createdAt) - Number(a.createdAt))
    const arns = newestFirst.flatMap(({ targetServiceRevisionArn }) => targetServiceRevisionArn ?? [])
    if (arns.length === 0) return undefined
    const { serviceRevisions = [] } = await call('ecs:DescribeServiceRevisions', calling, options =>
      ecs.send(new DescribeServiceRevisionsCommand({ serviceRevisionArns: arns.slice(0, 20) }), options),
    )
    const byArn = new Map(serviceRevisions.map(revision => [revision.serviceRevisionArn, revision]))
    return arns
      .flatMap(arn => byArn.get(arn) ?? [])
      .find(({ taskDefinition }) => taskDefinition !== undefined && taskDefinition !== without)
  } catch (error) {
    if (error instanceof PermissionError || error instanceof AwsError) return undefined
    throw error
  }
}

/**
 * Asks ECS to take a deployment back that is still going on.
 * @returns whether ECS accepted it
 */
export async function requestRollback(rollout: Rollout, ecs: ECSClient, calling: Calling): Promise<boolean> {
  const { serviceDeploymentArn, name } = rollout
  if (serviceDeploymentArn === undefined) return false
  try {
    await call('ecs:StopServiceDeployment', calling, options =>
      ecs.send(new StopServiceDeploymentCommand({ serviceDeploymentArn, stopType: 'ROLLBACK' }), options),
    )
    calling.log.info(`${name}: rollback requested, ECS accepted it.`)
    return true
  } catch (error) {
    // It is over already, or there is nothing to go back to: then the former revision is put in.
    calling.log.debug(`${name}: StopServiceDeployment: ${error instanceof Error ? error.message : error}`)
    return false
  }
}

/** Puts the last successful revision back in. @returns its `family:revision`, undefined when there is nothing to go back to */
export async function putBack(
  rollout: Rollout,
  ecs: ECSClient,
  cluster: string,
  calling: Calling,
): Promise<string | undefined> {
  const found = await lastSuccessfulRevision(rollout.name, ecs, cluster, rollout.target.arn, calling)
  const arn = found?.taskDefinition ?? (rollout.previous.arn === rollout.target.arn ? undefined : rollout.previous.arn)
  if (arn === undefined) return undefined
  const before = (await describedServices(ecs, cluster, [rollout.name], calling)).get(rollout.name)
  if (before === undefined) return undefined
  const primary = await putIn(
    ecs,
    { cluster, service: rollout.name, taskDefinition: arn, forceNewDeployment: true },
    before,
    calling,
  )
  if (primary.id !== undefined) rollout.deploymentId = primary.id
  delete rollout.serviceDeploymentArn
  delete rollout.serviceDeployment
  rollout.sawFailure = false
  calling.log.info(`${rollout.name}: going back to ${familyRevision(arn)} (${primary.id}).`)
  return familyRevision(arn)
}
