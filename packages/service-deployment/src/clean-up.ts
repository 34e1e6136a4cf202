import { asFailure, Deadline, type PostRuntime } from '@aws-deploy-actions/action-runtime'
import { type Calling, sdkConfig } from '@aws-deploy-actions/aws-clients'
import { isObject } from '@aws-deploy-actions/ecs'
import { ECSClient, type Service } from '@aws-sdk/client-ecs'
import { putCountBack } from './desired-count.ts'
import { inParallel } from './in-parallel.ts'
import { withNoticesOnce } from './once.ts'
import { ServicePoller } from './poller.ts'
import { isWayBackOfEcs, overtakenWords, putBack, requestRollback, type WayBack } from './rollback.ts'
import { hasAllTasks, primaryDeployment, type Rollout } from './rollout.ts'
import { describedServices } from './services.ts'
import type { Step } from './step.ts'

/** One deployment that main began, or was about to, as `post` finds it again. */
interface BegunDeployment extends WayBack {
  /** id of the PRIMARY before UpdateService */
  readonly before: string | undefined
  /** the deployment is an earlier one: only the number of tasks was changed */
  readonly joined: boolean
}

const POST_MS = 30_000
const AT_ONCE = 4
/** An UpdateService that was under way when main was killed can take effect so much later (ms). */
const SECOND_LOOK_MS = 1500

/** Keeps for `post` what has been begun, in case this process is killed; nothing with `rollback: none`. */
export async function rememberBegun(rollouts: readonly Rollout[], { inputs, runtime }: Step): Promise<void> {
  const { region, cluster, rollback } = inputs
  const begun = rollouts.filter(
    ({ status, joined, count }) =>
      status !== 'waiting' &&
      status !== 'unchanged' &&
      status !== 'superseded' &&
      (joined !== true || count !== undefined),
  )
  if (rollback === 'none' || begun.length === 0) return runtime.remember('deployments', '')
  const entries = begun.map(
    ({ name, before, deploymentId, target, previous, previousWorked, count, joined = false }): BegunDeployment => ({
      name,
      count,
      joined,
      before,
      deploymentId,
      taskDefinition: target.arn,
      previous: previousWorked ? previous.arn : undefined,
    }),
  )
  await runtime.remember('deployments', JSON.stringify({ region, cluster, all: rollback === 'all', begun: entries }))
}

/**
 * The `post` step: when main was killed before it could settle what it began, those of its deployments that still are
 * PRIMARY are told to go back: unfinished ones, with `rollback: all` every one.
 */
export async function rollBackUnsettled(state: (name: string) => string, runtime: PostRuntime): Promise<void> {
  const remembered = state('deployments')
  if (remembered === '') return
  const parsed: unknown = JSON.parse(remembered)
  if (!isObject(parsed)) return
  const { region, cluster, all, begun } = parsed
  if (typeof region !== 'string' || typeof cluster !== 'string' || !Array.isArray(begun)) return
  const ecs = new ECSClient(sdkConfig(region))
  const { log } = runtime
  const calling = { clock: runtime, log: withNoticesOnce(log), deadline: new Deadline(runtime, POST_MS) }
  const poller = new ServicePoller(ecs, cluster)
  const deployments = begun.filter(isBegun)
  const names = deployments.map(({ name }) => name)
  let services = await describedServices(ecs, cluster, names, calling)
  if (deployments.some(deployment => isUnanswered(deployment, services.get(deployment.name)))) {
    await runtime.sleep(SECOND_LOOK_MS)
    services = await describedServices(ecs, cluster, names, calling)
  }
  await inParallel(AT_ONCE, deployments, async deployment => {
    const service = services.get(deployment.name)
    const own = ownPrimary(deployment, service)
    try {
      if (own === undefined || deployment.joined) {
        if (all === true || !isDone(deployment, service))
          await putCountBack(deployment.name, deployment.count, ecs, cluster, calling)
        return
      }
      if (own.complete && all !== true) return
      const refusal = await takenBack(
        { ...deployment, deploymentId: own.id },
        own.complete,
        poller,
        ecs,
        cluster,
        region,
        calling,
      )
      if (refusal !== undefined) log.info(`${deployment.name}: ${refusal}`)
    } catch (error) {
      const words = `${deployment.name}: ${own?.id ?? 'what it runs'} goes on, and no rollback could be requested.`
      log.warning('A deployment goes on', `${words} ${asFailure(error).message}`)
    }
  })
}

/** Our deployment, when it is the PRIMARY; one whose id we never heard of is new and has our revision. */
function ownPrimary(
  { deploymentId, before, taskDefinition }: BegunDeployment,
  service: Service | undefined,
): { readonly id: string; readonly complete: boolean } | undefined {
  const primary = service === undefined ? undefined : primaryDeployment(service)
  if (primary?.id === undefined) return undefined
  const ours =
    deploymentId === undefined
      ? primary.id !== before && primary.taskDefinition === taskDefinition
      : primary.id === deploymentId
  return ours ? { id: primary.id, complete: primary.rolloutState === 'COMPLETED' } : undefined
}

/** Nobody heard of its UpdateService, and it cannot be seen: it can be carried out a moment later. */
function isUnanswered(deployment: BegunDeployment, service: Service | undefined): boolean {
  return deployment.deploymentId === undefined && ownPrimary(deployment, service) === undefined
}

/** Somebody else's revision runs, or all tasks of the new number do: their number is no longer ours to put back. */
function isDone({ previous, joined }: BegunDeployment, service: Service | undefined): boolean {
  if (service === undefined || primaryDeployment(service)?.taskDefinition !== previous) return true
  return joined && hasAllTasks(service)
}

/** @returns why nothing was put back */
async function takenBack(
  way: WayBack & { readonly deploymentId: string },
  complete: boolean,
  poller: ServicePoller,
  ecs: ECSClient,
  cluster: string,
  region: string,
  calling: Calling,
): Promise<string | undefined> {
  const arn = complete ? undefined : await poller.serviceDeploymentOf(way.name, way.deploymentId, calling)
  const goesOn = arn === undefined ? undefined : await requestRollback(arn, way.name, ecs, calling)
  const back = goesOn === undefined ? await putBack(way, ecs, cluster, region, calling) : undefined
  const isOvertaken = back !== undefined && 'overtakenBy' in back
  if (goesOn !== undefined || (isOvertaken && isWayBackOfEcs(back))) {
    await putCountBack(way.name, way.count, ecs, cluster, calling)
    return undefined
  }
  if (isOvertaken) return overtakenWords(back)
  return back === undefined ? 'there is no earlier revision that worked: nothing to go back to.' : undefined
}

function isBegun(value: unknown): value is BegunDeployment {
  if (!isObject(value)) return false
  const { name, taskDefinition, count } = value
  const counts =
    count === undefined || (isObject(count) && Number.isInteger(count['from']) && Number.isInteger(count['to']))
  return typeof name === 'string' && typeof taskDefinition === 'string' && counts
}
