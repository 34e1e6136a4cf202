import { randomUUID } from 'node:crypto'
import type { DeploymentLifecycleHookDetail, DeploymentLifecycleHookStage } from '@aws-sdk/client-ecs'
import { serviceDurations } from '../durations.ts'
import { living } from './placement.ts'
import { type DeploymentRecord, enter, isOver, ongoing, type Rollout, type ServiceRecord } from './record.ts'
import { completeDeployment, failDeployment, texts } from './rollouts.ts'
import type { SchedulerParts } from './scheduler.ts'
import { shiftTraffic } from './traffic.ts'

/** The deployment fails, is stopped or superseded: its stages are not gone through any further. */
class StagesEnd extends Error {}

const MINUTE = 60_000

/**
 * Goes through the lifecycle stages of a blue/green, linear or canary deployment. Tasks are real; traffic is shifted by
 * the weights of the listener rules that the service names.
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-deployment-how-it-works.html
 */
export async function runStages(
  service: ServiceRecord,
  deployment: DeploymentRecord,
  parts: SchedulerParts,
): Promise<void> {
  const [green, ...blue] = service.rollouts
  if (!green) return
  service.staging = deployment
  try {
    await goThrough(service, deployment, green, blue, parts)
  } catch (error) {
    if (!(error instanceof StagesEnd)) throw error
    if (deployment.rollback || isOver(deployment)) goBack(service, deployment, green, parts)
  } finally {
    if (service.staging === deployment) service.staging = undefined
    service.wake.changed()
  }
}

async function goThrough(
  service: ServiceRecord,
  deployment: DeploymentRecord,
  green: Rollout,
  blue: readonly Rollout[],
  parts: SchedulerParts,
): Promise<void> {
  const { cloud } = parts.surroundings
  const isAlive = () => ongoing(service) === deployment && !deployment.rollback
  const until = async (condition: () => boolean) => {
    await service.looked.until(() => !isAlive() || condition())
    if (!isAlive()) throw new StagesEnd()
  }
  const lasts = async (ms: number) => {
    let over = false
    cloud.pause(ms).then(
      () => {
        over = true
        service.wake.changed()
      },
      () => undefined,
    )
    await until(() => over)
  }
  const hook = (stage: DeploymentLifecycleHookStage) => awaitHooks(service, deployment, stage, parts, until)
  const stage = async (name: NonNullable<DeploymentRecord['stage']>, work?: () => Promise<void>) => {
    enter(deployment, { stage: name })
    if (isHookStage(name)) await hook(name)
    await (work ? work() : lasts(serviceDurations.stage))
  }

  await until(() => deployment.status === 'IN_PROGRESS')
  if (blue.length > 1) await stage('RECONCILE_SERVICE')
  await stage('PRE_SCALE_UP')
  await stage('SCALE_UP', async () => {
    green.scale = service.desiredCount
    service.wake.changed()
    await until(() => living(green).filter(task => service.healthy.has(task)).length >= service.desiredCount)
  })
  await stage('POST_SCALE_UP')
  await stage('TEST_TRAFFIC_SHIFT', async () => {
    shiftTraffic(service, green, deployment, 'test', 100, parts.balancer)
    await lasts(serviceDurations.stage)
  })
  await stage('POST_TEST_TRAFFIC_SHIFT')
  for (const { percent, bakeMs } of trafficSteps(service)) {
    // a stage for hooks only: DescribeServiceDeployments shows the shift that is about to come
    await hook('PRE_PRODUCTION_TRAFFIC_SHIFT')
    await stage('PRODUCTION_TRAFFIC_SHIFT', async () => {
      shiftTraffic(service, green, deployment, 'production', percent, parts.balancer)
      await lasts(Math.max(bakeMs, serviceDurations.stage))
    })
  }
  await stage('POST_PRODUCTION_TRAFFIC_SHIFT')
  await stage('BAKE_TIME', () => lasts((service.configuration.bakeTimeInMinutes ?? 0) * MINUTE))
  await stage('CLEAN_UP', async () => {
    for (const old of blue) old.scale = 0
    service.wake.changed()
    await until(() => blue.every(({ tasks }) => tasks.size === 0))
  })
  completeDeployment(service, green, deployment)
}

