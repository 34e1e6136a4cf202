/** What a rolling update looks at: numbers of tasks that are not asked to stop. */
export interface RollingSituation {
  readonly desired: number
  readonly minimumHealthyPercent: number
  readonly maximumPercent: number
  /** of the PRIMARY deployment: started, and of these healthy */
  readonly primary: number
  readonly primaryHealthy: number
  /** of all other deployments */
  readonly old: number
  readonly oldHealthy: number
}

/** What to do now. */
export interface RollingStep {
  readonly start: number
  /** old tasks to stop: those that are not healthy first */
  readonly stopOld: number
  /** tasks of the PRIMARY deployment that are too many */
  readonly stopPrimary: number
}

/**
 * The next step of a rolling update. The minimum is rounded up, the maximum down; tasks in RUNNING and PENDING count
 * for the maximum, healthy ones for the minimum.
 * https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html
 */
export function rollingStep(now: RollingSituation): RollingStep {
  const minimum = Math.ceil((now.desired * now.minimumHealthyPercent) / 100)
  const maximum = Math.floor((now.desired * now.maximumPercent) / 100)
  const total = now.primary + now.old
  const missing = Math.max(0, now.desired - now.primary)
  const start = Math.min(missing, Math.max(0, maximum - total))
  const oldUnhealthy = now.old - now.oldHealthy
  const mayGo = Math.max(0, now.primaryHealthy + now.oldHealthy - minimum)
  // as many old ones as new ones took over, or as have to make room where the maximum leaves none
  const room = missing > 0 && start === 0 ? missing : 0
  const wanted = Math.max(0, now.old + now.primaryHealthy - now.desired, Math.min(room, now.old))
  const healthyToStop = Math.min(mayGo, Math.max(0, wanted - oldUnhealthy), now.oldHealthy)
  return {
    start,
    stopOld: Math.min(wanted, oldUnhealthy) + healthyToStop,
    stopPrimary: Math.max(0, now.primary - now.desired),
  }
}
