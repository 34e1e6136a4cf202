import { spawn } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import type { Timing } from './timing.ts'

export interface StepProcess {
  readonly command: string
  readonly args: readonly string[]
  readonly folder: string
  readonly environment: Readonly<Record<string, string>>
  /** a line of its output or of its error output, as it comes */
  readonly onLine: (line: string) => void
  /** ends it: politely first, as on cancel */
  readonly stop: AbortSignal
  /** ends it at once */
  readonly kill: AbortSignal
  readonly timing: Timing
}

/**
 * Runs a process as the runner does: on cancel SIGINT to the process alone, SIGTERM 7.5 s later, and 2.5 s after that
 * the end of the whole tree (actions/runner, ProcessInvoker).
 * @returns its exit code; 128 and the signal's number when a signal ended it, as shells count
 */
export async function runStepProcess(options: StepProcess): Promise<number> {
  const { stop, kill, timing } = options
  const child = spawn(options.command, options.args, {
    cwd: options.folder,
    env: options.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own: a Ctrl-C in the terminal is for the rehearsal, which passes it on in its own way.
    detached: true,
  })
  const timers: NodeJS.Timeout[] = []
  const endTree = (): void => {
    if (child.pid === undefined) return
    try {
      process.kill(-child.pid, 'SIGKILL')
    } catch {
      // It has ended.
    }
  }
  const interrupt = (): void => {
    child.kill('SIGINT')
    timers.push(setTimeout(() => child.kill('SIGTERM'), timing.interrupt))
    timers.push(setTimeout(endTree, timing.interrupt + timing.terminate))
  }
  stop.addEventListener('abort', interrupt, { once: true })
  kill.addEventListener('abort', endTree, { once: true })
  const lines = [child.stdout, child.stderr].map(stream => lineReader(options.onLine, stream.setEncoding('utf8')))
  try {
    return await new Promise<number>((settle, fail) => {
      child.once('error', fail)
      child.once('spawn', () => {
        if (stop.aborted) interrupt()
        if (kill.aborted) endTree()
      })
      child.once('exit', (code, signal) => {
        const exitCode = code ?? 128 + (signal === null ? 0 : (SIGNALS[signal] ?? 0))
        // A child left in the background may hold the pipes: the runner waits 5 s for them (ProcessInvoker).
        const patience = setTimeout(() => {
          child.stdout.destroy()
          child.stderr.destroy()
        }, 5000)
        child.once('close', () => {
          clearTimeout(patience)
          settle(exitCode)
        })
      })
    })
  } finally {
    for (const rest of lines) rest()
    for (const timer of timers) clearTimeout(timer)
    stop.removeEventListener('abort', interrupt)
    kill.removeEventListener('abort', endTree)
  }
}

const SIGNALS: Readonly<Partial<Record<NodeJS.Signals, number>>> = { SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }

/** @returns a function that gives the last line, if it had no end */
function lineReader(onLine: (line: string) => void, stream: NodeJS.ReadableStream): () => void {
  let rest = ''
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split(/\r?\n/)
    rest = lines.pop() ?? ''
    for (const line of lines) onLine(line)
  })
  return () => {
    if (rest !== '') onLine(rest)
    rest = ''
  }
}

/**
 * Ends what steps left running, by the mark in their environment, as the runner does when a job ends
 * (actions/runner, JobExtension: `Terminate orphan process`).
 * @returns what was ended, as `pid (name)`
 */
export async function endOrphans(trackingId: string): Promise<string[]> {
  const ended: string[] = []
  for (const pid of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(pid)) continue
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
    if (!environment.split('\0').includes(`RUNNER_TRACKING_ID=${trackingId}`)) continue
    const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '?')
    try {
      process.kill(Number(pid), 'SIGKILL')
      ended.push(`${pid} (${name.trim()})`)
    } catch {
      // It has ended by itself.
    }
  }
  return ended
}
