import { spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { signalGroup } from './processes.ts'

/*
 * How the SSM agent runs `aws:runShellScript`; source: github.com/aws/amazon-ssm-agent 3.3,
 * agent/plugins/runscript, agent/executers, agent/framework/processor/executer/iohandler:
 * - the commands, joined by newlines and ended by one, are written to `_script.sh` with mode 0700, which is run by
 *   `sh -c FILE`: a `#!` line at its first byte counts, without one `sh` reads it
 * - stdin is /dev/null; the shell leads a process group of its own
 * - it ends when the shell has ended AND stdout and stderr are closed: a child in the background that holds them open
 *   keeps the command going
 * - time-out and cancel send SIGKILL to the group and do not wait; exit code 137 then
 * - a failure appends `failed to run commands: …` to stderr
 */

/** What the agent reports about one run of a script. */
export interface ScriptResult {
  readonly verdict: 'Success' | 'Failed' | 'TimedOut' | 'Cancelled' | 'SuccessAndReboot'
  readonly exitCode: number
  readonly stdout: Buffer
  readonly stderr: Buffer
}

export interface ScriptRun {
  /** folder for the script file, made when it is missing */
  readonly directory: string
  readonly commands: readonly string[]
  readonly workingDirectory: string
  readonly environment: Readonly<Record<string, string>>
  /** the words before `sh`, for a shell in a namespace of its own */
  readonly prefix: readonly string[]
  readonly timeoutMs: number
  readonly cancel: AbortSignal
  /** sees the output as it comes */
  readonly onOutput: (stream: 'stdout' | 'stderr', bytes: Buffer) => void
}

/** agent/appconfig/constants_unix.go: CommandStoppedPreemptivelyExitCode, RebootExitCode */
const STOPPED = 137
const REBOOT = 194
/** What is kept of each stream in memory: far beyond what any API shows. */
const KEPT_BYTES = 1024 * 1024

/** Runs the commands to their end. Never rejects: what goes wrong on the host is a failure with its text in stderr. */
export async function runShellScript(run: ScriptRun): Promise<ScriptResult> {
  const file = join(run.directory, '_script.sh')
  try {
    await mkdir(run.directory, { recursive: true })
    await writeFile(file, `${run.commands.join('\n')}\n`, { mode: 0o700 })
  } catch (error) {
    const text = `failed to create script file. ${error instanceof Error ? error.message : String(error)}`
    return { verdict: 'Failed', exitCode: 1, stdout: Buffer.alloc(0), stderr: Buffer.from(text) }
  }
  const [program = 'sh', ...args] = [...run.prefix, 'sh', '-c', file]
  const child = spawn(program, args, {
    cwd: run.workingDirectory,
    env: run.environment,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const kept = { stdout: collected(), stderr: collected() }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (bytes: Buffer) => {
      kept[name].add(bytes)
      run.onOutput(name, bytes)
    })
  }

  const stop = stopped(run.timeoutMs, run.cancel)
  const ended = new Promise<{ code: number; why: string }>(resolve => {
    child.once('error', error => resolve({ code: 1, why: startProblem(error, run.workingDirectory) }))
    child.once('close', (code, signal) => {
      // Go's ExitStatus of a process that a signal ended is -1
      resolve({ code: code ?? -1, why: signal === null ? `exit status ${code}` : `signal: ${goName(signal)}` })
    })
  })
  const first = await Promise.race([ended, stop.reached])
  stop.clear()
  const output = () => ({ stdout: kept.stdout.bytes(), stderr: kept.stderr.bytes() })
  if (first === 'TimedOut' || first === 'Cancelled') {
    if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL')
    for (const name of ['stdout', 'stderr'] as const) child[name].removeAllListeners('data').resume()
    return { verdict: first, exitCode: STOPPED, ...output() }
  }
  if (first.code === 0) return { verdict: 'Success', exitCode: 0, ...output() }
  if (first.code === REBOOT) return { verdict: 'SuccessAndReboot', exitCode: REBOOT, ...output() }
  // pluginutil.GetStatus: whatever ends with 137 by itself counts as timed out
  if (first.code === STOPPED) return { verdict: 'TimedOut', exitCode: STOPPED, ...output() }
  kept.stderr.add(Buffer.from(`failed to run commands: ${first.why}`))
  return { verdict: 'Failed', exitCode: first.code, ...output() }
}

function stopped(timeoutMs: number, cancel: AbortSignal) {
  let timer: NodeJS.Timeout | undefined
  let onCancel: (() => void) | undefined
  const reached = new Promise<'TimedOut' | 'Cancelled'>(resolve => {
    // a timer holds 2^31 ms at most; executionTimeout is at most 48 hours
    timer = setTimeout(() => resolve('TimedOut'), timeoutMs)
    onCancel = () => resolve('Cancelled')
    if (cancel.aborted) resolve('Cancelled')
    else cancel.addEventListener('abort', onCancel)
  })
  return {
    reached,
    clear() {
      clearTimeout(timer)
      if (onCancel) cancel.removeEventListener('abort', onCancel)
    },
  }
}

function collected() {
  const chunks: Buffer[] = []
  let size = 0
  return {
    add(bytes: Buffer) {
      if (size < KEPT_BYTES) chunks.push(bytes)
      size += bytes.length
    },
    bytes: () => Buffer.concat(chunks),
  }
}

function startProblem(error: Error, workingDirectory: string): string {
  // Node says the program's name also when it is the folder that is missing; Go says the folder
  return error.message.includes('ENOENT') ? `chdir ${workingDirectory}: no such file or directory` : error.message
}

function goName(signal: NodeJS.Signals): string {
  const names: Partial<Record<NodeJS.Signals, string>> = {
    SIGKILL: 'killed',
    SIGTERM: 'terminated',
    SIGSEGV: 'segmentation fault',
    SIGABRT: 'aborted',
    SIGINT: 'interrupt',
    SIGHUP: 'hangup',
    SIGPIPE: 'broken pipe',
  }
  return names[signal] ?? signal
}
