import { asFailure, Cancelled, DeadlineExceeded, Failure } from '@aws-deploy-actions/action-runtime'
import type { Calling } from '@aws-deploy-actions/aws-clients'
import {
  differenceLines,
  differences,
  familyRevision,
  type Registrable,
  type Revision,
  registeredRevision,
} from '@aws-deploy-actions/ecs'
import type { ECSClient, Service } from '@aws-sdk/client-ecs'
import { type DesiredService, desiredService, Lookup } from './desired.ts'
import { inParallel } from './in-parallel.ts'
import type { DeployInputs } from './inputs.ts'
import { hasAllTasks, newRollout, primaryDeployment, type Rollout } from './rollout.ts'
import { deployableServices } from './services.ts'

/** RegisterTaskDefinition takes 1 a second after a burst of 20 (Amazon ECS service quotas). */
const REGISTRATIONS_AT_ONCE = 4

/** Everything that is known before anything changes. */
export interface Plan {
  readonly services: ReadonlyMap<string, Service>
  readonly wanted: readonly DesiredService[]
}

/**
 * Looks up the services and works out what each shall run; checks that it exists. Nothing changes.
 * @throws Failure with every problem of every service
 */
export async function plannedDeployment(inputs: DeployInputs, ecs: ECSClient, calling: Calling): Promise<Plan> {
  const names = inputs.services.map(({ name }) => name)
  const services = await deployableServices(ecs, inputs.cluster, names, calling)
  const lookup = new Lookup(ecs, inputs.region, calling)
  const wanted = await ofEach(inputs.services, service =>
    desiredService(service, services.get(service.name)?.taskDefinition ?? '', inputs, lookup),
  )
  return checked({ services, wanted }, inputs, calling)
}

/**
 * The result for every item, of so many at the same time.
 * @throws Failure with the problems of all of them
 */
export async function ofEach<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
  atOnce = items.length,
): Promise<Result[]> {
  const results: PromiseSettledResult<Result>[] = []
  await inParallel(atOnce, [...items.entries()], async ([index, item]) => {
    const [result] = await Promise.allSettled([work(item)])
    results[index] = result
  })
  const problems = results.flatMap(result => (result.status === 'rejected' ? [asFailure(result.reason)] : []))
  const [first] = problems
  if (first === undefined) return results.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
  // What ends the step as a whole is not one of several problems.
  const whole = problems.find(problem => problem instanceof Cancelled || problem instanceof DeadlineExceeded)
  throw whole ?? (problems.length === 1 ? first : allOf(problems))
}

/** @throws Failure that lists every thing which the task definitions name and which does not exist */
export async function checked(
  plan: Plan,
  { preflight: wanted, region }: DeployInputs,
  calling: Calling,
): Promise<Plan> {
  if (!wanted) return plan
  const { preflight } = await import('@aws-deploy-actions/ecs/preflight')
  await preflight(
    plan.wanted.map(({ name, desired }) =>
      isFargate(plan.services.get(name)) ? { ...desired, requiresCompatibilities: ['FARGATE' as const] } : desired,
    ),
    region,
    calling,
  )
  return plan
}

/** A definition need not say where it runs; then the service does, and with it the platform of the images. */
function isFargate({ launchType, capacityProviderStrategy = [] }: Partial<Service> = {}): boolean {
  return launchType === 'FARGATE' || capacityProviderStrategy.some(one => one.capacityProvider?.startsWith('FARGATE'))
}

function allOf(failures: readonly Failure[]): Failure {
  const texts = new Set(
    failures.map(({ message, details }) => [message, details.said, ...(details.next ?? [])].filter(Boolean).join(' ')),
  )
  return new Failure(`${texts.size} things are wrong; nothing was changed.`, { next: [...texts] })
}

/** The differences per service, for people; environment values as hashes unless asked for. */
export function planLines({ wanted }: Plan, showValues: boolean): Map<string, string[]> {
  return new Map(
    wanted.map(({ name, current, desired }) => [
      name,
      differenceLines(differences(current.definition, desired), showValues),
    ]),
  )
}

/** Registers what differs; services that want the same share one revision. */
export async function rolloutsOf({ services, wanted }: Plan, ecs: ECSClient, calling: Calling): Promise<Rollout[]> {
  const shared: SharedRevision[] = []
  const targets = new Map<string, Revision>()
  await inParallel(REGISTRATIONS_AT_ONCE, wanted, async service => {
    targets.set(service.name, await sharedRevision(shared, service, ecs, calling))
  })
  return wanted.map(({ name, current }) => newRollout(name, current, targets.get(name) ?? current, services.get(name)))
}

interface SharedRevision {
  readonly desired: Registrable
  readonly tags: string
  readonly revision: Promise<Revision>
}

async function sharedRevision(
  shared: SharedRevision[],
  { current, base, desired }: DesiredService,
  ecs: ECSClient,
  calling: Calling,
): Promise<Revision> {
  if (differences(current.definition, desired).length === 0) return current
  if (base.active && differences(base.definition, desired).length === 0) return base
  // Tags are no difference, but each service keeps its own.
  const tags = tagsText(desired.tags ?? base.definition.tags)
  const found = shared.find(other => other.tags === tags && differences(other.desired, desired).length === 0)
  if (found !== undefined) return found.revision
  const revision = registeredRevision(ecs, desired, base, calling).then(registered => {
    calling.log.info(`Registered ${familyRevision(registered.arn)} (from ${familyRevision(base.arn)}).`)
    return registered
  })
  shared.push({ desired, tags, revision })
  return revision
}

function tagsText(tags: Registrable['tags']): string {
  return JSON.stringify((tags ?? []).map(({ key, value }) => [key, value]).toSorted())
}

/** Is the service at rest on its PRIMARY deployment, with all tasks running? */
export function isSteady(service: Service): boolean {
  const primary = primaryDeployment(service)
  const complete = primary?.rolloutState === undefined || primary.rolloutState === 'COMPLETED'
  return complete && service.deployments?.length === 1 && hasAllTasks(service)
}
