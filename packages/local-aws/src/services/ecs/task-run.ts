import type { Container, ContainerDefinition } from '@aws-sdk/client-ecs'
import type { Cloud } from '../../cloud.ts'
import type { Engine, PulledImage, RunningContainer } from '../../engine.ts'
import type { LogStore } from '../logs/store.ts'
import type { DependencyState } from './dependencies.ts'
import type { RegisteredDefinition, TaskRecord } from './state.ts'
import type { TaskScripts } from './task-scripts.ts'
import type { Watch } from './watch.ts'

/** What a running task needs of the rest of the cloud. */
export interface Surroundings {
  readonly cloud: Cloud
  readonly engine: Engine
  readonly logs: LogStore
  readonly scripts: TaskScripts
  /**
   * the value behind a `valueFrom`
   * @throws Error with the agent's own text
   */
  readonly secretValue: (valueFrom: string, region: string) => string
}

/** One container of a running task. */
export interface ContainerRun {
  /** with the overrides of RunTask put in */
  readonly definition: ContainerDefinition & { name: string }
  /** as DescribeTasks shows it */
  readonly record: Container
  readonly essential: boolean
  state: DependencyState
  image: PulledImage | undefined
  running: RunningContainer | undefined
  /** the engine is starting it: neither waiting nor running */
  starting: boolean
  /** the exit was reported and its log lines are on their way */
  logsSent: Promise<void> | undefined
}

/** Why a task stops. */
export interface StopRequest {
  readonly stopCode: 'EssentialContainerExited' | 'TaskFailedToStart' | 'UserInitiated' | 'ServiceSchedulerInitiated'
  readonly reason: string
}

/** A task while it lives. */
export interface TaskRun {
  readonly surroundings: Surroundings
  readonly task: TaskRecord['task']
  readonly definition: RegisteredDefinition
  readonly region: string
  readonly containers: readonly ContainerRun[]
  readonly watch: Watch
  /** the digest that a container's image has to be pulled by; undefined: whatever its tag means now */
  readonly digestOf: (containerName: string) => string | undefined
  /** what has to be done before the containers are asked to end: leaving the target groups */
  readonly deactivate: (run: TaskRun) => Promise<void>
  stopping: StopRequest | undefined
}

/** Changes what DescribeTasks shows; AWS counts the changes in `version`. */
export function update(run: TaskRun, changes: Partial<TaskRecord['task']>): void {
  Object.assign(run.task, changes, { version: (run.task.version ?? 0) + 1 })
  run.watch.changed()
}

/** Asks the task to stop; the first reason stays. */
export function requestStop(run: TaskRun, request: StopRequest): void {
  if (run.stopping) return
  run.stopping = request
  update(run, {
    desiredStatus: 'STOPPED',
    stopCode: request.stopCode,
    stoppedReason: request.reason,
    stoppingAt: new Date(),
  })
}

/** The container's state changes; whoever depends on it looks again. */
export function advance(
  run: TaskRun,
  container: ContainerRun,
  changes: Partial<DependencyState>,
  record: Partial<Container> = {},
): void {
  container.state = { ...container.state, ...changes }
  Object.assign(container.record, record)
  update(run, {})
}

/** A container that waits for its turn. */
export function waitingContainer(definition: ContainerDefinition & { name: string }, record: Container): ContainerRun {
  return {
    definition,
    record,
    essential: definition.essential !== false,
    state: {
      image: definition.image ?? '',
      phase: 'waiting',
      exitCode: undefined,
      startedAt: undefined,
      health: 'UNKNOWN',
      deadline: undefined,
    },
    image: undefined,
    running: undefined,
    starting: false,
    logsSent: undefined,
  }
}
