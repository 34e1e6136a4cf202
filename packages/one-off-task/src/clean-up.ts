import { Deadline, type PostRuntime } from '@aws-deploy-actions/action-runtime'
import { sdkConfig } from '@aws-deploy-actions/aws-clients'
import { isObject } from '@aws-deploy-actions/ecs'
import { ECSClient } from '@aws-sdk/client-ecs'
import { markedTasks } from './find.ts'
import { stopTask } from './stop.ts'

/** The `post` step: when main did not settle what it started (killed, cancelled in mid-request), finds the task by its mark and stops it. */
export async function stopUnsettledTask(state: (name: string) => string, runtime: PostRuntime): Promise<void> {
  const remembered = state('task')
  if (remembered === '') return
  const parsed: unknown = JSON.parse(remembered)
  if (!isObject(parsed)) return
  const { region, cluster, startedBy, group } = parsed
  if (typeof region !== 'string' || typeof cluster !== 'string' || typeof startedBy !== 'string') return
  const ecs = new ECSClient(sdkConfig(region))
  const { log } = runtime
  const mark = { startedBy, ...(typeof group === 'string' ? { group } : {}) }
  const tasks = await markedTasks(ecs, cluster, mark, { clock: runtime, log, deadline: new Deadline(runtime, 20_000) })
  if (tasks.length === 0) log.info('Nothing that this step started is running.')
  for (const { taskArn } of tasks) {
    if (taskArn !== undefined)
      await stopTask(ecs, cluster, taskArn, 'The step that started it ended before the task did.', {
        clock: runtime,
        log,
      })
  }
}
