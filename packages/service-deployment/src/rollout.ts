import type { Revision } from '@aws-deploy-actions/ecs'
import type { Deployment, Service, ServiceDeployment } from '@aws-sdk/client-ecs'
import type { CountChange } from './desired-count.ts'
import { saysRollback, type Verdict, verdictOf } from './verdict.ts'

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
  /** whether `previous` ever ran well: the PRIMARY before ours was not failed or unfinished */
  readonly previousWorked: boolean
  /** the revision that is being put in */
  target: Revision
  status: ServiceStatus
  /** id of the PRIMARY before the last UpdateService */
  before?: string
  /** `ecs-svc/…`, the PRIMARY that UpdateService returned; that of the way back while we follow it */
  deploymentId?: string
  /** of the new version, when `deploymentId` is that of the way back */
  newDeploymentId?: string
  /** UpdateService changed nothing: the PRIMARY is an earlier deployment, which we follow but do not take back */
  joined?: boolean
  /** the number of tasks, where this step changes it */
  count?: CountChange
  serviceDeploymentArn?: string
  /** ms since the epoch, of UpdateService */
  startedAt?: number
  /** ms since the epoch, of the last UpdateService: the first, or that of the way back */
  putInAt?: number
  seconds?: number
  reason?: string
  service?: Service
  serviceDeployment?: ServiceDeployment
  sawFailure: boolean
  /** ms since the epoch, of the first sign of failure */
  failedAt?: number
  /** `family:revision` that the service goes back to, or went back to */
  backTo?: string
  /** we have put an earlier revision back in, or the earlier number of tasks, and follow that */
  goingBack?: boolean
  /** why the service is not taken back by us: there is nothing to go back to, or AWS refused it */
  noWayBack?: 'nothing earlier' | 'refused'
  /** the number of tasks was put back, or could not be */
  countSettled?: boolean
  /** id of a PRIMARY that was seen to be ECS's way back */
  wayBackId?: string
  /** what was told of a way back that failed */
  toldWayBack?: string
  /** what was last told about it, so that nothing is told twice */
  told?: string
  readonly toldBefore: Set<string>
  images: readonly RunningImage[]
}

/** What a container of the service runs. */
export interface RunningImage {
  readonly container: string
  readonly image: string
  readonly digest: string | undefined
}

/** A service that nothing was done to yet. */
export function newRollout(name: string, previous: Revision, target: Revision, service: Service | undefined): Rollout {
  const before = service === undefined ? undefined : primaryDeployment(service)
  return {
    name,
    previous,
    // Services without a rollout state are older than it, or have another controller.
    previousWorked: before?.rolloutState === undefined || before.rolloutState === 'COMPLETED',
    target,
    status: 'waiting',
    sawFailure: false,
    images: [],
    toldBefore: new Set(),
    ...(before?.id === undefined ? {} : { before: before.id }),
    ...(service === undefined ? {} : { service }),
  }
}

/** The verdict as of the last look; undefined before the first. */
export function currentVerdict(rollout: Rollout): Verdict | undefined {
  const { service, deploymentId, previous, serviceDeployment, sawFailure, joined, wayBackId } = rollout
  if (service === undefined || deploymentId === undefined) return undefined
  const verdict = verdictOf({
    service,
    deploymentId,
    previousTaskDefinition: previous.arn,
    serviceDeployment,
    sawFailure,
    wayBackId,
  })
  // An earlier deployment can be complete while tasks are missing: a changed desired count starts no deployment.
  if (joined && verdict.kind === 'deployed' && !hasAllTasks(service)) {
    const { runningCount = 0, desiredCount = 0 } = service
    return { kind: 'in-progress', reason: `${runningCount} of ${desiredCount} tasks running.` }
  }
  return verdict
}

/** Once ECS's way back is complete, nothing in it says any more what it was. */
export function noteWayBack(rollout: Rollout): void {
  const primary = rollout.service === undefined ? undefined : primaryDeployment(rollout.service)
  if (primary?.id === undefined || primary.id === rollout.deploymentId || !saysRollback(primary)) return
  rollout.wayBackId = primary.id
}

/** Our own entry in `deployments[]`. */
export function ownDeployment({
  service,
  deploymentId,
}: Pick<Rollout, 'service' | 'deploymentId'>): Deployment | undefined {
  return service?.deployments?.find(({ id }) => id === deploymentId)
}

export function primaryDeployment(service: Service): Deployment | undefined {
  return service.deployments?.find(({ status }) => status === 'PRIMARY')
}

export function hasAllTasks({ runningCount = 0, desiredCount = 0, pendingCount = 0 }: Service): boolean {
  return runningCount === desiredCount && pendingCount === 0
}

/** Does ECS itself take a deployment back that fails? */
export function ecsRollsBack({ deploymentConfiguration }: Service): boolean {
  const { deploymentCircuitBreaker, alarms } = deploymentConfiguration ?? {}
  return (
    (deploymentCircuitBreaker?.enable === true && deploymentCircuitBreaker.rollback === true) ||
    (alarms?.enable === true && alarms.rollback === true)
  )
}
