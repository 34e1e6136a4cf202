import { Failure } from '@aws-deploy-actions/action-runtime'
import type { Calling } from '@aws-deploy-actions/aws-clients'
import { describedRevision, familyRevision, type Revision } from '@aws-deploy-actions/ecs'
import type { ECSClient, Service, ServiceRevision } from '@aws-sdk/client-ecs'
import type { DesiredService } from './desired.ts'
import { currentRevisionArn, describedServiceRevisions } from './digests.ts'
import type { DeployInputs, RollbackTarget } from './inputs.ts'
import { checked, ofEach, type Plan } from './plan.ts'
import { withRecordedDigests } from './recorded-digests.ts'
import { successfulRevision } from './rollback.ts'
import { deployableServices } from './services.ts'

/**
 * Works out what each service goes back to: its last successful earlier revision, or the one given, with the images that
 * ran then. Nothing changes.
 * @throws Failure with every service that has nothing to go back to
 */
export async function plannedRollback(inputs: DeployInputs, ecs: ECSClient, calling: Calling): Promise<Plan> {
  const names = inputs.services.map(({ name }) => name)
  const services = await deployableServices(ecs, inputs.cluster, names, calling)
  const current = await describedServiceRevisions(
    [...services.values()].flatMap(service => currentRevisionArn(service) ?? []),
    ecs,
    calling,
  )
  const wanted = await ofEach(names, name => earlier(name, services.get(name), current, inputs, ecs, calling))
  return checked({ services, wanted }, inputs, calling)
}

async function earlier(
  name: string,
  service: Service | undefined,
  current: ReadonlyMap<string, ServiceRevision>,
  inputs: DeployInputs,
  ecs: ECSClient,
  calling: Calling,
): Promise<DesiredService> {
  const running = await described(name, service?.taskDefinition ?? '', ecs, calling)
  const given = inputs.rollbackTo.get(name)
  const now = service === undefined ? undefined : current.get(currentRevisionArn(service) ?? '')
  const isWanted =
    given === undefined ? (revision: ServiceRevision) => !isSame(revision, running.arn, now) : isGiven(given)
  const ran = await successfulRevision(name, isWanted, ecs, inputs.cluster, calling)
  const reference = given?.revision ?? ran?.taskDefinition
  if (reference === undefined)
    throw new Failure(`${name} has no earlier deployment that succeeded: there is nothing to go back to.`)
  const base = await described(name, reference, ecs, calling)
  const desired =
    ran === undefined
      ? base.definition
      : await withRecordedDigests(name, base.definition, ran, inputs.region, true, calling)
  return { name, current: running, base, desired }
}

/** The revisions come newest first: those after the deployment in question are older than it. */
function isGiven({ revision: given, beforeDeployment }: RollbackTarget): (revision: ServiceRevision) => boolean {
  const number = beforeDeployment?.replace(/^.*\//, '')
  let isEarlier = number === undefined
  return ({ taskDefinition = '', serviceRevisionArn = '' }) => {
    if (isEarlier) return familyRevision(taskDefinition) === familyRevision(given)
    isEarlier = serviceRevisionArn.endsWith(`/${number}`)
    return false
  }
}

/** The same task definition with the same digests as what runs now: behind a tag that moved, one revision is two versions. */
function isSame(
  { taskDefinition, containerImages = [] }: ServiceRevision,
  running: string,
  now: ServiceRevision | undefined,
): boolean {
  if (taskDefinition !== running) return false
  const digests = new Map((now?.containerImages ?? []).map(entry => [entry.containerName, entry.imageDigest]))
  return containerImages.every(({ containerName, imageDigest }) => {
    const digest = digests.get(containerName)
    return digest === undefined || imageDigest === undefined || digest === imageDigest
  })
}

async function described(name: string, reference: string, ecs: ECSClient, calling: Calling): Promise<Revision> {
  const found = await describedRevision(ecs, reference, calling)
  if (found !== undefined) return found
  throw new Failure(`${name}: the task definition ${reference} does not exist any more.`)
}
