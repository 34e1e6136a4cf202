import { CloudStopped } from '../../cloud.ts'
import { liveTask } from './lifecycle.ts'
import { newTask, overriddenContainers, type TaskPlan } from './new-task.ts'
import type { EcsState, TaskRecord } from './state.ts'
import { requestStop, type Surroundings, type TaskRun, waitingContainer } from './task-run.ts'
import { Watch } from './watch.ts'

/** Stopped tasks stay visible for at least an hour on AWS; here for so many tasks. */
const TASKS_KEPT = 5_000

/** What a service adds to the life of its tasks. */
export interface TaskHooks {
  /** the digest that a container's image was resolved to when the service's revision was first run */
  readonly digestOf: (containerName: string) => string | undefined
  /** runs while the task is DEACTIVATING, before its containers get SIGTERM */
  readonly deactivate: (run: TaskRun) => Promise<void>
}

const none: TaskHooks = { digestOf: () => undefined, deactivate: () => Promise.resolve() }

/** Puts a task into the state and sets it going. */
export function startTask(
  plan: TaskPlan,
  state: EcsState,
  surroundings: Surroundings,
  hooks: TaskHooks = none,
): { readonly record: TaskRecord; readonly run: TaskRun } {
  const task = newTask(plan, state)
  const definitions = overriddenContainers(plan)
  const run: TaskRun = {
    surroundings,
    task,
    definition: plan.definition,
    region: plan.region,
    containers: (task.containers ?? []).flatMap(record => {
      const definition = definitions.find(({ name }) => name === record.name)
      return definition ? [waitingContainer(definition, record)] : []
    }),
    watch: new Watch(),
    digestOf: hooks.digestOf,
    deactivate: hooks.deactivate,
    stopping: undefined,
  }
  const record: TaskRecord = {
    task,
    definition: plan.definition,
    region: plan.region,
    stop: (stopCode, reason) => requestStop(run, { stopCode, reason }),
  }
  state.tasks.set(task.taskArn, record)
  liveTask(run).catch((error: unknown) => {
    if (error instanceof CloudStopped) return
    // a bug of ours: the task must not hang, and the test must not pass
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    surroundings.cloud.journal.open('ecs', 'a task', { taskArn: task.taskArn })({ status: 500, modelError: text })
    Object.assign(task, {
      lastStatus: 'STOPPED',
      desiredStatus: 'STOPPED',
      stoppedReason: `local-aws failed inside: ${text}`,
    })
    run.watch.changed()
  })
  dropOldTasks(state)
  return { record, run }
}

function dropOldTasks(state: EcsState): void {
  for (const [arn, { task }] of state.tasks) {
    if (state.tasks.size <= TASKS_KEPT) return
    if (task.lastStatus === 'STOPPED') state.tasks.delete(arn)
  }
}
