import { runContainer, stopContainers } from './containers.ts'
import { durations } from './durations.ts'
import { prepare } from './preparation.ts'
import { ESSENTIAL_EXITED } from './reasons.ts'
import { requestStop, type TaskRun, update } from './task-run.ts'

/**
 * A task from PROVISIONING to STOPPED. The states, in AWS's words:
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
 * @returns when the task is STOPPED; rejects only when the cloud stops
 */
export async function liveTask(run: TaskRun): Promise<void> {
  await unlessStopped(run, run.surroundings.cloud.pause(durations.provisioning))
  if (!run.stopping) {
    update(run, { lastStatus: 'PENDING', connectivity: 'CONNECTED', connectivityAt: new Date() })
    markAttachments(run, 'ATTACHED')
    await unlessStopped(run, run.surroundings.cloud.pause(durations.pending))
  }
  const ends: Promise<void>[] = []
  await launch(run, ends)
  await run.watch.until(() => run.stopping !== undefined)
  await bringDown(run)
  await Promise.all(ends)
  await deprovision(run)
}

/** Secrets, log streams, images, then all containers on their way; RUNNING as soon as each of them has started. */
async function launch(run: TaskRun, ends: Promise<void>[]): Promise<void> {
  if (run.stopping) return
  const preparing = prepare(run)
  await unlessStopped(run, preparing)
  if (run.stopping) return
  const preparation = await preparing
  if (!preparation) return
  update(run, { lastStatus: 'ACTIVATING' })
  await unlessStopped(run, run.surroundings.cloud.pause(durations.activating))
  if (run.stopping) return
  ends.push(...run.containers.map(container => runContainer(run, container, preparation)))
  // the agent's task status is the least advanced one of its containers (task.go, `updateTaskKnownStatus`)
  const everyStarted = () =>
    run.containers.every(({ state }) => state.startedAt !== undefined || state.phase === 'stopped')
  await run.watch.until(() => everyStarted() || run.stopping !== undefined)
  if (run.containers.every(({ state }) => state.startedAt !== undefined)) {
    update(run, { lastStatus: 'RUNNING', startedAt: new Date() })
  }
  // every task has an essential container, so this matters only when that one could not start
  await run.watch.until(
    () => run.stopping !== undefined || run.containers.every(({ state }) => state.phase === 'stopped'),
  )
  requestStop(run, { stopCode: 'EssentialContainerExited', reason: ESSENTIAL_EXITED })
}

async function bringDown(run: TaskRun): Promise<void> {
  if (run.task.lastStatus === 'RUNNING') {
    update(run, { lastStatus: 'DEACTIVATING' })
    // the agent itself stops the rest when an essential container ends; a StopTask has to reach it first
    const asked = run.stopping?.stopCode === 'UserInitiated' || run.stopping?.stopCode === 'ServiceSchedulerInitiated'
    if (asked) await run.surroundings.cloud.pause(durations.deactivating)
    const deactivated = run.deactivate(run)
    // a task whose container has ended can serve nobody: its targets go without waiting for their drain
    if (asked) await deactivated
    else deactivated.catch(() => undefined)
  }
  update(run, { lastStatus: 'STOPPING' })
  await stopContainers(run)
  // agent: `RecordExecutionStoppedAt`
  update(run, { executionStoppedAt: run.task.executionStoppedAt ?? new Date() })
}

async function deprovision(run: TaskRun): Promise<void> {
  update(run, { lastStatus: 'DEPROVISIONING' })
  await run.surroundings.cloud.pause(durations.deprovisioning)
  markAttachments(run, 'DELETED')
  update(run, { lastStatus: 'STOPPED', stoppedAt: new Date(), connectivity: 'DISCONNECTED' })
}

async function unlessStopped(run: TaskRun, work: Promise<unknown>): Promise<void> {
  await Promise.race([work, run.watch.until(() => run.stopping !== undefined)])
}

function markAttachments(run: TaskRun, status: string): void {
  for (const attachment of run.task.attachments ?? []) attachment.status = status
}
