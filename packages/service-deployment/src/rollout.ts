import type { Revision } from '@aws-deploy-actions/ecs'
import type { Deployment, Service, ServiceDeployment } from '@aws-sdk/client-ecs'
import { type Verdict, verdictOf } from './verdict.ts'

/** Where one service of the step stands. */
export type ServiceStatus =
  | 'waiting'
  | 'in-progress'
  | 'deployed'
  | 'unchanged'
  | 'rolled-back'
  | 'superseded'
  | 'planned'
  | 'started'
  | 'failed'
  | 'timed-out'
  | 'cancelled'

/** One service that is being deployed, filled in as more becomes known. */
export interface Rollout {
  readonly name: string
  readonly previous: Revision
  /** the revision that is being put in */
  target: Revision
  status: ServiceStatus
  /** `ecs-svc/…`, the PRIMARY that UpdateService returned */
  deploymentId?: string
  serviceDeploymentArn?: string
  /** ms since the epoch, of UpdateService */
  startedAt?: number
  seconds?: number
  reason?: string
  service?: Service
  serviceDeployment?: ServiceDeployment
  sawFailure: boolean
  /** ms since the epoch, of the first sign of failure */
  failedAt?: number
  /** what was last told about it, so that nothing is told twice */
  told?: string
  images: readonly RunningImage[]
}

/** What a container of the service runs. */
export interface RunningImage {
  readonly container: string
  readonly image: string
  readonly digest: string | undefined
}

/** The verdict as of the last look; undefined before the first. */
export function currentVerdict(rollout: Rollout): Verdict | undefined {
  const { service, deploymentId, previous, serviceDeployment, sawFailure } = rollout
  if (service === undefined || deploymentId === undefined) return undefined
  return verdictOf({ service, deploymentId, previousTaskDefinition: previous.arn, serviceDeployment, sawFailure })
}

/** Our own entry in `deployments[]`. */
export function ownDeployment({ service, deploymentId }: Rollout): Deployment | undefined {
  return service?.deployments?.find(({ id }) => id === deploymentId)
}

export function primaryDeployment(service: Service): Deployment | undefined {
  return service.deployments?.find(({ status }) => status === 'PRIMARY')
}

/** Does ECS itself take a deployment back that fails? */
export function ecsRollsBack({ deploymentConfiguration }: Service): boolean {
  const { deploymentCircuitBreaker, alarms } = deploymentConfiguration ?? {}
  return (
    (deploymentCircuitBreaker?.enable === true && deploymentCircuitBreaker.rollback === true) ||
    (alarms?.enable === true && alarms.rollback === true)
  )
}
