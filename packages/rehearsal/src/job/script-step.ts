import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { evaluatedText } from '../syntax/evaluate.ts'
import type { StepDefinition } from '../syntax/step-definitions.ts'
import { mapOf, textsOf } from '../syntax/values.ts'
import { type Attempt, runCommand, writeHead } from './attempt.ts'
import { type Frame, type JobState, stepScope } from './job-state.ts'
import { processEnvironment } from './process-environment.ts'
import { scriptCommand } from './script.ts'
import { createStepFiles } from './step-files.ts'

/** A `run` step. @returns whether it succeeded */
export async function runScriptStep(
  job: JobState,
  frame: Frame,
  step: StepDefinition,
  env: Readonly<Record<string, string>>,
  attempt: Attempt,
): Promise<boolean> {
  const files = await createStepFiles(job.folders.temp)
  const scope = stepScope(job, frame, env, { action: step.id, ...files.paths })
  const { github, env: all } = scope.contexts
  const text = (name: string): string => evaluatedText(step.fields.find(name), scope)
  // A composite action does not see the job's defaults.
  const fallback = (name: string): string => (frame.composite ? '' : (job.defaults[name] ?? ''))
  const script = text('run')
  const environment = processEnvironment(job, mapOf(github), textsOf(all))
  const command = await scriptCommand(
    text('shell') || fallback('shell'),
    script,
    job.folders.temp,
    environment['PATH'] ?? '',
  )
  writeHead(attempt.log, `Run ${firstLine(script)}`, { env: textsOf(all) }, [
    ...script
      .replace(/\n+$/, '')
      .split('\n')
      .map(line => `\u001b[36;1m${line}\u001b[0m`),
    `shell: ${command.shown}`,
  ])
  const folder = resolve(job.folders.workspace, text('working-directory') || fallback('working-directory'))
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw new Error(
      `An error occurred trying to start process '${command.command}' with working directory '${folder}'. No such file or directory`,
    )
  const exitCode = await runCommand(job, attempt, files, {
    command: command.command,
    args: command.args,
    folder,
    environment,
    state: {},
  })
  if (exitCode !== 0 && !attempt.stop.aborted)
    attempt.log.annotate('error', `Process completed with exit code ${exitCode}.`)
  return exitCode === 0
}

export function firstLine(text: string): string {
  return text.trimStart().split(/\r?\n/)[0] ?? ''
}