/** The traffic goes back to where it was, the new tasks go. */
function goBack(service: ServiceRecord, deployment: DeploymentRecord, green: Rollout, parts: SchedulerParts): void {
  if (deployment.statusReason === texts.superseded) return
  shiftTraffic(service, green, deployment, 'production', 0, parts.balancer)
  shiftTraffic(service, green, deployment, 'test', 0, parts.balancer)
  green.scale = 0
  for (const rollout of service.rollouts) if (rollout !== green) rollout.scale = service.desiredCount
}

/** How much of the production traffic the new tasks get, and for how long. */
function trafficSteps({ configuration }: ServiceRecord): { percent: number; bakeMs: number }[] {
  const { strategy, linearConfiguration: linear, canaryConfiguration: canary } = configuration
  if (strategy === 'CANARY') {
    // defaults of CanaryConfiguration: 5 percent, 10 minutes
    const bakeMs = (canary?.canaryBakeTimeInMinutes ?? 10) * MINUTE
    return [
      { percent: canary?.canaryPercent ?? 5, bakeMs },
      { percent: 100, bakeMs: 0 },
    ]
  }
  if (strategy === 'LINEAR') {
    // defaults of LinearConfiguration: 10 percent, 6 minutes
    const share = Math.max(1, linear?.stepPercent ?? 10)
    const bakeMs = (linear?.stepBakeTimeInMinutes ?? 6) * MINUTE
    const count = Math.ceil(100 / share)
    return Array.from({ length: count }, (_, n) => ({
      percent: Math.min(100, share * (n + 1)),
      // the last step's wait is the bake time of the deployment
      bakeMs: n + 1 < count ? bakeMs : 0,
    }))
  }
  return [{ percent: 100, bakeMs: 0 }]
}

/** Waits at every PAUSE hook of the stage. Lambda functions do not exist here: they are taken to succeed. */
async function awaitHooks(
  service: ServiceRecord,
  deployment: DeploymentRecord,
  stage: DeploymentLifecycleHookStage,
  parts: SchedulerParts,
  until: (condition: () => boolean) => Promise<void>,
): Promise<void> {
  const { cloud } = parts.surroundings
  for (const hook of deployment.configuration.lifecycleHooks ?? []) {
    if (hook.targetType !== 'PAUSE' || !hook.lifecycleStages?.includes(stage)) continue
    // "Default: 1440 (24 hours)", "Default: ROLLBACK" (API_DeploymentLifecycleHookTimeoutConfiguration)
    const { timeoutInMinutes = 1440, action: timeoutAction = 'ROLLBACK' } = hook.timeoutConfiguration ?? {}
    const timeout = timeoutInMinutes * MINUTE
    const detail: DeploymentLifecycleHookDetail = {
      hookId: randomUUID(),
      targetType: 'PAUSE',
      status: 'AWAITING_ACTION',
      expiresAt: new Date(Date.now() + timeout / cloud.speed),
      timeoutAction,
    }
    deployment.hooks = [detail]
    const answered = new AbortController()
    cloud.pause(timeout, answered.signal).then(
      () => {
        detail.status = 'TIMED_OUT'
        service.wake.changed()
      },
      () => undefined,
    )
    try {
      await until(() => detail.status !== 'AWAITING_ACTION')
    } finally {
      answered.abort()
    }
    const goesOn = detail.status === 'SUCCEEDED' || (detail.status === 'TIMED_OUT' && timeoutAction === 'CONTINUE')
    deployment.hooks = []
    if (!goesOn) {
      failDeployment(service, deployment, hookFailure(stage), cloud.speed)
      throw new StagesEnd()
    }
  }
}

function hookFailure(stage: DeploymentLifecycleHookStage) {
  const reason = texts.hookReason(stage)
  return {
    rollback: true,
    failed: reason,
    rollingBack: (id: string) => `${reason} Rolling back to deploymentId ${id}.`,
    reason,
    stopped: reason,
    event: reason,
  }
}

function isHookStage(stage: string): stage is DeploymentLifecycleHookStage {
  return !['SCALE_UP', 'BAKE_TIME', 'CLEAN_UP'].includes(stage)
}
