import {
  asFailure,
  Cancelled,
  Deadline,
  DeadlineExceeded,
  durationText,
  type Runtime,
} from '@aws-deploy-actions/action-runtime'
import { type Calling, sdkConfig } from '@aws-deploy-actions/aws-clients'
import { familyRevision } from '@aws-deploy-actions/ecs'
import type { FailureRecord } from '@aws-deploy-actions/pipeline-report'
import { ECSClient } from '@aws-sdk/client-ecs'
import { setOutputs } from './announce.ts'
import { rememberBegun } from './clean-up.ts'
import { movedTags, runningImages } from './digests.ts'
import { plannedRollback } from './go-back.ts'
import type { DeployInputs } from './inputs.ts'
import { DIGESTS_UNKNOWN, withNoticesOnce } from './once.ts'
import { isSteady, type Plan, planLines, plannedDeployment, rolloutsOf } from './plan.ts'
import { ServicePoller } from './poller.ts'
import { failureWithEvidence, untilSettled } from './roll-out.ts'
import { newRollout, primaryDeployment, type Rollout, type RunningImage } from './rollout.ts'
import { sentences } from './sentences.ts'
import { ServicesFailed } from './services-failed.ts'
import { startWaiting } from './start.ts'
import type { Step } from './step.ts'
import { requestAllBack, takeBack } from './take-back.ts'
import { TargetWatch, targetHealthIn } from './targets.ts'

/** What a step found out and did. */
export interface DeployRun {
  readonly region: string
  readonly cluster: string
  rollouts: Rollout[]
  /** by service: what changes, as a reviewer reads it */
  differences: ReadonlyMap<string, readonly string[]>
  /** by service */
  readonly failures: Map<string, FailureRecord>
}

/** After the deadline the process must be gone within 5 s (ms). */
const GRACE_MS = 4900
/** Of it, until evidence is no longer collected. */
const EVIDENCE_UNTIL_MS = 4300
/** How long the digests may take to read (ms). */
const IMAGES_MS = 15_000
/** After a cancel, a time-out or a failure that ends the step (ms). */
const SHORT_IMAGES_MS = 1500

/**
 * Deploys the services, or puts them back on what they ran before, and waits for the truth.
 * @returns the status of a success
 * @throws ServicesFailed, DeadlineExceeded, Cancelled, Failure; what was begun has been told to go back, unless `rollback: none`
 */
export async function deployServices(inputs: DeployInputs, run: DeployRun, runtime: Runtime): Promise<string> {
  const { signal } = runtime
  const log = withNoticesOnce(runtime.log)
  const ecs = new ECSClient(sdkConfig(inputs.region))
  const deadline = new Deadline(runtime, inputs.timeoutMs, overdue(inputs.timeoutMs))
  runtime.endBy(deadline.at + GRACE_MS)
  const calling = { clock: runtime, log, signal, deadline }
  const planned = inputs.operation === 'rollback' ? plannedRollback : plannedDeployment
  const plan = await log.group('Plan', () => planned(inputs, ecs, calling))
  run.differences = planLines(plan, inputs.showValues)
  if (inputs.dryRun) {
    const changes = await plannedChanges(plan, run.differences, ecs, inputs, calling)
    run.rollouts = changes.rollouts
    run.differences = changes.differences
  }
  for (const [name, lines] of run.differences)
    log.info(lines.length === 0 ? `${name}: no difference` : `${name}:\n${lines.map(line => `  ${line}`).join('\n')}`)
  if (inputs.dryRun) {
    await setOutputs(run, runtime)
    return 'planned'
  }
  run.rollouts = await rolloutsOf(plan, ecs, calling)
  const announce = () => setOutputs(run, runtime)
  const targets = new TargetWatch(targetHealthIn(inputs.region))
  const poller = new ServicePoller(ecs, inputs.cluster)
  const step: Step = { ecs, inputs, runtime, calling, failures: run.failures, poller, targets, announce }
  try {
    await announce()
    return await rolledOut(run, step)
  } finally {
    await announce()
  }
}

