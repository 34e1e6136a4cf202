import type { Deployment, Service, ServiceDeployment } from '@aws-sdk/client-ecs'

/** What AWS says about a service that we are deploying, at one look. */
export interface Sighting {
  readonly service: Service
  /** id of our deployment, the PRIMARY that UpdateService returned: `ecs-svc/123` */
  readonly deploymentId: string
  /** ARN of the revision that ran before; a rollback goes back to it */
  readonly previousTaskDefinition: string | undefined
  /** the service deployment that belongs to ours; undefined where that API is denied, absent or not there yet */
  readonly serviceDeployment: ServiceDeployment | undefined
  /** whether an earlier look saw ours fail: the failed entry disappears after a rollback */
  readonly sawFailure: boolean
  /** id of a PRIMARY that an earlier look saw as ECS's way back: once it is complete, it no longer says so */
  readonly wayBackId?: string | undefined
}

/** Where our deployment stands. `reason` is for people, in words. */
export type Verdict =
  | { readonly kind: 'in-progress'; readonly reason: string }
  | { readonly kind: 'deployed'; readonly reason: string }
  /** ECS is taking it back: the first sign is an error */
  | { readonly kind: 'rolling-back'; readonly reason: string }
  | { readonly kind: 'rolled-back'; readonly reason: string }
  /** failed, and ECS does nothing about it (more); with `wayBack`, it tried to go back, in vain */
  | { readonly kind: 'failed'; readonly reason: string; readonly wayBack?: true }
  /** somebody else's deployment took over */
  | { readonly kind: 'superseded'; readonly reason: string }

/** Is it over, as far as ECS is concerned? */
export function isSettled({ kind }: Verdict): boolean {
  return kind !== 'in-progress' && kind !== 'rolling-back'
}

/**
 * The verdict about *our* deployment, never about "the service is stable": after a rollback it is, too. The service
 * deployment's status decides; where it is not to be had, `deployments[]` serves (Amazon ECS Developer Guide, "How the
 * Amazon ECS deployment circuit breaker detects failures"; API reference, ServiceDeployment, Deployment).
 */
export function verdictOf(sighting: Sighting): Verdict {
  const { service, serviceDeployment } = sighting
  if (isDeleted(service)) return { kind: 'failed', reason: `The service was deleted: it is ${service.status}.` }
  return serviceDeployment?.status === undefined
    ? byDeployments(sighting)
    : byServiceDeployment(sighting, serviceDeployment)
}

/** DescribeServices goes on to list a service that was deleted (API reference, DeleteService). */
export function isDeleted({ status }: Service): boolean {
  return status === 'INACTIVE' || status === 'DRAINING'
}

function byServiceDeployment(sighting: Sighting, found: ServiceDeployment): Verdict {
  const { own, primary } = entries(sighting)
  const taken = primary !== undefined && primary.id !== sighting.deploymentId
  switch (found.status) {
    case 'SUCCESSFUL':
      // With early success criteria, success can come before the old tasks are drained.
      if (primary === undefined)
        return {
          kind: 'in-progress',
          reason: 'The service deployment is SUCCESSFUL, but the service lists no PRIMARY.',
        }
      return taken ? superseded(primary) : { kind: 'deployed', reason: 'The service deployment is SUCCESSFUL.' }
    case 'ROLLBACK_REQUESTED':
    case 'ROLLBACK_IN_PROGRESS':
      return { kind: 'rolling-back', reason: whyRolledBack(found, own) }
    case 'ROLLBACK_SUCCESSFUL':
      return isSomebodys(sighting, found, primary)
        ? superseded(primary)
        : { kind: 'rolled-back', reason: whyRolledBack(found, own) }
    case 'ROLLBACK_FAILED':
      return isSomebodys(sighting, found, primary)
        ? superseded(primary)
        : notBack(found.statusReason ?? whyRolledBack(found, own))
    case 'STOP_REQUESTED':
      return taken ? superseded(primary) : { kind: 'in-progress', reason: 'The service deployment is being stopped.' }
    case 'STOPPED':
      // A newer deployment stops the one before it; without one, a person or a failure did.
      return taken && own?.rolloutState !== 'FAILED'
        ? superseded(primary)
        : {
            kind: 'failed',
            reason: found.statusReason ?? own?.rolloutStateReason ?? 'The service deployment was stopped.',
          }
    case 'PENDING':
    case 'IN_PROGRESS':
      return unfinished(sighting, found)
    default:
      // A status that is not known yet: only what deployments[] shows for certain counts.
      return byDeployments(sighting)
  }
}

/** The rollback is over, and what is PRIMARY is neither ours nor what ECS went back to. */
function isSomebodys(
  sighting: Sighting,
  { rollback }: ServiceDeployment,
  primary: Deployment | undefined,
): primary is Deployment {
  if (primary === undefined || primary.id === sighting.deploymentId) return false
  // The number of a deployment is that of its service revision.
  const isItsRevision = rollback?.serviceRevisionArn?.endsWith(`/${primary.id?.replace(/^.*\//, '')}`) === true
  return !isItsRevision && !isWayBack(sighting, primary)
}

function unfinished(sighting: Sighting, found: ServiceDeployment): Verdict {
  const { own } = entries(sighting)
  // deployments[] can be ahead of the service deployment.
  if (own?.rolloutState === 'FAILED') return byDeployments(sighting)
  const words = `The service deployment is ${found.status}${stageWords(found)}${counts(own)}.`
  return { kind: 'in-progress', reason: [words, ...pauses(found)].join(' ') }
}

