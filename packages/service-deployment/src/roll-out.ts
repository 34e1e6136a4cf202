import { durationText, failureText } from '@aws-deploy-actions/action-runtime'
import { poll } from '@aws-deploy-actions/aws-clients'
import { familyRevision } from '@aws-deploy-actions/ecs'
import type { FailureRecord } from '@aws-deploy-actions/pipeline-report'
import { evidenceOf } from './evidence.ts'
import { inParallel } from './in-parallel.ts'
import { currentVerdict, ecsRollsBack, noteWayBack, ownDeployment, primaryDeployment, type Rollout } from './rollout.ts'
import { sentences } from './sentences.ts'
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
 * @param takeBack called after each look: what has failed need not wait for the others. What it begins is followed, too
 * @throws DeadlineExceeded, Cancelled, PermissionError, CredentialsError; the rollouts say how far they came
 */
export async function untilSettled(
  rollouts: readonly Rollout[],
  step: Step,
  startMore: () => Promise<void> = async () => {},
  takeBack: () => Promise<void> = async () => {},
): Promise<void> {
  const began = step.calling.clock.now()
  let toldAt = began
  await poll(step.calling, LOOK_EVERY_MS, async () => {
    await startMore()
    // What was refused at once, too, can be a reason to take others back.
    await takeBack()
    const open = rollouts.filter(isOpen)
    if (open.length === 0) return rollouts.every(({ status }) => status !== 'waiting') || undefined
    await step.poller.look(open, step.calling)
    await step.targets.look(open, step.calling)
    await inParallel(EVIDENCE_AT_ONCE, open, rollout => settle(rollout, step))
    const settled = open.some(rollout => !isOpen(rollout))
    await takeBack()
    const still = rollouts.filter(isOpen)
    if (settled) await step.announce()
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
  noteWayBack(rollout)
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
  if (verdict.kind === 'superseded') rollout.reason = sentences(rollout.reason, verdict.reason)
  rollout.reason ??= verdict.reason
  rollout.seconds = secondsOf(rollout, clock.now())
  if (rollout.goingBack) {
    rollout.status = endOfWayBack(verdict)
    return
  }
  if (verdict.kind === 'rolled-back') {
    const runs = rollout.service === undefined ? undefined : primaryDeployment(rollout.service)?.taskDefinition
    if (runs !== undefined && runs !== rollout.target.arn) rollout.backTo = familyRevision(runs)
  }
  rollout.status = verdict.kind
}

/** What the verdict about our way back says about the service. */
function endOfWayBack({ kind }: Verdict): 'rolled-back' | 'superseded' | 'failed' {
  if (kind === 'deployed') return 'rolled-back'
  return kind === 'superseded' ? 'superseded' : 'failed'
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

/** The first sign of a failure is an error at once, with evidence; so is that of a way back which fails. */
async function tellFailure(rollout: Rollout, verdict: Verdict, step: Step): Promise<void> {
  const notBack = failedWayBack(rollout, verdict)
  const isFirst = !step.failures.has(rollout.name) && !rollout.goingBack
  if (isFirst) await tellFirst(rollout, verdict, step)
  if (notBack === undefined || rollout.toldWayBack !== undefined) return
  rollout.toldWayBack = notBack
  // Where there was nothing to go back to, no way back has tasks of its own.
  if (isFirst && wayBackOf(rollout, verdict).deploymentId === rollout.deploymentId) return
  await tellWayBack(rollout, notBack, verdict, step)
}

async function tellFirst(rollout: Rollout, verdict: Verdict, step: Step): Promise<void> {
  const { name } = rollout
  rollout.reason = verdict.reason
  const what = `The deployment of ${name} failed${ecsActs(verdict)}.`
  const failure = await failureWithEvidence(rollout, what, verdict.reason, step)
  step.failures.set(name, failure)
  step.calling.log.error(`${name} failed`, failureText(failure))
}

async function tellWayBack(rollout: Rollout, notBack: string, verdict: Verdict, step: Step): Promise<void> {
  const { name, goingBack, reason = '' } = rollout
  // What ECS could not take back it tells in its own words.
  const words = goingBack ? sentences(`${notBack}.`, verdict.reason) : verdict.reason
  if (!reason.includes(words)) rollout.reason = sentences(reason, words)
  const what = `${notBack}${ecsActs(verdict)}.`
  const failure = await failureWithEvidence(wayBackOf(rollout, verdict), what, verdict.reason, step)
  const first = step.failures.get(name)
  step.failures.set(name, first === undefined ? failure : withWayBack(first, failure))
  step.calling.log.error(`${name} could not be taken back`, failureText(failure))
}

function ecsActs({ kind }: Verdict): string {
  return kind === 'rolling-back' ? '; ECS is rolling back' : ''
}

/** What failed, when it is the way back and not the deployment. */
function failedWayBack({ goingBack, backTo, name }: Rollout, verdict: Verdict): string | undefined {
  if (goingBack) return `Going back to ${backTo} failed, too`
  return verdict.kind === 'failed' && verdict.wayBack ? `ECS could not take ${name} back` : undefined
}

/** The way back as a deployment: its tasks, its revision, and its own words. */
function wayBackOf(rollout: Rollout, { reason }: Verdict): Rollout {
  const { service, previous, putInAt, goingBack } = rollout
  const primary = service === undefined ? undefined : primaryDeployment(service)
  const target = { ...previous, arn: primary?.taskDefinition ?? previous.arn }
  return {
    ...rollout,
    reason,
    target,
    ...(goingBack || primary?.id === undefined ? {} : { deploymentId: primary.id }),
    ...(goingBack && putInAt !== undefined ? { startedAt: putInAt } : {}),
  }
}

/** The first failure is the cause, the second what is wrong now: both stay. */
function withWayBack(first: FailureRecord, { what, said, seen = [], next = [] }: FailureRecord): FailureRecord {
  return {
    ...first,
    seen: [...(first.seen ?? []), what, ...(said === undefined ? [] : [`AWS says: ${said}`]), ...seen],
    next: [...new Set([...(first.next ?? []), ...next])],
  }
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
    resource: [
      `${inputs.cluster}/${rollout.name}`,
      familyRevision(rollout.target.arn),
      // none before ECS has accepted it
      ...(rollout.deploymentId === undefined ? [] : [rollout.deploymentId]),
    ].join(', '),
    ...(said === undefined ? {} : { said }),
    seen: lines,
    ...advice,
  }
}
