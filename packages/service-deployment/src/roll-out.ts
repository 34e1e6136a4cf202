import { Deadline, durationText, failureText, type Runtime } from '@aws-deploy-actions/action-runtime'
import { type Calling, poll } from '@aws-deploy-actions/aws-clients'
import { familyRevision } from '@aws-deploy-actions/ecs'
import type { FailureRecord } from '@aws-deploy-actions/pipeline-report'
import type { ECSClient } from '@aws-sdk/client-ecs'
import type { BegunDeployment } from './clean-up.ts'
import { evidenceOf } from './evidence.ts'
import type { DeployInputs } from './inputs.ts'
import { ServicePoller } from './poller.ts'
import { putIn } from './put-in.ts'
import { putBack, requestRollback } from './rollback.ts'
import { currentVerdict, ecsRollsBack, ownDeployment, primaryDeployment, type Rollout } from './rollout.ts'
import type { Verdict } from './verdict.ts'

/** What a step needs to roll services out. */
export interface Step {
  readonly ecs: ECSClient
  readonly inputs: DeployInputs
  readonly runtime: Runtime
  readonly calling: Calling
  /** failures by service, for the verdict of the step */
  readonly failures: Map<string, FailureRecord>
  /** what `post` has to look after when this process is killed */
  readonly begun: BegunDeployment[]
}

const LOOK_EVERY_MS = 2000
const STILL_EVERY_MS = 60_000
/** After a failure, ECS has so long to begin its own rollback where it is configured to (ms). */
const ECS_ROLLBACK_MS = 15_000

/** Starts the deployment of one service. */
export async function start(rollout: Rollout, forced: boolean, step: Step): Promise<void> {
  const { ecs, inputs, calling } = step
  const { cluster, desiredCount } = inputs
  if (rollout.service === undefined) return
  const before = primaryDeployment(rollout.service)?.id
  rollout.startedAt = calling.clock.now()
  const primary = await putIn(
    ecs,
    {
      cluster,
      service: rollout.name,
      taskDefinition: rollout.target.arn,
      ...(desiredCount === undefined ? {} : { desiredCount }),
      ...(forced ? { forceNewDeployment: true } : {}),
    },
    rollout.service,
    calling,
  )
  rollout.deploymentId = primary.id ?? ''
  rollout.status = 'in-progress'
  step.begun.push({ name: rollout.name, deploymentId: rollout.deploymentId })
  await step.runtime.remember('deployments', JSON.stringify({ region: inputs.region, cluster, begun: step.begun }))
  calling.log.info(
    `${rollout.name}: ${familyRevision(rollout.previous.arn)} → ${familyRevision(rollout.target.arn)}, deployment ${primary.id}${primary.id === before ? ' (as before: nothing changed)' : ''}`,
  )
}

/**
 * Follows all rollouts that are in progress until each is settled; tells changes and first signs of failure.
 * @throws DeadlineExceeded, Cancelled, PermissionError, CredentialsError; the rollouts say how far they came
 */
export async function untilSettled(
  rollouts: readonly Rollout[],
  step: Step,
  startMore: () => Promise<void>,
): Promise<void> {
  const poller = new ServicePoller(step.ecs, step.inputs.cluster)
  const began = step.calling.clock.now()
  let toldAt = began
  await poll(step.calling, LOOK_EVERY_MS, async () => {
    await startMore()
    const open = rollouts.filter(({ status }) => status === 'in-progress')
    if (open.length === 0) return rollouts.every(({ status }) => status !== 'waiting') || undefined
    await poller.look(open, step.calling)
    for (const rollout of open) await settle(rollout, step)
    if (step.calling.clock.now() - toldAt >= STILL_EVERY_MS) {
      toldAt = step.calling.clock.now()
      const names = rollouts.filter(({ status }) => status === 'in-progress').map(({ name }) => name)
      if (names.length > 0)
        step.calling.log.info(`Still in progress after ${durationText(toldAt - began)}: ${names.join(', ')}`)
    }
    return undefined
  })
}