async function rolledOut(run: DeployRun, step: Step): Promise<string> {
  const { rollouts } = run
  const { inputs, runtime } = step
  try {
    const forced = await forcedServices(rollouts, step.ecs, inputs, step.calling)
    for (const [name, why] of inputs.forceNewDeployment ? [] : forced)
      step.calling.log.info(`${name}: ${why}; a new deployment is forced.`)
    noteUnchanged(rollouts, forced, step)
    if (!inputs.wait) {
      while (rollouts.some(({ status }) => status === 'waiting')) await startAll(rollouts, forced, step)
      if (inputs.rollback === 'all' && rollouts.some(({ status }) => status === 'failed')) {
        await requestAllBack(rollouts, 'failed', step)
      } else {
        for (const rollout of rollouts) if (rollout.status === 'in-progress') rollout.status = 'started'
        await runtime.remember('deployments', '')
      }
    } else {
      await untilSettled(
        rollouts,
        step,
        () => startWaiting(rollouts, forced, step),
        () => takeBack(rollouts, step),
      )
      await rememberBegun(
        rollouts.filter(({ noWayBack }) => noWayBack === 'refused'),
        step,
      )
    }
  } catch (error) {
    const timedOut = error instanceof DeadlineExceeded
    await requestAllBack(rollouts, error instanceof Cancelled ? 'cancelled' : timedOut ? 'timed-out' : 'failed', step)
    const images = noteImages(rollouts, step, SHORT_IMAGES_MS)
    const shown = timedOut ? await withEvidence(error, run, step) : error
    await images
    throw shown
  }
  await noteImages(rollouts, step, IMAGES_MS)
  return verdictOn(run, inputs)
}

/** The verdict is known: nothing that happens now changes it, neither a cancel nor the deadline. */
async function noteImages(
  rollouts: readonly Rollout[],
  { ecs, calling, runtime }: Step,
  mostMs: number,
): Promise<void> {
  const { signal: _, ...open } = calling
  const left = calling.deadline.at + EVIDENCE_UNTIL_MS - 1000 - runtime.now()
  const deadline = new Deadline(runtime, Math.max(1, Math.min(mostMs, left)))
  let images: ReadonlyMap<string, readonly RunningImage[]> = new Map()
  try {
    images = await runningImages(rollouts, ecs, { ...open, deadline })
  } catch (error) {
    calling.log.notice(DIGESTS_UNKNOWN, asFailure(error).message)
  }
  for (const rollout of rollouts) {
    const found = images.get(rollout.name) ?? []
    rollout.images = found.length > 0 ? found : definedImages(rollout)
  }
}

/** Where ECS does not tell digests: the images of the task definition that it runs. */
function definedImages({ status, target, previous }: Rollout): RunningImage[] {
  const isNew = status === 'deployed' || status === 'unchanged'
  const { containerDefinitions = [] } = (isNew ? target : previous).definition
  return containerDefinitions.map(({ name = '', image = '' }) => ({ container: name, image, digest: undefined }))
}

async function startAll(rollouts: readonly Rollout[], forced: ReadonlyMap<string, string>, step: Step): Promise<void> {
  const unlimited = { ...step, inputs: { ...step.inputs, maxParallel: rollouts.length } }
  await startWaiting(rollouts, forced, unlimited)
}

/** The status of a success. @throws ServicesFailed */
function verdictOn(run: DeployRun, { wait, operation, rollbackTo }: DeployInputs): string {
  const { rollouts } = run
  if (operation === 'rollback') {
    // Whoever asks for what ran before, and is told "rolled back", must not have what ran all the time.
    for (const rollout of rollouts.filter(({ name, status }) => status === 'unchanged' && !rollbackTo.has(name))) {
      if (rollout.reason !== undefined) continue
      rollout.status = 'failed'
      rollout.reason = `It runs ${familyRevision(rollout.target.arn)} already: nothing was taken back.`
    }
    for (const rollout of rollouts.filter(({ status }) => status === 'rolled-back')) {
      rollout.status = 'failed'
      rollout.reason = sentences(rollout.reason, `The rollback itself failed; it runs ${rollout.backTo} again.`)
    }
  }
  const good = new Set(['deployed', 'unchanged', 'started'])
  if (!rollouts.every(({ status }) => good.has(status))) throw new ServicesFailed(run)
  if (operation === 'rollback' && wait) {
    for (const rollout of rollouts) rollout.status = 'rolled-back'
    return 'rolled-back'
  }
  if (rollouts.every(({ status }) => status === 'unchanged')) return 'unchanged'
  return wait ? 'deployed' : 'started'
}

/**
 * Those that have to be deployed though their task definition stays, and why: asked for, a tag means another image now, or
 * the last deployment of the same revision failed (ECS sees no change then and does nothing).
 */
