import { Failure } from '@aws-deploy-actions/action-runtime'
import type { Calling } from '@aws-deploy-actions/aws-clients'
import { describedRevision, familyRevision, type Revision } from '@aws-deploy-actions/ecs'
import type { ECSClient, Service, ServiceRevision } from '@aws-sdk/client-ecs'
import type { DesiredService } from './desired.ts'
import { describedServiceRevisions, primaryRevisionArn } from './digests.ts'
import { isSameVersion, newestOf, type Standing, standingRevisions, successfulRevisions } from './history.ts'
import type { DeployInputs, RollbackTarget } from './inputs.ts'
import { checked, ofEach, type Plan } from './plan.ts'
import { withRecordedDigests } from './recorded-digests.ts'
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
    [...services.values()].flatMap(service => primaryRevisionArn(service) ?? []),
    ecs,
    calling,
    // Without them there is no way back either, which is an error of its own.
    () => {},
  )
  const passed: string[] = []
  const wanted = await ofEach(names, name =>
    earlier(name, services.get(name), current, inputs, ecs, calling, line => passed.push(line)),
  )
  if (passed.length > 0)
    calling.log.notice(
      'What a rollback has left is passed over',
      [...passed.toSorted(), 'rollback-to can go there.'].join('\n'),
    )
  return checked({ services, wanted }, inputs, calling)
}

async function earlier(
  name: string,
  service: Service | undefined,
  current: ReadonlyMap<string, ServiceRevision>,
  inputs: DeployInputs,
  ecs: ECSClient,
  calling: Calling,
  passOver: (line: string) => void,
): Promise<DesiredService> {
  const running = await described(name, service?.taskDefinition ?? '', ecs, calling)
  const given = inputs.rollbackTo.get(name)
  const history = successfulRevisions(name, ecs, inputs.cluster, calling)
  const now = service === undefined ? undefined : current.get(primaryRevisionArn(service) ?? '')
  const runs = { taskDefinition: running.arn, containerImages: now?.containerImages ?? [] }
  const ran =
    given === undefined
      ? lastStanding(name, runs, await standingRevisions(history, ecs, calling), passOver)
      : await newestOf(history, isGiven(given))
  const reference = given?.revision ?? ran?.taskDefinition ?? ''
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

/** @throws Failure when nothing stands but what runs */
function lastStanding(
  name: string,
  runs: Pick<ServiceRevision, 'taskDefinition' | 'containerImages'>,
  { standing, left }: Standing,
  passOver: (line: string) => void,
): ServiceRevision {
  const found = standing.find(revision => !isSameVersion(revision, runs))
  const passed = left.filter(({ createdAt }) => Number(createdAt) > Number(found?.createdAt ?? 0))
  const names = [...new Set(passed.map(({ taskDefinition = '' }) => familyRevision(taskDefinition)))]
  if (found !== undefined) {
    if (names.length > 0) passOver(`${name}: ${names.join(', ')}`)
    return found
  }
  const but = names.length === 0 ? '' : `, but for what a rollback has left (${names.join(', ')})`
  throw new Failure(`${name} has no earlier deployment that succeeded${but}: there is nothing to go back to.`, {
    next: names
      .slice(0, 1)
      .map(
        revision =>
          `rollback-to: ${JSON.stringify([{ name, previousTaskDefinition: revision }])} goes there all the same.`,
      ),
  })
}

async function described(name: string, reference: string, ecs: ECSClient, calling: Calling): Promise<Revision> {
  const found = await describedRevision(ecs, reference, calling)
  if (found !== undefined) return found
  throw new Failure(`${name}: the task definition ${reference} does not exist any more.`)
}
