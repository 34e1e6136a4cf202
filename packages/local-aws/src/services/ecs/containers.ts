import { randomBytes } from 'node:crypto'
import { type ContainerSpec, type RunningContainer, StartError } from '../../engine.ts'
import { awslogsPipe, type LogPipe } from '../logs/awslogs.ts'
import { dependencyVerdict } from './dependencies.ts'
import { DEFAULT_STOP_TIMEOUT, PROCESS_TIMEOUT_FLOOR_MS } from './durations.ts'
import { watchHealth } from './health.ts'
import type { Preparation } from './preparation.ts'
import { cannotStart, ESSENTIAL_EXITED, FAILED_TO_START, OUT_OF_MEMORY } from './reasons.ts'
import { advance, type ContainerRun, requestStop, type TaskRun, update } from './task-run.ts'

/** One container from waiting for its dependencies to its end; settles when it is stopped. */
export async function runContainer(run: TaskRun, container: ContainerRun, preparation: Preparation): Promise<void> {
  if (!(await mayStart(run, container))) return
  const { cloud, logs, scripts } = run.surroundings
  const place = preparation.logs.get(container)
  const pipe = place && awslogsPipe(cloud, logs.stream(place.group, place.stream))
  const running = await started(run, container, preparation, pipe)
  if (!running) return
  const unwatch = watchHealth(run, container, running)
  const { exitCode, ...end } = await running.exited
  const outOfMemory = end.outOfMemory || (exitCode === 137 && scripts.of(run.definition.family).outOfMemory)
  unwatch()
  // lines that come late are the reader's business, not the task's
  container.logsSent = pipe?.end()
  container.logsSent?.catch(() => undefined)
  if (container.essential) update(run, { executionStoppedAt: run.task.executionStoppedAt ?? new Date() })
  advance(
    run,
    container,
    { phase: 'stopped', exitCode },
    { lastStatus: 'STOPPED', exitCode, ...(outOfMemory ? { reason: OUT_OF_MEMORY } : {}) },
  )
  if (container.essential) requestStop(run, { stopCode: 'EssentialContainerExited', reason: ESSENTIAL_EXITED })
}

async function mayStart(run: TaskRun, container: ContainerRun): Promise<boolean> {
  const verdict = () =>
    dependencyVerdict(
      { name: container.definition.name, image: container.definition.image ?? '' },
      container.definition.dependsOn ?? [],
      name => run.containers.find(({ definition }) => definition.name === name)?.state,
      Date.now(),
    )
  await run.watch.until(() => run.stopping !== undefined || verdict().kind !== 'wait')
  if (run.stopping) {
    neverStarts(run, container, undefined)
    return false
  }
  const last = verdict()
  if (last.kind !== 'never') {
    container.starting = true
    return true
  }
  // agent, `handleTerminalDependencyError`: "we have to report an error and 143 seems the most appropriate"
  advance(
    run,
    container,
    { phase: 'stopped', exitCode: 143 },
    { lastStatus: 'STOPPED', exitCode: 143, reason: cannotStart(last.reason) },
  )
  if (container.essential) requestStop(run, { stopCode: 'TaskFailedToStart', reason: FAILED_TO_START })
  return false
}

async function started(
  run: TaskRun,
  container: ContainerRun,
  preparation: Preparation,
  pipe: LogPipe | undefined,
): Promise<RunningContainer | undefined> {
  const { cloud, engine } = run.surroundings
  const spec = specOf(run, container, preparation, pipe)
  try {
    const running = await engine.start(spec)
    container.running = running
    container.starting = false
    const timeout = container.definition.startTimeout
    const startedAt = Date.now()
    const deadline = timeout === undefined ? undefined : startedAt + timeout * 1000
    advance(
      run,
      container,
      { phase: 'running', startedAt, deadline },
      { lastStatus: 'RUNNING', runtimeId: running.runtimeId },
    )
    if (timeout !== undefined) {
      // whoever waits for this container looks at the clock when it has run out
      const later = setTimeout(() => run.watch.changed(), timeout * 1000 + 1)
      running.exited.finally(() => clearTimeout(later))
    }
    return running
  } catch (error) {
    if (!(error instanceof StartError)) {
      cloud.log(`container ${container.definition.name}: ${String(error)}`)
    }
    neverStarts(run, container, cannotStart(error instanceof Error ? error.message : String(error)))
    return undefined
  }
}

