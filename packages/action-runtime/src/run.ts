import { randomUUID } from 'node:crypto'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { publishable, REPORT_SCHEMA, type ReportRecord, reportLine } from '@aws-deploy-actions/pipeline-report'
import { asFailure, Cancelled, DeadlineExceeded, Failure, failureText, InputError } from './errors.ts'
import { InputReader } from './inputs.ts'
import { processRuntime, type RunnerEnvironment, type Runtime } from './runtime.ts'
import type { Secrets } from './secrets.ts'
import { appendSummary } from './summary.ts'

/** How a step ended. */
export interface Outcome {
  readonly status: string
  readonly failure: Failure | undefined
  /** from start to verdict */
  readonly seconds: number
}

/** One action: what the runtime needs to know of it. `Result` is what the story finds out on its way. */
export interface Action<Inputs, Result> {
  /** folder name, e.g. `run-ecs-task` */
  readonly name: string
  /** @throws InputError */
  readInputs(input: InputReader): Inputs
  /** what is known before anything happened */
  start(inputs: Inputs): Result
  /** the story; fills `result` as it goes; returns the status of a success, throws a Failure otherwise */
  main(inputs: Inputs, result: Result, runtime: Runtime): Promise<string>
  /** what to tell about it; pure */
  tell(inputs: Inputs, result: Result, outcome: Outcome): Told
}

/** The record's own part, and the summary section in markdown. */
export interface Told {
  readonly record: Pick<ReportRecord, 'verdict'> &
    Partial<Pick<ReportRecord, 'images' | 'tasks' | 'checks' | 'services' | 'instances'>>
  readonly summary: string
}

/** The runner kills 7.5 s after SIGINT and 2.5 s after SIGTERM (actions/runner, ProcessInvoker): be gone before. */
const LONGEST_CLEAN_UP_MS = 7000

/** Runs an action as GitHub's runner starts it, and ends the process: 0 for a success, 1, or 130/143 when cancelled. */
export async function runAction<Inputs, Result>(action: Action<Inputs, Result>): Promise<never> {
  const { runtime, secrets, onHang } = startRuntime()
  const started = runtime.now()
  let inputs: Inputs
  let wantsSummary: boolean
  try {
    requireSupportedRunner(process.platform, process.arch)
    const input = new InputReader(runtime.environment.variables)
    inputs = action.readInputs(input)
    wantsSummary = input.optionalBoolean('summary') ?? true
    input.finish()
  } catch (error) {
    const failure = asFailure(error)
    if (failure instanceof InputError) runtime.log.error(`${action.name}: wrong input`, inputErrorText(failure))
    else runtime.log.error(`${action.name} failed`, failureText(failure.record))
    // No output: nothing has begun. But the page of the run says which inputs.
    const outcome = { status: failure.status, failure: withoutValues(failure), seconds: 0 }
    const own = { verdict: failure.message }
    const report = reportRecord(action.name, started, outcome, own, runtime.environment)
    await writeReport(runtime, action.name, publishable(report, secrets.redact))
    process.exit(1)
  }

  const result = action.start(inputs)
  let finishing = false
  const finish = async (end: { status: string; failure: Failure | undefined }): Promise<void> => {
    if (finishing) return
    finishing = true
    const outcome = { ...end, seconds: Math.round((runtime.now() - started) / 100) / 10 }
    if (outcome.failure !== undefined) {
      if (outcome.failure.annotated) runtime.log.info(failureText(outcome.failure.record))
      else runtime.log.error(`${action.name} ${outcome.status}`, failureText(outcome.failure.record))
      if (outcome.failure.cause instanceof Error) runtime.log.debug(outcome.failure.cause.stack ?? '')
    }
    const { record, summary } = action.tell(inputs, result, outcome)
    const report = publishable(reportRecord(action.name, started, outcome, record, runtime.environment), secrets.redact)
    await runtime.output('status', outcome.status)
    await runtime.output('report', reportLine(report))
    await writeReport(runtime, action.name, report)
    if (wantsSummary) {
      await appendSummary(runtime.environment.variables['GITHUB_STEP_SUMMARY'], secrets.redact(summary), runtime.log)
    }
    process.exit(exitCode(outcome.failure))
  }
  onHang(failure => void finish({ status: failure.status, failure }))
  await finish(await settled(() => action.main(inputs, result, runtime), runtime.signal))
  return process.exit()
}

/** @throws Failure for a runner that the actions are not made for */
function requireSupportedRunner(platform: string, architecture: string): void {
  if (platform === 'linux' && ['x64', 'arm64'].includes(architecture)) return
  throw new Failure(`This action runs on Linux (x64 or arm64), not on ${platform} ${architecture}.`, {
    next: ['Run the job on such a runner: `runs-on: ubuntu-latest`, or `ubuntu-24.04-arm`.'],
  })
}