/** The stage of a blue/green, linear or canary deployment, and how much of the traffic the new version gets. */
function stageWords({ lifecycleStage, targetServiceRevision }: ServiceDeployment): string {
  if (lifecycleStage === undefined) return ''
  const share = targetServiceRevision?.requestedProductionTrafficWeight
  return `, stage ${lifecycleStage}${share === undefined ? '' : `, ${share} % of the traffic`}`
}

/** PAUSE hooks that somebody has to answer (API reference, DeploymentLifecycleHookDetail, ContinueServiceDeployment). */
function pauses({ lifecycleHookDetails = [] }: ServiceDeployment): string[] {
  return lifecycleHookDetails
    .filter(({ status }) => status === 'AWAITING_ACTION')
    .map(({ hookId, expiresAt, timeoutAction }) => {
      const end =
        expiresAt === undefined ? '' : ` ECS does ${timeoutAction ?? 'that itself'} at ${expiresAt.toISOString()}.`
      return `It is paused by the lifecycle hook ${hookId}: ContinueServiceDeployment lets it go on or takes it back.${end}`
    })
}

function byDeployments(sighting: Sighting): Verdict {
  const { own, primary } = entries(sighting)
  if (own === undefined || own.status === 'INACTIVE') return afterOurs(sighting, primary)
  if (own.status === 'PRIMARY') {
    if (own.rolloutState === 'COMPLETED')
      return { kind: 'deployed', reason: own.rolloutStateReason ?? 'The deployment is COMPLETED.' }
    if (own.rolloutState === 'FAILED')
      return { kind: 'failed', reason: own.rolloutStateReason ?? 'The deployment FAILED.' }
    return { kind: 'in-progress', reason: `The deployment is ${own.rolloutState ?? 'running'}${counts(own)}.` }
  }
  // Another one is PRIMARY: ECS's way back when ours failed, else somebody's.
  if (own.rolloutState !== 'FAILED' && !sighting.sawFailure)
    return primary === undefined ? unknown() : superseded(primary)
  return afterFailure(sighting, primary, own.rolloutStateReason)
}

/** Ours is no longer listed: a rollback can be over between two looks. The events still say that ours failed. */
function afterOurs(sighting: Sighting, primary: Deployment | undefined): Verdict {
  const { sawFailure, service, deploymentId, previousTaskDefinition } = sighting
  if (primary === undefined) return unknown()
  const failure = service.events?.find(({ message }) =>
    message?.includes(`(deployment ${deploymentId}) deployment failed`),
  )
  const wasTakenBack =
    primary.id === sighting.wayBackId || (saysRollback(primary) && primary.taskDefinition === previousTaskDefinition)
  return sawFailure || failure !== undefined || wasTakenBack
    ? afterFailure(sighting, primary, failure?.message)
    : superseded(primary)
}

/** Ours has failed. What is PRIMARY now is ECS's way back, unless it is another revision and does not say so. */
function afterFailure(sighting: Sighting, primary: Deployment | undefined, reason: string | undefined): Verdict {
  if (primary !== undefined && !isWayBack(sighting, primary)) return superseded(primary)
  const why = reason ?? primary?.rolloutStateReason ?? 'ECS took the deployment back.'
  if (primary?.rolloutState === 'COMPLETED') return { kind: 'rolled-back', reason: why }
  if (primary?.rolloutState === 'FAILED') return notBack(primary.rolloutStateReason ?? why)
  return { kind: 'rolling-back', reason: why }
}

/** Is it what ECS goes back to: the revision before ours, or an older one where that had failed? */
function isWayBack({ previousTaskDefinition, wayBackId }: Sighting, primary: Deployment): boolean {
  return primary.taskDefinition === previousTaskDefinition || primary.id === wayBackId || saysRollback(primary)
}

export function saysRollback({ rolloutStateReason = '' }: Deployment): boolean {
  return /roll(?:ing|ed) back/i.test(rolloutStateReason)
}

function whyRolledBack({ rollback, statusReason, alarms }: ServiceDeployment, own: Deployment | undefined): string {
  const triggered = alarms?.triggeredAlarmNames ?? []
  const alarm = triggered.length === 0 ? undefined : `Alarms: ${triggered.join(', ')}.`
  return [rollback?.reason ?? statusReason ?? own?.rolloutStateReason ?? 'ECS is rolling back.', alarm]
    .filter(Boolean)
    .join(' ')
}

function superseded({ id, taskDefinition = '' }: Deployment): Verdict {
  const revision = taskDefinition.slice(taskDefinition.lastIndexOf('/') + 1)
  return { kind: 'superseded', reason: `Another deployment, ${id} of ${revision}, took over.` }
}

function notBack(why: string): Verdict {
  return { kind: 'failed', reason: `ECS could not roll back: ${why}`, wayBack: true }
}

function unknown(): Verdict {
  return { kind: 'failed', reason: 'The service has no PRIMARY deployment any more: what it runs is not known.' }
}

function entries({ service: { deployments = [] }, deploymentId }: Sighting): {
  own: Deployment | undefined
  primary: Deployment | undefined
} {
  return {
    own: deployments.find(({ id }) => id === deploymentId),
    primary: deployments.find(({ status }) => status === 'PRIMARY'),
  }
}

function counts(own: Deployment | undefined): string {
  if (own?.desiredCount === undefined) return ''
  const failed = own.failedTasks === undefined || own.failedTasks === 0 ? '' : `, ${own.failedTasks} failed`
  return `, ${own.runningCount ?? 0} of ${own.desiredCount} tasks running${failed}`
}
