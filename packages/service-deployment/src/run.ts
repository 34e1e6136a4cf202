import { Cancelled, Deadline, DeadlineExceeded, Failure, type Runtime } from '@aws-deploy-actions/action-runtime'
import { sdkConfig } from '@aws-deploy-actions/aws-clients'
import { familyRevision } from '@aws-deploy-actions/ecs'
import type { FailureRecord } from '@aws-deploy-actions/pipeline-report'
import { ECSClient } from '@aws-sdk/client-ecs'
import { movedTag, runningImages } from './digests.ts'
import type { DeployInputs } from './inputs.ts'
import { isSteady, planLines, plannedDeployment, rolloutsOf } from './plan.ts'
import { overdue, requestAllBack, type Step, start, takeBack, untilSettled } from './roll-out.ts'
import type { Rollout } from './rollout.ts'

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

/**
 * Deploys the services and waits for the truth.
 * @returns the status of a success
 * @throws ServicesFailed, DeadlineExceeded, Cancelled, Failure; what was begun has been told to go back, unless `rollback: none`
 */
export async function deployServices(inputs: DeployInputs, run: DeployRun, runtime: Runtime): Promise<string> {
  const { log, signal } = runtime
  const ecs = new ECSClient(sdkConfig(inputs.region))
  const deadline = new Deadline(runtime, inputs.timeoutMs, overdue(inputs.timeoutMs))
  runtime.endBy(deadline.at + GRACE_MS)
  const calling = { clock: runtime, log, signal, deadline }
  const plan = await log.group('Plan', () => plannedDeployment(inputs, ecs, calling))
  run.differences = planLines(plan, inputs.showValues)
  for (const [name, lines] of run.differences)
    log.info(lines.length === 0 ? `${name}: no difference` : `${name}:\n${lines.map(line => `  ${line}`).join('\n')}`)
  if (inputs.dryRun) {
    run.rollouts = plan.wanted.map(({ name, current }) => ({
      name,
      previous: current,
      target: current,
      status: 'planned',
      sawFailure: false,
      images: [],
    }))
    return 'planned'
  }

  run.rollouts = await rolloutsOf(plan, ecs, calling)
  const step: Step = { ecs, inputs, runtime, calling, failures: run.failures, begun: [] }
  try {
    const forced = await forcedServices(run.rollouts, step)
    await rollOut(run.rollouts, forced, step)
    if (!inputs.wait) return allAre(run.rollouts, 'unchanged') ? 'unchanged' : 'started'
    await takeBack(run.rollouts, step)
  } catch (error) {
    const status = error instanceof Cancelled ? 'cancelled' : 'timed-out'
    await requestAllBack(
      run.rollouts,
      error instanceof Cancelled || error instanceof DeadlineExceeded ? status : 'timed-out',
      step,
    )
    throw error
  } finally {
    await runtime.remember('deployments', '')
  }
  const images = await runningImages(run.rollouts, ecs, calling)
  for (const rollout of run.rollouts) rollout.images = images.get(rollout.name) ?? []
  if (run.rollouts.every(({ status }) => status === 'deployed' || status === 'unchanged')) {
    return allAre(run.rollouts, 'unchanged') ? 'unchanged' : 'deployed'
  }
  throw new ServicesFailed(run)
}

/** Those that have to be deployed though their task definition stays: asked for, or a tag means another image now. */
async function forcedServices(rollouts: readonly Rollout[], { ecs, inputs, calling }: Step): Promise<Set<string>> {
  if (inputs.forceNewDeployment) return new Set(rollouts.map(({ name }) => name))
  const forced = new Set<string>()
  const same = rollouts.filter(({ previous, target }) => previous.arn === target.arn)
  if (same.length === 0) return forced
  const running = await runningImages(same, ecs, calling)
  for (const { name, target } of same) {
    const moved = await movedTag(target.definition, running.get(name) ?? [], inputs.region, calling)
    if (moved === undefined) continue
    calling.log.info(`${name}: the tag of ${moved} means another image now than what runs; a new deployment is forced.`)
    forced.add(name)
  }
  return forced
}

/** Starts what has to be started, at most `max-parallel` at a time, and follows it to its end. */
async function rollOut(rollouts: readonly Rollout[], forced: ReadonlySet<string>, step: Step): Promise<void> {
  const { inputs, calling } = step
  for (const rollout of rollouts) {
    const { service, previous, target, name } = rollout
    const sameCount = inputs.desiredCount === undefined || inputs.desiredCount === service?.desiredCount
    if (previous.arn === target.arn && !forced.has(name) && sameCount && service !== undefined && isSteady(service)) {
      rollout.status = 'unchanged'
      calling.log.info(`${name}: unchanged, ${familyRevision(target.arn)} runs already.`)
    }
  }
  const startMore = async (): Promise<void> => {
    for (const rollout of rollouts) {
      if (rollout.status !== 'waiting') continue
      if (rollouts.filter(({ status }) => status === 'in-progress').length >= inputs.maxParallel) return
      await start(rollout, forced.has(rollout.name), step)
    }
  }
  if (inputs.wait) return untilSettled(rollouts, step, startMore)
  for (const rollout of rollouts) {
    if (rollout.status !== 'waiting') continue
    await start(rollout, forced.has(rollout.name), step)
    rollout.status = 'started'
  }
}

function allAre(rollouts: readonly Rollout[], status: Rollout['status']): boolean {
  return rollouts.every(rollout => rollout.status === status)
}

/** Some services did not get where they should. `failed` wins over `superseded`, that over `rolled-back`. */
export class ServicesFailed extends Failure {
  override readonly name = 'ServicesFailed'
  override readonly status: string
  override readonly annotated: boolean

  constructor({ rollouts, failures, cluster }: DeployRun) {
    const bad = rollouts.filter(({ status }) => status !== 'deployed' && status !== 'unchanged')
    const [first] = failures.values()
    const states = bad.map(
      ({ name, status, reason }) => `${name}: ${status}${reason === undefined ? '' : `. ${reason}`}`,
    )
    super(whatFailed(rollouts, bad), {
      resource: cluster,
      ...(first?.said === undefined ? {} : { said: first.said }),
      seen: states,
      ...(first?.cause === undefined ? {} : { cause: first.cause }),
      ...(first?.next === undefined ? {} : { next: first.next }),
    })
    this.annotated = bad.every(({ name }) => failures.has(name))
    this.status = bad.some(({ status }) => status === 'failed')
      ? 'failed'
      : bad.some(({ status }) => status === 'superseded')
        ? 'superseded'
        : 'rolled-back'
  }
}

function whatFailed(all: readonly Rollout[], bad: readonly Rollout[]): string {
  const [first] = bad
  if (all.length > 1 || first === undefined)
    return `${bad.length} of ${all.length} services did not get the new version.`
  const now: Readonly<Record<string, string>> = {
    'rolled-back': `; it runs ${familyRevision(first.previous.arn)} again`,
    superseded: ': another deployment took over',
  }
  return `${first.name} did not get the new version${now[first.status] ?? ''}.`
}
