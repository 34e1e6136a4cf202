import { Failure } from '@aws-deploy-actions/action-runtime'
import { type Calling, call } from '@aws-deploy-actions/aws-clients'
import {
  type Deployment,
  type ECSClient,
  type Service,
  UpdateServiceCommand,
  type UpdateServiceCommandInput,
} from '@aws-sdk/client-ecs'
import { primaryDeployment } from './rollout.ts'
import { describedServices } from './services.ts'

/**
 * Puts a revision into a service. An answer that was lost is not asked for blindly: when the PRIMARY is a new one with
 * this revision, it was ours.
 * @returns the PRIMARY deployment after it; the same as before when ECS saw no change
 */
export async function putIn(
  ecs: ECSClient,
  request: UpdateServiceCommandInput & { readonly cluster: string; readonly service: string },
  before: Service,
  calling: Calling,
): Promise<Deployment> {
  const known = primaryDeployment(before)?.id
  const { service } = await call<{ service?: Service | undefined }>(
    'ecs:UpdateService',
    calling,
    options => ecs.send(new UpdateServiceCommand(request), options),
    async () => {
      const found = (await describedServices(ecs, request.cluster, [request.service], calling)).get(request.service)
      const primary = found === undefined ? undefined : primaryDeployment(found)
      return primary !== undefined && primary.id !== known && primary.taskDefinition === request.taskDefinition
        ? { service: found }
        : undefined
    },
  )
  const primary = service === undefined ? undefined : primaryDeployment(service)
  if (primary?.id === undefined)
    throw new Failure(`ECS took the update of ${request.service} but named no PRIMARY deployment.`)
  return primary
}
