import { randomUUID } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileCommandEntries } from '../file-commands.ts'
import type { StepLog } from './step-log.ts'

/** The files that a step may write to: GITHUB_OUTPUT and the like. */
export interface StepFiles {
  /** for the `github` context */
  readonly paths: {
    readonly env: string
    readonly path: string
    readonly output: string
    readonly state: string
    readonly step_summary: string
  }
  /** what the step wrote; mistakes become errors in its log */
  read(log: StepLog): Promise<StepFileContents>
}

export interface StepFileContents {
  readonly environment: Readonly<Record<string, string>>
  readonly path: readonly string[]
  readonly outputs: Readonly<Record<string, string>>
  readonly state: Readonly<Record<string, string>>
  readonly summary: string
}

/** actions/runner, CreateStepSummaryCommand.AttachmentSizeLimit */
const SUMMARY_LIMIT = 1024 * 1024

/** Fresh files below `temp`, as the runner makes them for every step (actions/runner, FileCommandManager). */
export async function createStepFiles(temp: string): Promise<StepFiles> {
  const folder = join(temp, '_runner_file_commands')
  await mkdir(folder, { recursive: true })
  const suffix = randomUUID()
  const file = (prefix: string): string => join(folder, `${prefix}_${suffix}`)
  const paths = {
    env: file('set_env'),
    path: file('add_path'),
    output: file('set_output'),
    state: file('save_state'),
    step_summary: file('step_summary'),
  }
  for (const path of Object.values(paths)) await writeFile(path, '')
  return {
    paths,
    read: async log => {
      const textOf = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '')
      const entries = async (name: 'env' | 'output' | 'state'): Promise<Record<string, string>> => {
        try {
          return fileCommandEntries(await textOf(paths[name]))
        } catch (error) {
          log.annotate('error', `Unable to process file command '${name}' successfully.`)
          log.annotate('error', error instanceof Error ? error.message : String(error))
          log.failCommand()
          return {}
        }
      }
      const environment = await entries('env')
      for (const name of Object.keys(environment).filter(name => name.toUpperCase() === 'NODE_OPTIONS')) {
        log.annotate('error', `Can't store NODE_OPTIONS output parameter using '$GITHUB_ENV' command.`)
        delete environment[name]
      }
      return {
        environment,
        path: (await textOf(paths.path)).split(/\r?\n/).filter(line => line !== ''),
        outputs: await entries('output'),
        state: await entries('state'),
        summary: withinLimit(await textOf(paths.step_summary), log),
      }
    },
  }
}

function withinLimit(summary: string, log: StepLog): string {
  const size = Buffer.byteLength(summary)
  if (size <= SUMMARY_LIMIT) return summary
  log.annotate(
    'error',
    `$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of ${SUMMARY_LIMIT / 1024}k, got ${Math.floor(size / 1024)}k.`,
  )
  return ''
}
