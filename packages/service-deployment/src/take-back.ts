import { asFailure, Deadline } from '@aws-deploy-actions/action-runtime'
import { AwsError, type Calling, PermissionError } from '@aws-deploy-actions/aws-clients'
import { familyRevision } from '@aws-deploy-actions/ecs'
import { rememberBegun } from './clean-up.ts'
import { putCountBack } from './desired-count.ts'
import { inParallel } from './in-parallel.ts'
import { putInAlready } from './put-in.ts'
import { secondsOf } from './roll-out.ts'
import {
  ECS_ROLLS_BACK,
  isWayBackOfEcs,
  overtakenWords,
  type PutBack,
  putBack,
  requestRollback,
  type WayBack,
} from './rollback.ts'
import { currentVerdict, primaryDeployment, type Rollout } from './rollout.ts'
import { sentences } from './sentences.ts'
import type { Step } from './step.ts'
import { isDeleted } from './verdict.ts'

const NOTHING_EARLIER = 'There is no earlier revision that worked: nothing to go back to.'
const HAD_BEGUN = 'had begun before this step; it goes on.'
const ANOTHER_FAILED = 'Another service of the step failed (rollback: all).'
const AT_ONCE = 4
/** After the deadline or a cancel (ms): all requests, and one try of them. */
const CLEAN_UP_MS = 4000
const ATTEMPT_MS = 1500
/** An UpdateService that was under way when we were cancelled can take effect a moment later (ms). */
const SECOND_LOOK_MS = 700

/**
 * Begins to take services back: each that failed without ECS doing so, as soon as it has failed, and with `all` then also
 * those of the step that are deployed. Whoever follows the rollouts sees how it ends. What ECS takes back itself gets its
 * number of tasks back.
 */
export async function takeBack(rollouts: readonly Rollout[], step: Step): Promise<void> {
  const { inputs, calling } = step
  if (inputs.rollback === 'none') return
  // ECS has taken the revision back, and leaves the number of tasks as it is.
  const byEcs = rollouts.filter(
    ({ status, count, goingBack, countSettled }) =>
      status === 'rolled-back' && count !== undefined && !goingBack && !countSettled,
  )
  await inParallel(AT_ONCE, byEcs, async rollout => {
    rollout.countSettled = true
    rollout.reason = sentences(rollout.reason, await countBackWords(rollout, step.ecs, inputs.cluster, calling))
  })
  const failed = rollouts.filter(rollout => hasFailed(rollout) && rollout.noWayBack === undefined)
  const anyBack = rollouts.some(({ status, goingBack }) => status === 'rolled-back' || status === 'failed' || goingBack)
  const others = inputs.rollback === 'all' && anyBack ? rollouts.filter(({ status }) => status === 'deployed') : []
  await inParallel(AT_ONCE, [...failed, ...others], async rollout => {
    try {
      await beginWayBack(rollout, step)
    } catch (error) {
      // The others go back all the same, and `post` tries this one again.
      if (!(error instanceof AwsError || error instanceof PermissionError)) throw error
      rollout.noWayBack = 'refused'
      rollout.status = 'failed'
      const words = sentences('It could not be taken back.', error.message, error.details.said)
      rollout.reason = sentences(rollout.reason, words)
      calling.log.info(`${rollout.name}: ${words}`)
    }
  })
}

