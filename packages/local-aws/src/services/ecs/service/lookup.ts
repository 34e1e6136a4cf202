import { AwsError, type RequestContext } from '../../../service.ts'
import { activeCluster, clusterArn, type EcsState, serviceArn } from '../state.ts'
import type { DeploymentRecord, Revision, ServiceRecord } from './record.ts'

/** @throws AwsError ClusterNotFoundException, ServiceNotFoundException */
export function serviceNamed(
  state: EcsState,
  { region, accountId }: RequestContext,
  cluster: string | undefined,
  name: string | undefined,
): ServiceRecord {
  activeCluster(state, cluster)
  const found = state.services.get(serviceArn(region, accountId, cluster, name ?? ''))
  // seen in public issues
  if (!found) throw new AwsError('ServiceNotFoundException', 'Service not found.')
  return found
}

/** The need of an operation on one service. */
export function serviceNeed(
  action: string,
  { region, accountId }: RequestContext,
  cluster: string | undefined,
  name: string | undefined,
) {
  return {
    action: `ecs:${action}`,
    resource: serviceArn(region, accountId, cluster, name ?? ''),
    context: { 'ecs:cluster': clusterArn(region, accountId, cluster) },
  }
}

/** `…:service-deployment/C/S/ID` or `…:service-revision/C/S/N` → the service it belongs to. */
function owner(state: EcsState, arn: string): ServiceRecord | undefined {
  const [, prefix = '', cluster = '', name = ''] =
    /^(arn:[^/]+):service-(?:deployment|revision)\/([^/]+)\/([^/]+)\/[^/]+$/.exec(arn) ?? []
  return state.services.get(`${prefix}:service/${cluster}/${name}`)
}

export function deploymentByArn(
  state: EcsState,
  arn: string,
): { readonly service: ServiceRecord; readonly deployment: DeploymentRecord } | undefined {
  const service = owner(state, arn)
  const deployment = service?.deployments.find(one => one.arn === arn)
  return service && deployment ? { service, deployment } : undefined
}

export function revisionByArn(
  state: EcsState,
  arn: string,
): { readonly service: ServiceRecord; readonly revision: Revision } | undefined {
  const service = owner(state, arn)
  const revision = service?.revisions.get(arn)
  return service && revision ? { service, revision } : undefined
}