function neverStarts(run: TaskRun, container: ContainerRun, reason: string | undefined): void {
  container.starting = false
  advance(run, container, { phase: 'stopped' }, { lastStatus: 'STOPPED', ...(reason === undefined ? {} : { reason }) })
  if (reason !== undefined && container.essential)
    requestStop(run, { stopCode: 'TaskFailedToStart', reason: FAILED_TO_START })
}

function specOf(
  run: TaskRun,
  container: ContainerRun,
  preparation: Preparation,
  pipe: LogPipe | undefined,
): ContainerSpec {
  const { definition, image } = container
  if (!image) throw new Error('a container starts after its image was pulled')
  const taskId = run.task.taskArn.split('/').at(-1) ?? ''
  const environment: Record<string, string> = {}
  for (const { name, value } of definition.environment ?? []) if (name !== undefined) environment[name] = value ?? ''
  const containerPorts = (definition.portMappings ?? []).flatMap(({ containerPort }) => containerPort ?? [])
  const memoryMiB = definition.memory ?? (run.task.memory === undefined ? undefined : Number(run.task.memory))
  return {
    name: `ecs-${definition.name}-${taskId.slice(0, 12)}-${randomBytes(3).toString('hex')}`,
    image,
    ...(definition.entryPoint?.length ? { entryPoint: definition.entryPoint } : {}),
    ...(definition.command?.length ? { command: definition.command } : {}),
    environment: {
      ...environment,
      ...preparation.secrets.get(container),
      AWS_EXECUTION_ENV: `AWS_ECS_${run.task.launchType ?? 'FARGATE'}`,
    },
    ...(definition.workingDirectory === undefined ? {} : { workingDirectory: definition.workingDirectory }),
    ...(definition.user === undefined ? {} : { user: definition.user }),
    ...(containerPorts.length > 0 ? { containerPorts } : {}),
    publishPorts: run.task.group?.startsWith('service:') ?? false,
    ...(memoryMiB === undefined ? {} : { memoryMiB }),
    onOutput: bytes => pipe?.write(bytes),
  }
}

/**
 * SIGTERM to every container that runs, SIGKILL after its stopTimeout; a container that others depend on waits for
 * those (agent, graph.go, `verifyShutdownOrder`). Settles when all have stopped.
 */
export async function stopContainers(run: TaskRun): Promise<void> {
  await Promise.all(
    run.containers.map(async container => {
      const dependents = run.containers.filter(({ definition }) =>
        definition.dependsOn?.some(({ containerName }) => containerName === container.definition.name),
      )
      await run.watch.until(() =>
        dependents.every(({ state }) => state.phase === 'stopped' || state.phase === 'waiting'),
      )
      await stopContainer(run, container)
    }),
  )
}

async function stopContainer(run: TaskRun, container: ContainerRun): Promise<void> {
  await run.watch.until(() => !container.starting)
  const { running } = container
  if (!running) {
    if (container.state.phase === 'waiting') advance(run, container, { phase: 'stopped' }, { lastStatus: 'STOPPED' })
    return
  }
  const hasStopped = () => container.state.phase === 'stopped'
  if (hasStopped()) return
  running.signal('SIGTERM')
  const timeout = (container.definition.stopTimeout ?? DEFAULT_STOP_TIMEOUT) * 1000
  const grace = Promise.all([
    run.surroundings.cloud.pause(timeout),
    new Promise(resolve => setTimeout(resolve, Math.min(timeout, PROCESS_TIMEOUT_FLOOR_MS)).unref()),
  ])
  const stopped = run.watch.until(hasStopped)
  await Promise.race([grace, stopped])
  if (!hasStopped()) running.signal('SIGKILL')
  await stopped
}
