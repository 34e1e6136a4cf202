import type { StepDefinition } from '../syntax/step-definitions.ts'
import type { Frame, JobState } from './job-state.ts'
import type { StepFiles } from './step-files.ts'
import type { StepLog } from './step-log.ts'
import { runStepProcess } from './step-process.ts'

/** A step that is being carried out. */
export interface Attempt {
  readonly name: string
  readonly log: StepLog
  /** ends its processes, politely */
  readonly stop: AbortSignal
  readonly outputs: Record<string, string>
  readonly summaries: string[]
  /** the steps of a composite action */
  runSteps(frame: Frame, steps: readonly StepDefinition[]): Promise<void>
}

/** A process of a step, with the commands that it prints carried out and the files that it writes read. @returns its exit code */
export async function runCommand(
  job: JobState,
  attempt: Attempt,
  files: StepFiles,
  process: {
    readonly command: string
    readonly args: readonly string[]
    readonly folder: string
    readonly environment: Readonly<Record<string, string>>
    readonly state: Record<string, string>
  },
): Promise<number> {
  const { log } = attempt
  log.nextProcess()
  const effects = {
    output: (name: string, value: string): void => {
      attempt.outputs[name] = value
    },
    state: (name: string, value: string): void => {
      process.state[name] = value
    },
  }
  try {
    return await runStepProcess({
      command: process.command,
      args: process.args,
      folder: process.folder,
      environment: process.environment,
      onLine: line => log.read(line, effects),
      stop: attempt.stop,
      kill: job.settings.kill,
      timing: job.settings.timing,
    })
  } finally {
    const written = await files.read(log)
    for (const [name, value] of Object.entries(written.environment)) job.environment.set(name, value)
    for (const folder of written.path) prependPath(job, folder)
    Object.assign(attempt.outputs, written.outputs)
    Object.assign(process.state, written.state)
    if (written.summary !== '') attempt.summaries.push(job.masks.masked(written.summary))
  }
}

export function prependPath(job: JobState, folder: string): void {
  const at = job.path.indexOf(folder)
  if (at >= 0) job.path.splice(at, 1)
  job.path.unshift(folder)
}

/** The first lines of a step's log: what runs, with what. */
export function writeHead(
  log: StepLog,
  title: string,
  parts: Readonly<Record<string, Readonly<Record<string, string>>>>,
  lines: readonly string[] = [],
): void {
  log.write(`##[group]${title}`)
  for (const line of lines) log.write(line)
  for (const [heading, entries] of Object.entries(parts)) {
    if (Object.keys(entries).length === 0) continue
    log.write(`${heading}:`)
    for (const [name, value] of Object.entries(entries)) log.write(`  ${name}: ${value}`)
  }
  log.write('##[endgroup]')
}
