import { Failure } from '@aws-deploy-actions/action-runtime'
import { AwsError, type Calling, PermissionError } from '@aws-deploy-actions/aws-clients'
import { familyRevision, type Registrable, type Revision } from '@aws-deploy-actions/ecs'
import type { ECSClient, Service, ServiceRevision } from '@aws-sdk/client-ecs'
import { type DesiredService, Lookup } from './desired.ts'
import { describedServiceRevisions, primaryRevisionArn } from './digests.ts'
import { newestOf, type Standing, standingRevisions, successfulRevisions } from './history.ts'
import type { DeployInputs, RollbackTarget } from './inputs.ts'
import { checked, ofEach, type Plan } from './plan.ts'
import { withRecordedDigests } from './recorded-digests.ts'
import { type Sameness, sameness, type Version } from './same-version.ts'
import { deployableServices } from './services.ts'

/** Services whose history is read at the same time: each takes many calls. */
const AT_ONCE = 4

/** What a person is told once for all services. */
interface Notes {
  /** what a rollback has left */
  readonly passed: string[]
  /** tags of which nobody knows what they meant then */
  readonly unrecorded: string[]
}

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
  const notes: Notes = { passed: [], unrecorded: [] }
  const { passed, unrecorded } = notes
  const lookup = new Lookup(ecs, inputs.region, calling)
  const wanted = await ofEach(
    names,
    name => earlier(name, services.get(name), current, inputs, lookup, ecs, calling, notes),
    AT_ONCE,
  )
  if (unrecorded.length > 0)
    calling.log.notice(
      'The images that ran then are not known',
      ['What these tags mean now is put in.', ...unrecorded.toSorted()].join('\n'),
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
  lookup: Lookup,
  ecs: ECSClient,
  calling: Calling,
  notes: Notes,
): Promise<DesiredService> {
  const running = await described(name, service?.taskDefinition ?? '', lookup)
  const given = inputs.rollbackTo.get(name)
  const now = service === undefined ? undefined : current.get(primaryRevisionArn(service) ?? '')
  const runs = { taskDefinition: running.arn, containerImages: now?.containerImages ?? [] }
  if (given !== undefined) {
    const base = await described(name, given.revision, lookup)
    const ran = await recordOf(name, given, base, inputs, ecs, calling, notes)
    return { name, current: running, base, desired: await asItRan(name, base, ran, inputs, calling) }
  }
  const compared = (one: Version, other: Version) => sameness(one, other, arn => lookup.revision(arn))
  const history = successfulRevisions(name, ecs, inputs.cluster, calling)
  const ran = await lastStanding(name, runs, await standingRevisions(history, compared), compared, notes)
  const base = await described(name, ran.taskDefinition ?? '', lookup)
  return { name, current: running, base, desired: await asItRan(name, base, ran, inputs, calling) }
}

async function asItRan(
  name: string,
  { definition }: Revision,
  ran: ServiceRevision | undefined,
  { region }: DeployInputs,
  calling: Calling,
): Promise<Registrable> {
  return ran === undefined ? definition : withRecordedDigests(name, definition, ran, region, true, calling)
}

/**
 * The success in which the revision given ran; undefined where its tags tell no more than what they mean now.
 * @throws Failure when just those images count, and nobody knows which they were
 */
async function recordOf(
  name: string,
  { revision, beforeDeployment }: RollbackTarget,
  { definition, arn }: Revision,
  { cluster }: DeployInputs,
  ecs: ECSClient,
  calling: Calling,
  notes: Notes,
): Promise<ServiceRevision | undefined> {
  const history = successfulRevisions(name, ecs, cluster, calling, beforeDeployment)
  let why = 'ECS lists no such deployment that succeeded (it keeps 90 days).'
  let next: readonly string[] = []
  try {
    const found = await newestOf(history, ({ taskDefinition }) => taskDefinition === arn)
    if (found !== undefined) return found
  } catch (error) {
    if (!(error instanceof PermissionError || error instanceof AwsError)) throw error
    why = [error.message, error.details.said].filter(Boolean).join(' ')
    next = error.details.next ?? []
  }
  const byTag = (definition.containerDefinitions ?? []).filter(({ image }) => image?.includes('@sha256:') !== true)
  if (byTag.length === 0) return undefined
  const containers = byTag.map(container => container.name).join(', ')
  if (beforeDeployment === undefined) {
    notes.unrecorded.push(`${name}, ${familyRevision(revision)}: ${containers}. ${why}`)
    return undefined
  }
  const what = `${name}: which images ran behind the tags of ${containers} before ${beforeDeployment} put ${familyRevision(revision)} in is not known: there is nothing to go back to.`
  const other = 'Deploy the images that ran then, by digest (images), or name an earlier revision in rollback-to.'
  throw new Failure(`${what} ${why}`, { next: [other, ...next] })
}

/** @throws Failure when nothing stands but what runs */
async function lastStanding(
  name: string,
  runs: Version,
  { standing, left }: Standing,
  compared: (one: Version, other: Version) => Promise<Sameness>,
  notes: Notes,
): Promise<ServiceRevision> {
  let found: ServiceRevision | undefined
  for (const revision of standing) {
    // What may be the version that runs is no way back from it.
    if ((await compared(revision, runs)) !== 'different') continue
    found = revision
    break
  }
  const passed = left.filter(({ createdAt }) => Number(createdAt) > Number(found?.createdAt ?? 0))
  const names = [...new Set(passed.map(({ taskDefinition = '' }) => familyRevision(taskDefinition)))]
  if (found !== undefined) {
    if (names.length > 0) notes.passed.push(`${name}: ${names.join(', ')}`)
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

async function described(name: string, reference: string, lookup: Lookup): Promise<Revision> {
  const found = await lookup.revision(reference)
  if (found !== undefined) return found
  throw new Failure(`${name}: the task definition ${reference} does not exist any more.`)
}
