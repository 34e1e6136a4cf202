import type { Deadline, Runtime } from '@aws-deploy-actions/action-runtime'
import type { LogFollower } from '@aws-deploy-actions/container-logs'
import type { Task } from '@aws-sdk/client-ecs'
import { logConsoleUrl } from './console.ts'
import type { TaskInputs } from './inputs.ts'
import type { PreparedTask } from './prepare.ts'
import type { Announce, TaskRun } from './run.ts'
import { taskId } from './state.ts'

/** The logs of one task, read as the `logs` input wants it. */
export interface TaskLogs {
  lastLines(container: string): readonly string[]
  /** the rest after the container's exit, of the containers that ran; never past the deadline */
  readTail(task: Task, deadline: Deadline): Promise<void>
  stop(): Promise<void>
}

/** The last lines have so long to arrive after the exit (ms). */
const TAIL_MS = 6000

/** How the logs are wanted: the `logs` input, and what has to be printed before them. */
export interface LogsWanted {
  readonly logs: TaskInputs['logs']
  /** settles when the lines of the task before have been printed; never rejects */
  readonly linesAfter?: Promise<void>
}

/** Announces where the logs are, and starts to follow them where that is wanted. */
export async function followTaskLogs(
  { revision, container, region }: PreparedTask,
  arn: string,
  { logs: wanted, linesAfter = Promise.resolve() }: LogsWanted,
  run: TaskRun,
  announce: Announce,
  runtime: Runtime,
): Promise<TaskLogs> {
  const { log } = runtime
  // Loaded after the first API calls: nothing waits for it.
  const { followLogs, streamsOfTask } = await import('@aws-deploy-actions/container-logs')
  const { streams, without } = streamsOfTask(revision.definition.containerDefinitions ?? [], taskId(arn), region)
  const counted = streams.find(stream => stream.container === container)
  if (counted !== undefined) {
    run.logGroup = counted.group
    await announce('log-group', counted.group)
  }
  await announce(
    'log-streams',
    streams.map(({ container: name, group, stream }) => ({ container: name, group, stream })),
  )
  if (wanted === 'none') return { lastLines: () => [], readTail: async () => {}, stop: async () => {} }

  for (const name of without)
    log.info(`${name} has no awslogs configuration with a stream prefix: its lines are not shown here.`)
  const tellWhere = (): void => {
    for (const stream of streams) log.info(`Log of ${stream.container}: ${logConsoleUrl(stream)}`)
  }
  if (wanted === 'after') tellWhere()
  let follower: LogFollower | undefined
  let stopped = false
  /** Nothing is lost by a late start: streams are read from their beginning. */
  const start = async (): Promise<LogFollower | undefined> => {
    await linesAfter
    if (stopped || follower !== undefined) return follower
    // What stands above it are lines of the task before.
    if (wanted === 'follow') tellWhere()
    follower = followLogs(streams, { clock: runtime, log })
    return follower
  }
  const stop = async (): Promise<void> => {
    stopped = true
    await follower?.stop()
  }
  if (wanted === 'follow') void start()
  // A cancel must not wait for lines.
  runtime.signal.addEventListener('abort', () => void stop(), { once: true })
  return {
    lastLines: name => follower?.lastLines(name) ?? [],
    readTail: async ({ containers = [], executionStoppedAt }, deadline) => {
      const ran = new Set(containers.flatMap(({ name = '', runtimeId }) => (runtimeId === undefined ? [] : [name])))
      if (ran.size === 0) return
      const reading = await start()
      if (reading === undefined) return
      const mostMs = Math.min(deadline.left, wanted === 'follow' ? TAIL_MS : Number.POSITIVE_INFINITY)
      // It is the end of the first essential container (amazon-ecs-agent, `RecordExecutionStoppedAt`): of the only one, its own.
      const endedAt = containers.length === 1 ? executionStoppedAt?.getTime() : undefined
      const { unfinished } = await reading.drain(mostMs, ran, endedAt)
      if (unfinished.length > 0 && !runtime.signal.aborted) {
        log.notice(
          'The end of the log is missing',
          `Not everything had arrived in time. The whole log: ${unfinished.map(logConsoleUrl).join(' ')}`,
        )
      }
    },
    stop,
  }
}
