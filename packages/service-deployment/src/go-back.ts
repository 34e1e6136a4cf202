import { asFailure, Deadline, Failure, type Runtime } from '@aws-deploy-actions/action-runtime'
import { type Calling, call, sdkConfig } from '@aws-deploy-actions/aws-clients'
import {
  describedRevision,
  familyRevision,
  type Revision,
  registeredRevision,
  withContainerChanges,
} from '@aws-deploy-actions/ecs'
import {
  ECSClient as Client,
  DescribeServiceRevisionsCommand,
  type ECSClient,
  ListServiceDeploymentsCommand,
  type ServiceRevision,
} from '@aws-sdk/client-ecs'
import { runningImages } from './digests.ts'
import type { DeployInputs } from './inputs.ts'
import { overdue, requestAllBack, type Step, start, untilSettled } from './roll-out.ts'
import { lastSuccessfulRevision } from './rollback.ts'
import type { Rollout } from './rollout.ts'
import { type DeployRun, ServicesFailed } from './run.ts'
import { deployableServices } from './services.ts'

const GRACE_MS = 4900

/**
 * Puts each service back on its last successful earlier revision, or on the one given, with the images that ran then.
 * @returns `rolled-back`
 * @throws ServicesFailed, DeadlineExceeded, Cancelled, Failure when a service has nothing to go back to
 */
export async function rollBackServices(inputs: DeployInputs, run: DeployRun, runtime: Runtime): Promise<string> {
  const { log, signal } = runtime
  const ecs = new Client(sdkConfig(inputs.region))
  const deadline = new Deadline(runtime, inputs.timeoutMs, overdue(inputs.timeoutMs))
  runtime.endBy(deadline.at + GRACE_MS)
  const calling = { clock: runtime, log, signal, deadline }
  const step: Step = { ecs, inputs, runtime, calling, failures: run.failures, begun: [] }
  const names = inputs.services.map(({ name }) => name)
  const services = await deployableServices(ecs, inputs.cluster, names, calling)
  const results = await Promise.allSettled(
    names.map(async (name): Promise<Rollout> => {
      const service = services.get(name)
      const previous = await describedRevision(ecs, service?.taskDefinition ?? '', calling)
      if (previous === undefined) throw new Failure(`What ${name} runs cannot be described.`)
      const target = await earlierRevision(name, previous, inputs, ecs, calling)
      return {
        name,
        previous,
        target,
        status: 'waiting',
        sawFailure: false,
        images: [],
        ...(service === undefined ? {} : { service }),
      }
    }),
  )
  const problems = results.flatMap(result => (result.status === 'rejected' ? [asFailure(result.reason)] : []))
  if (problems.length > 0)
    throw new Failure('The services cannot be rolled back; nothing was changed.', {
      next: problems.map(({ message }) => message),
    })
  run.rollouts = results.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
  try {
    await untilSettled(run.rollouts, step, async () => {
      for (const rollout of run.rollouts) if (rollout.status === 'waiting') await start(rollout, true, step)
    })
  } catch (error) {
    await requestAllBack(run.rollouts, asFailure(error).status === 'cancelled' ? 'cancelled' : 'timed-out', step)
    throw error
  } finally {
    await runtime.remember('deployments', '')
  }
  const images = await runningImages(run.rollouts, ecs, calling)
  for (const rollout of run.rollouts) rollout.images = images.get(rollout.name) ?? []
  if (!run.rollouts.every(({ status }) => status === 'deployed')) throw new ServicesFailed(run)
  for (const rollout of run.rollouts) rollout.status = 'rolled-back'
  return 'rolled-back'
}

async function earlierRevision(
  name: string,
  current: Revision,
  inputs: DeployInputs,
  ecs: ECSClient,
  calling: Calling,
): Promise<Revision> {
  const wanted = inputs.rollbackTo.get(name)
  const ran =
    wanted === undefined
      ? await lastSuccessfulRevision(name, ecs, inputs.cluster, current.arn, calling)
      : await recordOf(name, wanted, ecs, inputs.cluster, calling)
  const reference = wanted ?? ran?.taskDefinition
  if (reference === undefined)
    throw new Failure(`${name} has no earlier deployment that succeeded: there is nothing to go back to.`)
  const target = await describedRevision(ecs, reference, calling)
  if (target === undefined) throw new Failure(`${name}: the task definition ${reference} does not exist any more.`)
  return withRecordedDigests(name, target, ran, inputs.region, ecs, calling)
}

/** What a service revision with this task definition recorded; undefined where none is to be found. */
async function recordOf(
  name: string,
  taskDefinition: string,
  ecs: ECSClient,
  cluster: string,
  calling: Calling,
): Promise<ServiceRevision | undefined> {
  const { serviceDeployments = [] } = await call('ecs:ListServiceDeployments', calling, options =>
    ecs.send(
      new ListServiceDeploymentsCommand({ cluster, service: name, status: ['SUCCESSFUL'], maxResults: 20 }),
      options,
    ),
  )
  const arns = serviceDeployments.flatMap(({ targetServiceRevisionArn }) => targetServiceRevisionArn ?? [])
  if (arns.length === 0) return undefined
  const { serviceRevisions = [] } = await call('ecs:DescribeServiceRevisions', calling, options =>
    ecs.send(new DescribeServiceRevisionsCommand({ serviceRevisionArns: arns.slice(0, 20) }), options),
  )
  return serviceRevisions.find(({ taskDefinition: own = '' }) => familyRevision(own) === familyRevision(taskDefinition))
}

/** The revision, or one with the digests that ran then where a tag means another image now. */
async function withRecordedDigests(
  name: string,
  target: Revision,
  ran: ServiceRevision | undefined,
  region: string,
  ecs: ECSClient,
  calling: Calling,
): Promise<Revision> {
  const { meantDigests } = await import('@aws-deploy-actions/ecs/preflight')
  let definition = target.definition
  for (const { containerName = '', image = '', imageDigest } of ran?.containerImages ?? []) {
    if (imageDigest === undefined || image.includes('@sha256:')) continue
    const meant = await meantDigests(image, region, calling)
    if (meant?.has(imageDigest) !== false) continue
    calling.log.info(`${name}: the tag of ${containerName} means another image now; the one that ran then is put in.`)
    const repository = image.replace(/:[^:/]+$/, '')
    definition = withContainerChanges(definition, containerName, {
      image: `${repository}@${imageDigest}`,
      secrets: new Map(),
    })
  }
  return registeredRevision(ecs, definition, target, calling)
}