async function forcedServices(
  rollouts: readonly Rollout[],
  ecs: ECSClient,
  { region, forceNewDeployment }: DeployInputs,
  calling: Calling,
): Promise<Map<string, string>> {
  if (forceNewDeployment) return new Map(rollouts.map(({ name }) => [name, 'force-new-deployment']))
  const forced = new Map<string, string>()
  const same = rollouts.filter(({ previous, target }) => previous.arn === target.arn)
  if (same.length === 0) return forced
  for (const [name, container] of await movedTags(same, ecs, region, calling))
    forced.set(name, `the tag of ${container} means another image now than what runs`)
  for (const { name, service } of same) {
    if (service !== undefined && primaryDeployment(service)?.rolloutState === 'FAILED' && !forced.has(name))
      forced.set(name, 'its last deployment FAILED')
  }
  return forced
}

/** What a dry run tells beside the differences of the task definitions: what would be done though there are none. */
async function plannedChanges(
  { wanted, services }: Plan,
  differences: ReadonlyMap<string, readonly string[]>,
  ecs: ECSClient,
  inputs: DeployInputs,
  calling: Calling,
): Promise<{ rollouts: Rollout[]; differences: Map<string, readonly string[]> }> {
  const rollouts = wanted.map(({ name, current }) => newRollout(name, current, current, services.get(name)))
  const same = rollouts.filter(({ name }) => differences.get(name)?.length === 0)
  const forced = await forcedServices(same, ecs, inputs, calling)
  const told = new Map(differences)
  for (const rollout of rollouts) {
    const { name, service } = rollout
    rollout.status = 'planned'
    const why = forced.get(name)
    const count = inputs.desiredCount
    told.set(name, [
      ...(told.get(name) ?? []),
      ...(why === undefined ? [] : [`a new deployment is forced: ${why}`]),
      ...(count === undefined || count === service?.desiredCount
        ? []
        : [`desired count: ${service?.desiredCount} → ${count}`]),
    ])
  }
  return { rollouts, differences: told }
}

function noteUnchanged(
  rollouts: readonly Rollout[],
  forced: ReadonlyMap<string, string>,
  { inputs, calling }: Step,
): void {
  for (const rollout of rollouts) {
    const { service, previous, target, name } = rollout
    const sameCount = inputs.desiredCount === undefined || inputs.desiredCount === service?.desiredCount
    if (previous.arn === target.arn && !forced.has(name) && sameCount && service !== undefined && isSteady(service)) {
      rollout.status = 'unchanged'
      calling.log.info(`${name}: unchanged, ${familyRevision(target.arn)} runs already.`)
    }
  }
}

/** The time-out with what was seen of the first services that did not end: whoever reads it shall know why. */
async function withEvidence(
  error: DeadlineExceeded,
  { rollouts, failures }: DeployRun,
  step: Step,
): Promise<DeadlineExceeded> {
  const { calling, runtime } = step
  const mostMs = calling.deadline.at + EVIDENCE_UNTIL_MS - runtime.now()
  const late = rollouts.filter(({ status, startedAt }) => status === 'timed-out' && startedAt !== undefined)
  // The deadline is over, and evidence has one of its own.
  const { signal: _, ...open } = calling
  const last = { ...step, calling: open }
  await Promise.all(
    late.slice(0, 3).map(async rollout => {
      if (failures.has(rollout.name) || mostMs < 300) return
      const what = `The deployment of ${rollout.name} did not end in time.`
      failures.set(rollout.name, await failureWithEvidence(rollout, what, undefined, last, mostMs))
    }),
  )
  const own = late.flatMap(({ name }) => failures.get(name) ?? [])
  const advised = own.find(({ cause }) => cause !== undefined)
  const states = late.map(({ name, reason = '', told }) => `${name}: ${sentences(reason, told && `Last ${told}`)}`)
  const resource =
    own.length === 1 ? own[0]?.resource : `${step.inputs.cluster}/${late.map(({ name }) => name).join(', ')}`
  return new DeadlineExceeded(error.message, {
    ...error.details,
    ...(resource === undefined ? {} : { resource }),
    seen: [...states, ...own.flatMap(({ seen = [] }) => seen)],
    ...(advised?.cause === undefined ? {} : { cause: advised.cause }),
    next: [...(advised?.next ?? []), ...(error.details.next ?? [])],
  })
}

function overdue(timeoutMs: number): { what: string; next: readonly string[] } {
  return {
    what: `The deployment did not end within ${durationText(timeoutMs)}.`,
    next: ['Look at the events of the services: without a circuit breaker ECS tries for ever. Or raise timeout.'],
  }
}
