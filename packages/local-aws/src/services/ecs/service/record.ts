import { randomInt } from 'node:crypto'
import type {
  CapacityProviderStrategyItem,
  ContainerImage,
  CreateServiceCommandInput,
  DeploymentConfiguration,
  DeploymentLifecycleHookDetail,
  DeploymentRolloutState,
  LaunchType,
  LoadBalancer,
  NetworkConfiguration,
  Rollback,
  ServiceDeploymentLifecycleStage,
  ServiceDeploymentRollbackMonitorsStatus,
  ServiceDeploymentStatus,
  ServiceEvent,
  ServiceRegistry,
} from '@aws-sdk/client-ecs'
import type { ClusterRecord, RegisteredDefinition, TaskRecord } from '../state.ts'
import type { TaskRun } from '../task-run.ts'
import type { Watch } from '../watch.ts'
import type { TaskSetRecord } from './task-set-record.ts'

/** What a service revision fixes: a change of any of these starts a deployment. */
export interface Workload {
  readonly definition: RegisteredDefinition | undefined
  readonly launchType: LaunchType | undefined
  readonly capacityProviderStrategy: CapacityProviderStrategyItem[] | undefined
  readonly platformVersion: string | undefined
  readonly networkConfiguration: NetworkConfiguration | undefined
  readonly loadBalancers: LoadBalancer[]
  readonly serviceRegistries: ServiceRegistry[]
}

/** One service revision; its number is the one in `ecs-svc/NUMBER`. */
export interface Revision {
  readonly arn: string
  readonly number: string
  readonly workload: Workload
  readonly createdAt: Date
  /** the images as the first task resolved them; empty until then */
  images: ContainerImage[]
}

/** One task of a service. */
export interface ServiceTask {
  readonly record: TaskRecord
  readonly run: TaskRun
  /** wall clock (ms) when it was first seen RUNNING */
  runningSince: number | undefined
  /** its place in the target groups of the service */
  targets: readonly TargetPlace[]
  /** targets were registered, or there are none to register */
  registered: boolean
  /** it was healthy once */
  wasHealthy: boolean
  /** its end was taken notice of */
  ended: boolean
}

export interface TargetPlace {
  readonly groupArn: string
  readonly id: string
  readonly port: number
}

/** The tasks of one revision in the service: an entry of `deployments[]`. */
export interface Rollout {
  /** `ecs-svc/NUMBER` */
  readonly id: string
  readonly revision: Revision
  /** its tasks are in the alternate target groups (blue/green) */
  readonly alternate: boolean
  createdAt: Date
  updatedAt: Date
  state: DeploymentRolloutState
  reason: string
  /** tasks that failed since the last healthy one */
  failedTasks: number
  /** not STOPPED yet */
  readonly tasks: Set<ServiceTask>
  /** how many tasks it shall have, where a strategy other than ROLLING decides; undefined: the rolling rule */
  scale: number | undefined
  /** wall clock (ms) before which no task is started: tasks that fail are replaced ever more slowly */
  notBefore: number
  /** wall clock (ms) until which a replaced entry is still shown */
  shownUntil: number
}

/** A service deployment, as DescribeServiceDeployments shows it. */
export interface DeploymentRecord {
  readonly arn: string
  readonly createdAt: Date
  startedAt: Date | undefined
  finishedAt: Date | undefined
  stoppedAt: Date | undefined
  updatedAt: Date
  readonly source: readonly Revision[]
  readonly target: Revision
  readonly status: ServiceDeploymentStatus
  statusReason: string | undefined
  readonly stage: ServiceDeploymentLifecycleStage | undefined
  /** every status and stage in the order in which they were reached: some last too short to be seen from outside */
  readonly course: string[]
  hooks: DeploymentLifecycleHookDetail[]
  readonly configuration: DeploymentConfiguration
  rollback: Rollback | undefined
  breaker: { status: ServiceDeploymentRollbackMonitorsStatus; failureCount: number; threshold: number }
  alarms: { status: ServiceDeploymentRollbackMonitorsStatus; triggered: string[] }
  /** percent of the production and test traffic that the target gets, where a strategy shifts it */
  weights: { production: number; test: number } | undefined
  /** wall clock (ms) since when nothing is left to do but to bake */
  bakingSince: number | undefined
}

type Given = CreateServiceCommandInput

/** A service with all that happened to it. */
export interface ServiceRecord {
  readonly arn: string
  readonly name: string
  readonly cluster: ClusterRecord
  readonly region: string
  readonly accountId: string
  readonly createdAt: Date
  readonly createdBy: string
  readonly schedulingStrategy: NonNullable<Given['schedulingStrategy']>
  readonly role: string | undefined
  controller: 'ECS' | 'CODE_DEPLOY' | 'EXTERNAL'
  status: 'ACTIVE' | 'DRAINING' | 'INACTIVE'
  desiredCount: number
  workload: Workload
  configuration: DeploymentConfiguration
  gracePeriodSeconds: number | undefined
  placementConstraints: NonNullable<Given['placementConstraints']>
  placementStrategy: NonNullable<Given['placementStrategy']>
  propagateTags: NonNullable<Given['propagateTags']>
  enableECSManagedTags: boolean
  enableExecuteCommand: boolean
  /** PRIMARY first */
  rollouts: Rollout[]
  /** newest first */
  readonly deployments: DeploymentRecord[]
  readonly revisions: Map<string, Revision>
  /** newest first, at most 100 */
  events: ServiceEvent[]
  /** the revision that a rollback goes to */
  lastCompleted: Revision | undefined
  steady: boolean
  /** tasks that were stopped because they were ill and are about to be replaced */
  replacing: number
  /** the deployment whose stages decide what happens */
  staging: DeploymentRecord | undefined
  readonly taskSets: TaskSetRecord[]
  /** whoever schedules looks again */
  readonly wake: Watch
  /** tells that the scheduler has looked */
  readonly looked: Watch
  /** as of the last look */
  healthy: ReadonlySet<ServiceTask>
}

/** As AWS numbers deployments: 19 digits. */
export function newNumber(): string {
  return `${randomInt(1_000, 9_999)}${String(randomInt(0, 10 ** 12)).padStart(12, '0')}${randomInt(100, 999)}`
}

/** The deployment gets to another status or stage. */
export function enter(
  deployment: DeploymentRecord,
  place: { readonly status: ServiceDeploymentStatus } | { readonly stage: ServiceDeploymentLifecycleStage },
): void {
  Object.assign(deployment, place, { updatedAt: new Date() })
  deployment.course.push(...Object.values(place))
}

/** Whether the service deployment has come to its end. */
export function isOver(deployment: DeploymentRecord): boolean {
  return ['SUCCESSFUL', 'STOPPED', 'ROLLBACK_SUCCESSFUL', 'ROLLBACK_FAILED'].includes(deployment.status)
}

/** The service deployment that is going on. */
export function ongoing(service: ServiceRecord): DeploymentRecord | undefined {
  const [latest] = service.deployments
  return latest && !isOver(latest) ? latest : undefined
}
