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

/** Announces where the logs are, and starts to follow them where that is wanted. */
export async function followTaskLogs(
  { revision, container, region }: PreparedTask,
  arn: string,
  wanted: TaskInputs['logs'],
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
  for (const stream of streams) log.info(`Log of ${stream.container}: ${logConsoleUrl(stream)}`)
  const start = (): LogFollower => followLogs(streams, { clock: runtime, log })
  let follower = wanted === 'follow' ? start() : undefined
  // A cancel must not wait for lines.
  runtime.signal.addEventListener('abort', () => void follower?.stop(), { once: true })
  return {
    lastLines: name => follower?.lastLines(name) ?? [],
    readTail: async ({ containers = [] }, deadline) => {
      const ran = new Set(containers.flatMap(({ name = '', runtimeId }) => (runtimeId === undefined ? [] : [name])))
      if (ran.size === 0) return
      follower ??= start()
      const mostMs = Math.min(deadline.left, wanted === 'follow' ? TAIL_MS : Number.POSITIVE_INFINITY)
      const { unfinished } = await follower.drain(mostMs, ran)
      if (unfinished.length > 0 && !runtime.signal.aborted) {
        log.notice(
          'The end of the log is missing',
          `Not everything had arrived in time. The whole log: ${unfinished.map(logConsoleUrl).join(' ')}`,
        )
      }
    },
    stop: async () => follower?.stop(),
  }
}
