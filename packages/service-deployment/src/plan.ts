import { asFailure, Failure } from '@aws-deploy-actions/action-runtime'
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
import type { DeployInputs } from './inputs.ts'
import { primaryDeployment, type Rollout } from './rollout.ts'
import { deployableServices } from './services.ts'

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
  const results = await Promise.allSettled(
    inputs.services.map(service =>
      desiredService(service, services.get(service.name)?.taskDefinition ?? '', inputs, lookup),
    ),
  )
  const problems = results.flatMap(result => (result.status === 'rejected' ? [asFailure(result.reason)] : []))
  const [first] = problems
  if (first !== undefined) throw problems.length === 1 ? first : allOf(problems)
  const wanted = results.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
  if (inputs.preflight) {
    const { preflight } = await import('@aws-deploy-actions/ecs/preflight')
    await preflight(
      wanted.map(({ desired }) => desired),
      inputs.region,
      calling,
    )
  }
  return { services, wanted }
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
  const shared = new Map<string, Promise<Revision>>()
  const rollouts: Rollout[] = []
  for (const { name, current, desired } of wanted) {
    const target = await sharedRevision(shared, current, desired, ecs, calling)
    const service = services.get(name)
    rollouts.push({
      name,
      previous: current,
      target,
      status: 'waiting',
      sawFailure: false,
      images: [],
      ...(service === undefined ? {} : { service }),
    })
  }
  return rollouts
}

async function sharedRevision(
  shared: Map<string, Promise<Revision>>,
  current: Revision,
  desired: Registrable,
  ecs: ECSClient,
  calling: Calling,
): Promise<Revision> {
  if (differences(current.definition, desired).length === 0) return current
  const { tags: _, ...content } = desired
  const key = JSON.stringify(content)
  const revision =
    shared.get(key) ??
    registeredRevision(ecs, desired, current, calling).then(registered => {
      calling.log.info(`Registered ${familyRevision(registered.arn)} (from ${familyRevision(current.arn)}).`)
      return registered
    })
  shared.set(key, revision)
  return revision
}

/** Is the service at rest on its PRIMARY deployment, with all tasks running? */
export function isSteady(service: Service): boolean {
  const primary = primaryDeployment(service)
  const complete = primary?.rolloutState === undefined || primary.rolloutState === 'COMPLETED'
  return (
    complete &&
    service.deployments?.length === 1 &&
    service.runningCount === service.desiredCount &&
    (service.pendingCount ?? 0) === 0
  )
}