/** @returns the runtime, and `onHang`, which is told what to call when clean-up or the end takes too long */
function startRuntime(): { runtime: Runtime; secrets: Secrets; onHang: (end: (failure: Failure) => void) => void } {
  const { secrets, ...base } = processRuntime()
  const { log } = base
  const cancel = new AbortController()
  let hung = (failure: Failure): void => process.exit(exitCode(failure))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (cancel.signal.aborted) return
      log.info(`${signal} received: cleaning up.`)
      setTimeout(
        () => hung(new Cancelled(signal, 'The step was cancelled, and its clean-up did not end in time.')),
        LONGEST_CLEAN_UP_MS,
      )
      cancel.abort(new Cancelled(signal))
    })
  }
  // Loaded when first needed: it takes longer to load than everything else before the first API call.
  const core = (): Promise<typeof import('@actions/core')> => import('@actions/core')
  let end: NodeJS.Timeout | undefined
  const runtime: Runtime = {
    ...base,
    signal: cancel.signal,
    output: async (name, value) => {
      const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
      ;(await core()).setOutput(name, secrets.redactOutput(text))
    },
    remember: async (name, value) => (await core()).saveState(name, value),
    endBy: at => {
      clearTimeout(end)
      if (at === undefined) return
      end = setTimeout(() => {
        hung(
          reasonOf(cancel.signal) ??
            new DeadlineExceeded('The time is over, and something still hung: the step was ended.'),
        )
      }, at - Date.now())
    },
  }
  return {
    runtime,
    secrets,
    onHang: finish => {
      hung = finish
    },
  }
}

async function settled(
  main: () => Promise<string>,
  signal: AbortSignal,
): Promise<{ status: string; failure: Failure | undefined }> {
  try {
    return { status: await main(), failure: undefined }
  } catch (error) {
    const failure = asFailure(error)
    // Of several reasons that apply, the cancel comes first.
    const cancelled = failure instanceof Cancelled ? undefined : reasonOf(signal)
    const first =
      cancelled === undefined ? failure : new Cancelled(cancelled.signal, `The step was cancelled. ${failure.message}`)
    return { status: first.status, failure: first }
  }
}

function reasonOf(signal: AbortSignal): Cancelled | undefined {
  return signal.reason instanceof Cancelled ? signal.reason : undefined
}

function exitCode(failure: Failure | undefined): number {
  if (failure === undefined) return 0
  if (failure instanceof Cancelled) return failure.signal === 'SIGINT' ? 130 : 143
  return 1
}

function inputErrorText({ message, problems }: InputError): string {
  return [message, ...problems.map(({ input, problem }) => `- ${input}: ${problem}`), 'Nothing was touched.'].join('\n')
}

function reportRecord(
  action: string,
  started: number,
  { status, failure, seconds }: Outcome,
  own: Told['record'],
  { repository, runId, runAttempt, job, sha, actor }: RunnerEnvironment,
): ReportRecord {
  return {
    schema: REPORT_SCHEMA,
    action,
    status,
    startedAt: new Date(started).toISOString(),
    seconds,
    run: {
      ...(repository === undefined ? {} : { repository }),
      ...(runId === undefined ? {} : { id: runId }),
      ...(runAttempt === undefined ? {} : { attempt: runAttempt }),
      ...(job === undefined ? {} : { job }),
      ...(sha === undefined ? {} : { sha }),
      ...(actor === undefined ? {} : { actor }),
    },
    failures: failure === undefined ? [] : [failure.record],
    ...own,
  }
}

async function writeReport(runtime: Runtime, action: string, report: ReportRecord): Promise<void> {
  const { temp } = runtime.environment
  const name = `${action}-${randomUUID()}.json`
  try {
    await mkdir(join(temp, 'deploy-reports'), { recursive: true })
    // Others read the folder while this step may still be cut short: a file of it is whole.
    await writeFile(join(temp, name), `${JSON.stringify(report)}\n`)
    await rename(join(temp, name), join(temp, 'deploy-reports', name))
  } catch (error) {
    runtime.log.debug(`The report file could not be written: ${error instanceof Error ? error.message : error}`)
  }
}

/** The runner masks secrets in the log, nobody does in a file: what was given as an input stays out of it. */
function withoutValues(failure: Failure): Failure {
  if (!(failure instanceof InputError)) return failure
  const names = [...new Set(failure.problems.map(({ input }) => input))]
  return new Failure(failure.message, { next: [`Mend ${names.join(', ')}: the log of the step says what is wrong.`] })
}
