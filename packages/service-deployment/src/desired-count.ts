import { type Calling, call } from '@aws-deploy-actions/aws-clients'
import { type ECSClient, type Service, UpdateServiceCommand } from '@aws-sdk/client-ecs'
import { describedServices } from './services.ts'

/** A number of tasks that this step changed. */
export interface CountChange {
  readonly from: number
  readonly to: number
}

/** What a request that takes a service back says about its number of tasks: whoever changed it since meant it. */
export function formerCount(change: CountChange | undefined, service: Service): { readonly desiredCount?: number } {
  return change !== undefined && service.desiredCount === change.to ? { desiredCount: change.from } : {}
}

/**
 * Puts the number of tasks back, where it still is what this step made it: a rollback of ECS takes back the revision only
 * (Amazon ECS API reference, ServiceRevision: the desired count is no part of it).
 * @returns the service after it; undefined when there was nothing to put back
 */
export async function putCountBack(
  name: string,
  change: CountChange | undefined,
  ecs: ECSClient,
  cluster: string,
  calling: Calling,
): Promise<Service | undefined> {
  if (change === undefined) return undefined
  const before = (await describedServices(ecs, cluster, [name], calling)).get(name)
  const { desiredCount } = before === undefined ? {} : formerCount(change, before)
  if (desiredCount === undefined) return undefined
  const { service } = await call('ecs:UpdateService', calling, options =>
    ecs.send(new UpdateServiceCommand({ cluster, service: name, desiredCount }), options),
  )
  calling.log.info(`${name}: ${change.to} tasks → ${desiredCount} again.`)
  return service
}
