import type { Action } from '@aws-deploy-actions/action-runtime'
import { sdkConfig } from '@aws-deploy-actions/aws-clients'
import {
  databaseLock,
  lastLinesRead,
  lockForTwo,
  ownMark,
  preparedTask,
  runToSuccess,
  type TaskRun,
  toldOfTask,
} from '@aws-deploy-actions/one-off-task'
import { ECSClient } from '@aws-sdk/client-ecs'
import { type MigrationInputs, readInputs } from './inputs.ts'
import { verify } from './verify.ts'

/** The migration's task, and that of the verify command. */
interface MigrationRun extends TaskRun {
  verification?: TaskRun
}

/** Runs one database migration on ECS, and nothing beside it on the same database. */
export const action: Action<MigrationInputs, MigrationRun> = {
  name: 'run-migration-task',
  readInputs,
  start: ({ cluster, region }) => ({ cluster, region }),
  main: async (inputs, run, runtime) => {
    const { log, output } = runtime
    const { database, lock, lockTimeoutMs, verifyCommand, logs, timeoutMs } = inputs
    const ecs = new ECSClient(sdkConfig(inputs.region))
    const prepared = await log.group('Task definition', () => preparedTask(inputs, ecs, runtime))
    const one =
      database === undefined || !lock ? undefined : databaseLock(database, lockTimeoutMs, ownMark(runtime.environment))
    const [first, second] =
      one === undefined || verifyCommand === undefined ? [one] : lockForTwo(one, prepared.container)
    const migrated = await runToSuccess(
      prepared,
      { logs, timeoutMs, ...(first && { lock: first }) },
      run,
      output,
      runtime,
    )
    try {
      if (verifyCommand !== undefined) {
        run.verification = { cluster: run.cluster, region: run.region }
        const own = run.taskArn === undefined ? [] : [run.taskArn]
        // While its task starts, the last lines of the migration arrive.
        const options = { logs, timeoutMs, own, linesAfter: migrated.linesRead, ...(second && { lock: second }) }
        await verify(verifyCommand, prepared, options, run.verification, runtime)
      }
    } finally {
      await lastLinesRead(migrated, runtime)
    }
    runtime.signal.throwIfAborted()
    return 'succeeded'
  },
  tell: ({ database }, { verification, ...run }, outcome) =>
    toldOfTask(database === undefined ? 'Migration' : `Migration of ${database}`, run, outcome, {
      database,
      verification,
    }),
}
