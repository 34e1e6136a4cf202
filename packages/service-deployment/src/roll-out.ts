import { durationText, failureText } from '@aws-deploy-actions/action-runtime'
import { poll } from '@aws-deploy-actions/aws-clients'
import { familyRevision } from '@aws-deploy-actions/ecs'
import type { FailureRecord } from '@aws-deploy-actions/pipeline-report'
import { evidenceOf } from './evidence.ts'
import { inParallel } from './in-parallel.ts'
import { currentVerdict, ecsRollsBack, ownDeployment, primaryDeployment, type Rollout } from './rollout.ts'
import type { Step } from './step.ts'
import type { Verdict } from './verdict.ts'

const LOOK_EVERY_MS = 2000
const STILL_EVERY_MS = 60_000
/** After a failure, ECS has so long to begin its own rollback where it is configured to (ms). */
const ECS_ROLLBACK_MS = 15_000
/** How long evidence may take (ms): the other services are not looked at meanwhile. */
const EVIDENCE_MS = 8000
/** Services whose evidence is collected at the same time. */
const EVIDENCE_AT_ONCE = 4

/**
 * Follows all rollouts that are in progress until each is settled; tells changes and first signs of failure.
 * @throws DeadlineExceeded, Cancelled, PermissionError, CredentialsError; the rollouts say how far they came
 */
export async function untilSettled(
  rollouts: readonly Rollout[],
  step: Step,
  startMore: () => Promise<void> = async () => {},
): Promise<void> {
  const began = step.calling.clock.now()
  let toldAt = began
  await poll(step.calling, LOOK_EVERY_MS, async () => {
    await startMore()
    const open = rollouts.filter(isOpen)
    if (open.length === 0) return rollouts.every(({ status }) => status !== 'waiting') || undefined
    await step.poller.look(open, step.calling)
    await step.targets.look(open, step.calling)
    await inParallel(EVIDENCE_AT_ONCE, open, rollout => settle(rollout, step))
    const still = open.filter(isOpen)
    if (still.length < open.length) await step.announce()
    if (still.length === 0 && rollouts.every(({ status }) => status !== 'waiting')) return true
    if (step.calling.clock.now() - toldAt >= STILL_EVERY_MS) {
      toldAt = step.calling.clock.now()
      const names = still.map(({ name }) => name)
      step.calling.log.info(`Still in progress after ${durationText(toldAt - began)}: ${names.join(', ')}`)
    }
    return undefined
  })
}

function isOpen({ status }: Rollout): boolean {
  return status === 'in-progress'
}

async function settle(rollout: Rollout, step: Step): Promise<void> {
  const verdict = currentVerdict(rollout)
  if (verdict === undefined) return
  const { log, clock } = step.calling
  const way = rollout.backTo === undefined || rollout.sawFailure ? '' : `back to ${rollout.backTo}, `
  const words = `${way}${verdict.kind.replace('-', ' ')}: ${verdict.reason}`
  const news = newsOf(rollout, words, clock.now())
  if (news !== undefined) log.outside(rollout.name, [news])
  if (verdict.kind === 'in-progress') return
  if (verdict.kind === 'rolling-back' || verdict.kind === 'failed' || verdict.kind === 'rolled-back') {
    rollout.failedAt ??= clock.now()
    rollout.sawFailure = true
    await tellFailure(rollout, verdict, step)
  }
  if (verdict.kind === 'rolling-back' || (verdict.kind === 'failed' && ecsMayFollow(rollout, clock.now()))) return
  rollout.reason ??= verdict.reason
  rollout.seconds = secondsOf(rollout, clock.now())
  if (verdict.kind === 'rolled-back') {
    const runs = rollout.service === undefined ? undefined : primaryDeployment(rollout.service)?.taskDefinition
    if (runs !== undefined && runs !== rollout.target.arn) rollout.backTo = familyRevision(runs)
  }
  rollout.status = verdict.kind
}

/** FAILED, and ECS is configured to take it back: `deployments[]` shows the one before the other. */
function ecsMayFollow(rollout: Rollout, now: number): boolean {
  const { service, failedAt = now, serviceDeployment } = rollout
  if (service === undefined || !ecsRollsBack(service) || now - failedAt >= ECS_ROLLBACK_MS) return false
  if (/STOPPED|ROLLBACK_FAILED/.test(serviceDeployment?.status ?? '')) return false
  return ownDeployment(rollout)?.status === 'PRIMARY'
}

/**
 * What to print of a state: nothing while it lasts, and no line twice. A state that comes back (tasks that start and stop in
 * turn) is news, with its time.
 */
export function newsOf(rollout: Rollout, state: string, now: number): string | undefined {
  if (state === rollout.told) return undefined
  const isBack = rollout.toldBefore.has(state)
  rollout.told = state
  rollout.toldBefore.add(state)
  return isBack ? `${state} (again, after ${durationText(now - (rollout.startedAt ?? now))})` : state
}

/** From UpdateService until now, in tenths of a second. */
export function secondsOf({ startedAt }: Rollout, now: number): number {
  return Math.round((now - (startedAt ?? now)) / 100) / 10
}

/** The first sign of a failure is an error at once, with evidence; what follows is told as it comes. */
async function tellFailure(rollout: Rollout, verdict: Verdict, step: Step): Promise<void> {
  if (step.failures.has(rollout.name)) return
  rollout.reason = verdict.reason
  const ecsActs = verdict.kind === 'rolling-back' ? '; ECS is rolling back' : ''
  const failure = await failureWithEvidence(
    rollout,
    `The deployment of ${rollout.name} failed${ecsActs}.`,
    verdict.reason,
    step,
  )
  step.failures.set(rollout.name, failure)
  step.calling.log.error(`${rollout.name} failed`, failureText(failure))
}

/** @param mostMs how long collecting the evidence may take; unless it is given, until the deadline at most */
export async function failureWithEvidence(
  rollout: Rollout,
  what: string,
  said: string | undefined,
  { ecs, inputs, calling, targets }: Step,
  mostMs = Math.max(0, Math.min(EVIDENCE_MS, calling.deadline.left)),
): Promise<FailureRecord> {
  const { lines, advice } = await evidenceOf(rollout, targets, ecs, inputs, calling, mostMs)
  return {
    what,
    resource: `${inputs.cluster}/${rollout.name}, ${familyRevision(rollout.target.arn)}, ${rollout.deploymentId}`,
    ...(said === undefined ? {} : { said }),
    seen: lines,
    ...advice,
  }
}