async function settle(rollout: Rollout, step: Step): Promise<void> {
  const verdict = currentVerdict(rollout)
  if (verdict === undefined) return
  const { log, clock } = step.calling
  const words = `${verdict.kind.replace('-', ' ')}: ${verdict.reason}`
  if (words !== rollout.told) log.outside(rollout.name, [words])
  rollout.told = words
  if (verdict.kind === 'in-progress') return
  if (verdict.kind === 'rolling-back' || verdict.kind === 'failed' || verdict.kind === 'rolled-back') {
    rollout.failedAt ??= clock.now()
    rollout.sawFailure = true
    await tellFailure(rollout, verdict, step)
  }
  if (verdict.kind === 'rolling-back') return
  const mayFollow = verdict.kind === 'failed' && rollout.service !== undefined && ecsRollsBack(rollout.service)
  if (
    mayFollow &&
    clock.now() - (rollout.failedAt ?? 0) < ECS_ROLLBACK_MS &&
    ownDeployment(rollout)?.status === 'PRIMARY'
  )
    return
  rollout.reason ??= verdict.reason
  rollout.seconds = Math.round((clock.now() - (rollout.startedAt ?? clock.now())) / 100) / 10
  rollout.status = verdict.kind
}

/** The first sign of a failure is an error at once, with evidence; what follows is told as it comes. */
async function tellFailure(rollout: Rollout, verdict: Verdict, step: Step): Promise<void> {
  if (step.failures.has(rollout.name)) return
  rollout.reason = verdict.reason
  const { lines, advice } = await evidenceOf(rollout, step.ecs, step.inputs.cluster, step.inputs.region, step.calling)
  const failure: FailureRecord = {
    what: `The deployment of ${rollout.name} failed${verdict.kind === 'rolling-back' ? '; ECS is rolling back' : ''}.`,
    resource: `${step.inputs.cluster}/${rollout.name}, ${familyRevision(rollout.target.arn)}, ${rollout.deploymentId}`,
    said: verdict.reason,
    seen: lines,
    ...advice,
  }
  step.failures.set(rollout.name, failure)
  step.calling.log.error(`${rollout.name} failed`, failureText(failure))
}

/**
 * Takes services back that failed without ECS doing so (or, with `all`, every service of the step), and proves it.
 * A service with nothing to go back to stays failed.
 */
export async function takeBack(rollouts: readonly Rollout[], step: Step): Promise<void> {
  const { inputs, calling } = step
  if (inputs.rollback === 'none') return
  const failed = rollouts.filter(({ status }) => status === 'failed')
  const others = inputs.rollback === 'all' ? rollouts.filter(({ status }) => status === 'deployed') : []
  const back: Rollout[] = []
  for (const rollout of failed.length === 0 && !rollouts.some(({ status }) => status === 'rolled-back')
    ? []
    : [...failed, ...others]) {
    const revision = await putBack(rollout, step.ecs, inputs.cluster, calling)
    if (revision === undefined) {
      calling.log.info(`${rollout.name}: there is no earlier revision to go back to.`)
      rollout.reason = `${rollout.reason ?? ''} There is no earlier revision to go back to.`.trim()
    } else {
      rollout.status = 'in-progress'
      back.push(rollout)
    }
  }
  if (back.length === 0) return
  await untilSettled(back, step, async () => {})
  for (const rollout of back) rollout.status = rollout.status === 'deployed' ? 'rolled-back' : rollout.status
}

/** After a time-out or cancel: every deployment that still goes on is told to go back. Never throws. */
export async function requestAllBack(
  rollouts: readonly Rollout[],
  status: 'timed-out' | 'cancelled',
  step: Step,
): Promise<void> {
  const { runtime, ecs, inputs } = step
  const cleanUp: Calling = { clock: runtime, log: runtime.log, deadline: new Deadline(runtime, 4000), attemptMs: 1500 }
  await Promise.all(
    rollouts
      .filter(({ status: own }) => own === 'in-progress')
      .map(async rollout => {
        rollout.status = status
        if (inputs.rollback === 'none') return
        try {
          if (rollout.serviceDeploymentArn === undefined)
            await new ServicePoller(ecs, inputs.cluster).look([rollout], cleanUp)
          const accepted = await requestRollback(rollout, ecs, cleanUp)
          const revision = accepted
            ? familyRevision(rollout.previous.arn)
            : await putBack(rollout, ecs, inputs.cluster, cleanUp)
          rollout.reason =
            revision === undefined
              ? 'There is no earlier revision to go back to.'
              : `A rollback to ${revision} was requested and accepted; it goes on.`
        } catch (error) {
          rollout.reason = `A rollback could not be requested: ${error instanceof Error ? error.message : error}`
        }
        runtime.log.info(`${rollout.name}: ${rollout.reason}`)
      }),
  )
}

export function overdue(timeoutMs: number): { what: string; next: readonly string[] } {
  return {
    what: `The deployment did not end within ${durationText(timeoutMs)}.`,
    next: ['Look at the events of the services: without a circuit breaker ECS tries for ever. Or raise timeout.'],
  }
}
