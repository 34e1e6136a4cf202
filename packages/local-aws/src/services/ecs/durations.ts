/*
 * How long AWS's own steps take, in milliseconds at speed 1. AWS publishes none of these; they are what is seen on
 * Fargate in one region on quiet days, and nothing may depend on them. States and their meaning:
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
 */
export const durations = {
  /** PROVISIONING: placing the task, creating the network interface (5–15 s seen on Fargate) */
  provisioning: 8_000,
  /** PENDING before the agent starts to pull; the pull itself takes as long as it really takes */
  pending: 2_000,
  /** ACTIVATING: last steps between the containers' start and RUNNING */
  activating: 1_000,
  /** DEACTIVATING: until the agent hears that the task is to stop */
  deactivating: 500,
  /** STOPPING ends when the containers have stopped; DEPROVISIONING: detaching the network interface */
  deprovisioning: 20_000,
  /** a failed pull is tried again before the task gives up */
  pullRetry: 3_000,
}

/** ECS agent's default for `stopTimeout` (ECS_CONTAINER_STOP_TIMEOUT), seconds */
export const DEFAULT_STOP_TIMEOUT = 30

/**
 * Time-outs in which a real process has to do something are shortened by the speed too, but never below this many
 * milliseconds of wall time: a process is not faster because AWS is.
 */
export const PROCESS_TIMEOUT_FLOOR_MS = 1_000

/*
 * How long the steps of the service scheduler take, in milliseconds at speed 1; as seen, like the ones above.
 */
export const serviceDurations = {
  /** the scheduler's own delay between a change and what it does about it */
  scheduling: 2_000,
  /** a service deployment is PENDING */
  pending: 1_600,
  /** a stop that was asked for is only REQUESTED */
  requested: 2_000,
  /** a task without any health check counts as healthy when it has been RUNNING for so long */
  settling: 5_000,
  /** a task without any health check has not crashed on start when it has been RUNNING for so long */
  proven: 60_000,
  /** between a failed task and the next one, times the number of failures in a row (service throttling) */
  failureDelay: 10_000,
  /** the longest of these delays */
  longestDelay: 300_000,
  /** a failed deployment is still listed after the rollback began */
  failedShown: 60_000,
  /** from the last task of the failed deployment being gone to the end of the rollback (a minute and more seen) */
  rollback: 60_000,
  /** with alarms and no bake time of one's own */
  alarmBake: 60_000,
  /** one lifecycle stage in which nothing has to happen */
  stage: 5_000,
}