/** A service with nothing to go back to stays failed. */
async function beginWayBack(rollout: Rollout, step: Step): Promise<void> {
  const { inputs, calling } = step
  if (rollout.service !== undefined && isDeleted(rollout.service)) {
    rollout.noWayBack = 'nothing earlier'
    return
  }
  if (rollout.joined && rollout.status === 'failed') {
    rollout.noWayBack = 'nothing earlier'
    const count = await countBackWords(rollout, step.ecs, inputs.cluster, calling)
    rollout.reason = sentences(rollout.reason, `The deployment ${rollout.deploymentId} ${HAD_BEGUN}`, count)
    return
  }
  if (rollout.joined) {
    // The deployment is an earlier one: only the number of tasks was ours.
    const service = await putCountBack(rollout.name, rollout.count, step.ecs, inputs.cluster, calling)
    if (service === undefined) return
    rollout.reason = ANOTHER_FAILED
    rollout.status = 'in-progress'
    rollout.goingBack = true
    rollout.backTo = familyRevision(rollout.previous.arn)
    rollout.service = service
    return
  }
  const found = await putBack(wayBackOf(rollout), step.ecs, inputs.cluster, inputs.region, calling)
  if (found === undefined) {
    rollout.noWayBack = 'nothing earlier'
    calling.log.info(`${rollout.name}: ${NOTHING_EARLIER}`)
    rollout.reason = sentences(rollout.reason, NOTHING_EARLIER)
    if (rollout.status === 'deployed') rollout.status = 'failed'
    return
  }
  if ('overtakenBy' in found) {
    if (isWayBackOfEcs(found)) {
      rollout.status = 'in-progress'
      return
    }
    rollout.status = 'superseded'
    rollout.reason = sentences(rollout.reason, overtakenWords(found))
    calling.log.info(`${rollout.name}: ${rollout.reason}`)
    return
  }
  if (rollout.status === 'deployed') rollout.reason = ANOTHER_FAILED
  followBack(rollout, found, calling.clock.now())
}

/** What failed after a deployment had begun: where UpdateService was refused there is nothing to take back. */
function hasFailed({ status, deploymentId, backTo }: Rollout): boolean {
  return status === 'failed' && deploymentId !== undefined && backTo === undefined
}

function followBack(rollout: Rollout, { to, primary, service, replaced }: PutBack, now: number): void {
  rollout.status = 'in-progress'
  rollout.goingBack = true
  rollout.backTo = to
  if (rollout.deploymentId !== undefined) rollout.newDeploymentId = rollout.deploymentId
  rollout.deploymentId = primary
  if (replaced !== undefined) rollout.before = replaced
  rollout.putInAt = now
  rollout.service = service
  rollout.joined = false
  rollout.sawFailure = false
  delete rollout.serviceDeploymentArn
  delete rollout.serviceDeployment
  delete rollout.failedAt
  delete rollout.wayBackId
}

function wayBackOf(rollout: Rollout): WayBack {
  const { name, deploymentId, target, previous, previousWorked, count } = rollout
  return {
    name,
    deploymentId,
    lastSeen: failedWayBack(rollout),
    taskDefinition: target.arn,
    previous: previousWorked ? previous.arn : undefined,
    count,
  }
}

/** The PRIMARY with which ECS tried to go back, in vain: it may be replaced, as ours may. */
function failedWayBack({ service, serviceDeployment, previous, wayBackId }: Rollout): string | undefined {
  const primary = service === undefined ? undefined : primaryDeployment(service)
  const isFailed =
    serviceDeployment?.status === undefined
      ? primary?.rolloutState === 'FAILED' && (primary.taskDefinition === previous.arn || primary.id === wayBackId)
      : serviceDeployment.status === 'ROLLBACK_FAILED'
  return isFailed ? primary?.id : undefined
}

/**
 * After a time-out, a cancel or a failure that ends the step: every deployment that still goes on is told to go back.
 * Never throws; what ECS did not accept is a warning, and `post` tries it again.
 */
