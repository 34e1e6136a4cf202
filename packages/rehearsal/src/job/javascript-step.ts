import { join } from 'node:path'
import type { ActionDefinition, JavaScriptRuns } from '../syntax/action-file.ts'
import { isTrue } from '../syntax/evaluate.ts'
import type { StepDefinition } from '../syntax/step-definitions.ts'
import { mapOf, textsOf, type ValueMap } from '../syntax/values.ts'
import { actionInputs, givenInputs, inputVariables } from './action-inputs.ts'
import { type Attempt, runCommand, writeHead } from './attempt.ts'
import { type Frame, type JobState, stepScope } from './job-state.ts'
import { processEnvironment } from './process-environment.ts'
import { createStepFiles } from './step-files.ts'

/** A JavaScript action in a step: all that its processes need. */
export interface JavaScriptAction {
  readonly definition: ActionDefinition
  readonly runs: JavaScriptRuns
  readonly step: StepDefinition
  readonly frame: Frame
  /** evaluated anew for each process, as the runner does */
  readonly env: () => Record<string, string>
  readonly github: ValueMap
}

/** Runs `pre`, `main` or `post` of an action's committed bundle under this process's Node. @returns whether it succeeded */
export async function runJavaScript(
  job: JobState,
  action: JavaScriptAction,
  stage: 'pre' | 'main' | 'post',
  attempt: Attempt,
): Promise<boolean> {
  const { definition, runs, step, frame } = action
  const script = runs[stage]
  if (script === undefined) return true
  const files = await createStepFiles(job.folders.temp)
  const scope = stepScope(job, frame, action.env(), { ...action.github, action: step.id, ...files.paths })
  const { github, env } = scope.contexts
  const inputs = actionInputs(definition, givenInputs(step, scope), scope, attempt.log)
  const variables = textsOf(env)
  if (stage !== 'post')
    writeHead(attempt.log, `Run ${step.uses}`, {
      with: Object.fromEntries(Object.entries(inputs).filter(([, value]) => value !== '')),
      env: variables,
    })
  const state = job.actionStates.get(step) ?? {}
  job.actionStates.set(step, state)
  const exitCode = await runCommand(job, attempt, files, {
    command: process.execPath,
    args: [join(definition.folder, script)],
    folder: job.folders.workspace,
    environment: {
      ...processEnvironment(job, mapOf(github), variables),
      ...inputVariables(inputs),
      ...Object.fromEntries(Object.entries(state).map(([name, value]) => [`STATE_${name}`, value])),
    },
    state,
  })
  return exitCode === 0
}

/** Whether `pre` or `post` is wanted. */
export function wantsStage(job: JobState, action: JavaScriptAction, stage: 'pre' | 'post'): boolean {
  const condition = stage === 'pre' ? action.runs.preCondition : action.runs.postCondition
  // These ask for the job, also inside a composite action (actions/runner, SuccessFunction).
  const frame: Frame = { ...action.frame, status: () => job.status }
  return isTrue(condition, stepScope(job, frame, action.env(), action.github))
}
