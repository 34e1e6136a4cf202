import { type Action, Deadline } from '@aws-deploy-actions/action-runtime'
import { sdkConfig } from '@aws-deploy-actions/aws-clients'
import { databaseLock, preparedTask, runToItsEnd, type TaskRun, toldOfTask } from '@aws-deploy-actions/one-off-task'
import { ECSClient } from '@aws-sdk/client-ecs'
import { type MigrationInputs, readInputs } from './inputs.ts'
import { verify } from './verify.ts'

/** Runs one database migration on ECS, and nothing beside it on the same database. */
export const action: Action<MigrationInputs, TaskRun> = {
  name: 'run-migration-task',
  readInputs,
  start: ({ cluster, region }) => ({ cluster, region }),
  main: async (inputs, run, runtime) => {
    const { log, signal, output } = runtime
    const { database, lock, lockTimeoutMs, verifyCommand } = inputs
    const ecs = new ECSClient(sdkConfig(inputs.region))
    const calling = { clock: runtime, log, signal, deadline: new Deadline(runtime, inputs.timeoutMs) }
    const prepared = await log.group('Task definition', () => preparedTask(inputs, ecs, calling))
    const options = {
      logs: inputs.logs,
      timeoutMs: inputs.timeoutMs,
      ...(database === undefined || !lock ? {} : { lock: databaseLock(database, lockTimeoutMs) }),
    }
    await runToItsEnd(prepared, options, run, output, runtime)
    if (verifyCommand !== undefined) await verify(verifyCommand, prepared, options, run, runtime)
    return 'succeeded'
  },
  tell: ({ database }, run, outcome) =>
    toldOfTask(database === undefined ? 'Migration' : `Migration of ${database}`, run, outcome, database),
}