export async function requestAllBack(
  rollouts: readonly Rollout[],
  status: 'timed-out' | 'cancelled' | 'failed',
  step: Step,
): Promise<void> {
  const { runtime, inputs } = step
  const cleanUp: Calling = {
    clock: runtime,
    log: step.calling.log,
    deadline: new Deadline(runtime, CLEAN_UP_MS),
    attemptMs: ATTEMPT_MS,
  }
  const open: Rollout[] = []
  await Promise.all(
    rollouts.map(async rollout => {
      const { status: own, startedAt } = rollout
      if (own === 'waiting' || (own === 'in-progress' && startedAt === undefined)) {
        rollout.status = status
        rollout.reason = 'Not begun: nothing was changed.'
        return
      }
      if (own === 'rolled-back' && inputs.rollback !== 'none') {
        // ECS has taken the revision back, and leaves the number of tasks as it is.
        rollout.reason = sentences(rollout.reason, await countBackWords(rollout, step.ecs, inputs.cluster, cleanUp))
        return
      }
      const goesOn = own === 'in-progress' || own === 'started'
      const isOpen = hasFailed(rollout) && rollout.noWayBack !== 'nothing earlier'
      if (!goesOn && !isOpen && !(own === 'deployed' && inputs.rollback === 'all')) return
      if (goesOn) rollout.status = status
      rollout.seconds = secondsOf(rollout, runtime.now())
      try {
        rollout.reason = sentences(rollout.reason, await requestedBack(rollout, own === 'in-progress', step, cleanUp))
        // What was deployed and goes back now is deployed no more.
        if (own === 'deployed' && (rollout.backTo !== undefined || rollout.joined)) rollout.status = status
        runtime.log.info(`${rollout.name}: ${rollout.reason}`)
      } catch (error) {
        open.push(rollout)
        const words = error instanceof Error ? error.message : String(error)
        rollout.reason = sentences(rollout.reason, `It goes on: a rollback could not be requested. ${words}`)
        runtime.log.warning(`${rollout.name} goes on`, `${rollout.deploymentId}: ${rollout.reason}`)
      }
    }),
  )
  await rememberBegun(open, step)
}

/** Asks for the rollback of one deployment. @returns what became of it, in words */
async function requestedBack(
  rollout: Rollout,
  following: boolean,
  { ecs, inputs, poller }: Step,
  calling: Calling,
): Promise<string> {
  const { cluster, region, rollback } = inputs
  if (following && rollout.backTo !== undefined)
    return `A rollback to ${rollout.backTo} was requested and accepted; it goes on.`
  const countBack = () => countBackWords(rollout, ecs, cluster, calling)
  if (rollout.deploymentId === undefined) {
    const found = await lateUpdate(rollout, ecs, cluster, calling)
    if (found === undefined) return (rollback === 'none' ? undefined : await countBack()) ?? 'Nothing was changed.'
    rollout.deploymentId = found
  }
  if (rollback === 'none') return `The deployment ${rollout.deploymentId} goes on (rollback: none).`
  if (rollout.joined) {
    return sentences(`The deployment ${rollout.deploymentId} ${HAD_BEGUN}`, await countBack())
  }
  if (following && currentVerdict(rollout)?.kind === 'rolling-back') return sentences(ECS_ROLLS_BACK, await countBack())
  if (following) {
    const arn =
      rollout.serviceDeploymentArn ?? (await poller.serviceDeploymentOf(rollout.name, rollout.deploymentId, calling))
    const goesOn = arn === undefined ? undefined : await requestRollback(arn, rollout.name, ecs, calling)
    if (goesOn !== undefined) return sentences(goesOn, await countBack())
  }
  const back = await putBack(wayBackOf(rollout), ecs, cluster, region, calling)
  if (back === undefined) return NOTHING_EARLIER
  if ('overtakenBy' in back) {
    if (isWayBackOfEcs(back)) return sentences(ECS_ROLLS_BACK, await countBack())
    rollout.status = 'superseded'
    return overtakenWords(back)
  }
  rollout.backTo = back.to
  return `A rollback to ${back.to} was requested and accepted; it goes on.`
}

/** The way back counts as accepted, whatever becomes of the number of tasks. */
async function countBackWords(
  { name, count }: Rollout,
  ecs: Step['ecs'],
  cluster: string,
  calling: Calling,
): Promise<string | undefined> {
  try {
    const service = await putCountBack(name, count, ecs, cluster, calling)
    return service === undefined ? undefined : `The number of tasks is ${count?.from} again.`
  } catch (error) {
    const words = `The number of tasks stays ${count?.to}: it could not be put back. ${asFailure(error).message}`
    calling.log.warning(`${name} keeps its new number of tasks`, words)
    return words
  }
}

/** The deployment of an UpdateService whose answer we did not wait for. */
async function lateUpdate(
  { name, target, before }: Rollout,
  ecs: Step['ecs'],
  cluster: string,
  calling: Calling,
): Promise<string | undefined> {
  const look = () => putInAlready(ecs, cluster, name, target.arn, before, calling)
  const first = await look()
  if (first !== undefined) return first.primary
  await calling.clock.sleep(SECOND_LOOK_MS)
  return (await look())?.primary
}
