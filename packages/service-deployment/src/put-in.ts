import { Failure } from '@aws-deploy-actions/action-runtime'
import { type Calling, call } from '@aws-deploy-actions/aws-clients'
import { type ECSClient, type Service, UpdateServiceCommand, type UpdateServiceCommandInput } from '@aws-sdk/client-ecs'
import { primaryDeployment } from './rollout.ts'
import { describedServices } from './services.ts'

/** A service after UpdateService, and the id of its PRIMARY: the same as before when ECS saw no change. */
export interface Updated {
  readonly service: Service
  readonly primary: string
}

/**
 * Puts a revision into a service. An answer that was lost is not asked for blindly: when the PRIMARY is a new one with
 * this revision, it was ours.
 * @param taskDefinition ARN of the revision that the service has then
 * @param before id of the PRIMARY until now
 */
export async function putIn(
  ecs: ECSClient,
  request: UpdateServiceCommandInput & { readonly cluster: string; readonly service: string },
  taskDefinition: string,
  before: string | undefined,
  calling: Calling,
): Promise<Updated> {
  const { service } = await call<{ service?: Service | undefined }>(
    'ecs:UpdateService',
    calling,
    options => ecs.send(new UpdateServiceCommand(request), options),
    async () => {
      const found = await putInAlready(ecs, request.cluster, request.service, taskDefinition, before, calling)
      return found === undefined ? undefined : { service: found.service }
    },
  )
  const primary = service === undefined ? undefined : primaryDeployment(service)
  if (service === undefined || primary?.id === undefined)
    throw new Failure(`ECS took the update of ${request.service} but named no PRIMARY deployment.`)
  return { service, primary: primary.id }
}

/** Was it carried out, though no answer came? Then the PRIMARY is a new one with this revision. */
export async function putInAlready(
  ecs: ECSClient,
  cluster: string,
  name: string,
  taskDefinition: string,
  before: string | undefined,
  calling: Calling,
): Promise<Updated | undefined> {
  const service = (await describedServices(ecs, cluster, [name], calling)).get(name)
  const primary = service === undefined ? undefined : primaryDeployment(service)
  if (service === undefined || primary?.id === undefined) return undefined
  return primary.id !== before && primary.taskDefinition === taskDefinition
    ? { service, primary: primary.id }
    : undefined
}
