/*
 * Texts that AWS shows for stopped tasks and containers.
 * [K] = general knowledge, not verified. Where not said otherwise:
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-errors.html
 */

export const ESSENTIAL_EXITED = 'Essential container in task exited'

/** a container could not start although its image was there [K] */
export const FAILED_TO_START = 'Task failed to start'

/** StopTask without a reason: "Task stopped by user" in https://repost.aws/knowledge-center/ecs-task-stopped */
export const STOPPED_BY_USER = 'Task stopped by user'

/** ECS agent, agent/dockerclient/dockerapi/errors.go, `OutOfMemoryError` */
export const OUT_OF_MEMORY = 'OutOfMemoryError: Container killed due to memory usage'

/** @param why the runtime's own text */
export function cannotPull(why: string): string {
  // a missing platform is found after the manifest was fetched, so there is nothing to try again
  if (why.includes('does not contain descriptor matching platform')) return `CannotPullContainerError: ${why}`
  // what cannot be had is tried once more, a network that does not answer five times (quoted in field reports)
  const attempts = /not found|denied|unauthorized|forbidden/i.test(why) ? 1 : 5
  return `CannotPullContainerError: pull image manifest has been retried ${attempts} time(s): ${why}`
}

/** @param why the runtime's or the dependency graph's own text */
export function cannotStart(why: string): string {
  return `CannotStartContainerError: ${why}`
}

/** @param why e.g. `unable to retrieve secret from asm: …` */
export function cannotRetrieveSecrets(why: string): string {
  return `ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: ${why}`
}

/** https://repost.aws/knowledge-center/ecs-resource-initialization-error: Fargate's check of the log driver's options */
export function cannotCreateLogStream(why: string): string {
  return `ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: ${why} : exit status 1`
}
