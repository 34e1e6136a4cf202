import type { Action } from '@aws-deploy-actions/action-runtime'
import { sdkConfig } from '@aws-deploy-actions/aws-clients'
import {
  preparedTask,
  readTaskInputs,
  runToItsEnd,
  type TaskInputs,
  type TaskRun,
  toldOfTask,
} from '@aws-deploy-actions/one-off-task'
import { ECSClient } from '@aws-sdk/client-ecs'

/** Runs one task on ECS to its end. */
export const action: Action<TaskInputs, TaskRun> = {
  name: 'run-ecs-task',
  readInputs: readTaskInputs,
  start: ({ cluster, region }) => ({ cluster, region }),
  main: async (inputs, run, runtime) => {
    const { log, output } = runtime
    const ecs = new ECSClient(sdkConfig(inputs.region))
    const prepared = await log.group('Task definition', () => preparedTask(inputs, ecs, runtime))
    await runToItsEnd(prepared, inputs, run, output, runtime)
    return 'succeeded'
  },
  tell: (_, run, outcome) => toldOfTask('Task', run, outcome),
}
