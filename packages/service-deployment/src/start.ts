import { failureText } from '@aws-deploy-actions/action-runtime'
import { AwsError, PermissionError } from '@aws-deploy-actions/aws-clients'
import { familyRevision } from '@aws-deploy-actions/ecs'
import type { Service } from '@aws-sdk/client-ecs'
import { rememberBegun } from './clean-up.ts'
import { serviceConsoleUrl } from './console.ts'
import { inParallel } from './in-parallel.ts'
import { putIn } from './put-in.ts'
import { primaryDeployment, type Rollout } from './rollout.ts'
import { describedServices } from './services.ts'
import type { Step } from './step.ts'

/** UpdateService calls at the same time; more would only be throttled. */
const AT_ONCE = 4

/** Starts as many of those that wait as `max-parallel` allows. With `rollback: all`, none after a failure. */
export async function startWaiting(
  rollouts: readonly Rollout[],
  forced: ReadonlyMap<string, string>,
  step: Step,
): Promise<void> {
  const waiting = rollouts.filter(({ status }) => status === 'waiting')
  if (waiting.length === 0) return
  if (step.inputs.rollback === 'all' && step.failures.size > 0) {
    for (const rollout of waiting) {
      rollout.status = 'unchanged'
      rollout.target = rollout.previous
      rollout.reason = 'Not begun: another service of the step failed.'
    }
    return
  }
  const room = step.inputs.maxParallel - rollouts.filter(({ status }) => status === 'in-progress').length
  const next = waiting.slice(0, room)
  if (next.length === 0) return
  await lookedAgain(next, step)
  const free = next.filter(({ status }) => status === 'waiting')
  for (const rollout of free) {
    rollout.status = 'in-progress'
    const from = rollout.service?.desiredCount
    const to = step.inputs.desiredCount
    if (from !== undefined && to !== undefined && from !== to) rollout.count = { from, to }
  }
  await rememberBegun(rollouts, step)
  await inParallel(AT_ONCE, free, rollout => start(rollout, forced.has(rollout.name), rollouts.length === 1, step))
  await rememberBegun(rollouts, step)
  await step.announce()
}

/** Registering and queueing take time: whatever others deployed meanwhile is not ours. */
async function lookedAgain(rollouts: readonly Rollout[], { ecs, inputs, calling }: Step): Promise<void> {
  const names = rollouts.map(({ name }) => name)
  const services = await describedServices(ecs, inputs.cluster, names, calling)
  for (const rollout of rollouts) {
    const service = services.get(rollout.name)
    const before = service === undefined ? undefined : primaryDeployment(service)?.id
    if (service === undefined || before === undefined) continue
    const isAnother = before !== rollout.before && isForeign(service, rollout)
    rollout.service = service
    rollout.before = before
    if (!isAnother) continue
    // What we planned was made from the revision before it, and would silently undo it.
    rollout.status = 'superseded'
    const { id, taskDefinition = '' } = primaryDeployment(service) ?? {}
    rollout.reason = `Another deployment, ${id} of ${familyRevision(taskDefinition)}, was put in before this one began: nothing was changed.`
    calling.log.info(`${rollout.name}: ${rollout.reason}`)
  }
}

/** Is its PRIMARY neither what ran when we planned nor what we want? */
function isForeign(service: Service, { previous, target }: Rollout): boolean {
  const now = primaryDeployment(service)?.taskDefinition
  return now !== previous.arn && now !== target.arn
}

async function start(rollout: Rollout, forced: boolean, alone: boolean, step: Step): Promise<void> {
  const { ecs, inputs, calling } = step
  const { cluster, desiredCount, region } = inputs
  rollout.startedAt = calling.clock.now()
  rollout.putInAt = rollout.startedAt
  const request = {
    cluster,
    service: rollout.name,
    // A service goes on with a revision that was deregistered, but takes none (API reference, DeregisterTaskDefinition).
    ...(rollout.target.active ? { taskDefinition: rollout.target.arn } : {}),
    ...(desiredCount === undefined ? {} : { desiredCount }),
    ...(forced ? { forceNewDeployment: true } : {}),
  }
  try {
    const { service, primary } = await putIn(ecs, request, rollout.target.arn, rollout.before, calling)
    rollout.service = service
    rollout.deploymentId = primary
    rollout.joined = primary === rollout.before
    calling.log.info(
      `${rollout.name}: ${familyRevision(rollout.previous.arn)} → ${familyRevision(rollout.target.arn)}, deployment ${primary}${rollout.joined ? ' (as before: nothing changed)' : ''} ${serviceConsoleUrl(region, cluster, rollout.name)}`,
    )
  } catch (error) {
    if (!(error instanceof AwsError || error instanceof PermissionError)) throw error
    rollout.status = 'failed'
    rollout.reason = 'UpdateService was refused: nothing was changed.'
    if (alone) throw error
    const failure = { ...error.record, resource: `${cluster}/${rollout.name}` }
    step.failures.set(rollout.name, failure)
    calling.log.error(`${rollout.name} failed`, failureText(failure))
  }
}
