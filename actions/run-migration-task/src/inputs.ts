import type { InputReader } from '@aws-deploy-actions/action-runtime'
import { readTaskInputs, type TaskInputs } from '@aws-deploy-actions/one-off-task'

export interface MigrationInputs extends TaskInputs {
  readonly database: string | undefined
  readonly databaseVariable: string
  readonly lock: boolean
  readonly lockTimeoutMs: number
  readonly verifyCommand: readonly string[] | undefined
}

export function readInputs(input: InputReader): MigrationInputs {
  const task = readTaskInputs(input)
  const database = input.optional('database')
  const databaseVariable =
    input.optional('database-variable', /^[A-Za-z_][A-Za-z0-9_]*$/, 'allowed is the name of an environment variable') ??
    'DATABASE_NAME'
  if (database !== undefined && task.environment.has(databaseVariable)) {
    input.conflict('environment', `${databaseVariable} is what database-variable sets; give it only once`)
  }
  return {
    ...task,
    environment:
      database === undefined ? task.environment : new Map([...task.environment, [databaseVariable, database]]),
    database,
    databaseVariable,
    lock: input.boolean('lock', true),
    lockTimeoutMs: input.duration('lock-timeout', 0),
    verifyCommand: input.arguments('verify-command', 'json-or-line'),
  }
}
