import { spawn } from 'node:child_process'
import { StringDecoder } from 'node:string_decoder'
import { Failure, type Log } from '@aws-deploy-actions/action-runtime'

export interface DockerCall {
  readonly arguments: readonly string[]
  readonly signal: AbortSignal
  /** replaces the variables of our own environment */
  readonly environment?: Readonly<Record<string, string>>
  /** the child's standard input; default: none */
  readonly input?: string
  readonly folder?: string
  /** shows what docker prints, as it comes; default: it is only returned */
  readonly log?: Log
}

export interface DockerResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** After a polite SIGTERM; the runner leaves 7.5 s in all for a cancelled step. */
const KILL_AFTER_MS = 2000
const KEPT_CHARACTERS = 64 * 1024

/**
 * Runs the docker CLI; arguments reach it as they are, no shell is involved. When the signal aborts, docker and its
 * plugins are told to stop and are gone before this throws.
 *
 * @throws Failure when there is no docker; the signal's reason. A failed command is no error here: see `exitCode`.
 */
export async function docker(call: DockerCall): Promise<DockerResult> {
  call.signal.throwIfAborted()
  // A process group of its own, so that docker's plugins (buildx) can be stopped with it.
  const child = spawn('docker', call.arguments, {
    cwd: call.folder,
    env: { ...withoutInputs(process.env), ...call.environment },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  })
  const toGroup = (signal: 'SIGTERM' | 'SIGKILL'): void => {
    if (child.pid === undefined) return
    try {
      process.kill(-child.pid, signal)
    } catch {
      // it is gone
    }
  }
  let killing: NodeJS.Timeout | undefined
  const stop = (): void => {
    toGroup('SIGTERM')
    killing = setTimeout(() => toGroup('SIGKILL'), KILL_AFTER_MS)
  }
  call.signal.addEventListener('abort', stop, { once: true })
  const stdout = new ShownOutput(call.log)
  const stderr = new ShownOutput(call.log)
  child.stdout.on('data', (chunk: Buffer) => stdout.add(chunk))
  child.stderr.on('data', (chunk: Buffer) => stderr.add(chunk))
  // docker that ends early does not read its input; its exit code tells why.
  child.stdin.on('error', () => undefined)
  child.stdin.end(call.input ?? '')
  try {
    const exitCode = await new Promise<number>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', code => resolve(code ?? 1))
    })
    call.signal.throwIfAborted()
    return { exitCode, stdout: stdout.end(), stderr: stderr.end() }
  } catch (error) {
    call.signal.throwIfAborted()
    throw new Failure('docker could not be started.', {
      said: error instanceof Error ? error.message : String(error),
      saidBy: 'The system',
      next: [
        'Run the step on a runner with Docker (ubuntu-latest has it), or hand over an image archive with "archive".',
      ],
    })
  } finally {
    call.signal.removeEventListener('abort', stop)
    if (killing !== undefined) {
      clearTimeout(killing)
      toGroup('SIGKILL')
    }
  }
}

/** Inputs may hold secrets, and docker's children have no use for them. */
function withoutInputs(variables: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !name.startsWith('INPUT_')))
}

/** Shows whole lines as they come and keeps the end of them. */
class ShownOutput {
  readonly #log: Log | undefined
  readonly #decoder = new StringDecoder('utf8')
  #kept = ''
  #rest = ''

  constructor(log: Log | undefined) {
    this.#log = log
  }

  add(chunk: Buffer): void {
    this.#show(this.#decoder.write(chunk))
  }

  end(): string {
    this.#show(this.#decoder.end())
    if (this.#rest !== '') this.#log?.outside('docker', [this.#rest])
    this.#rest = ''
    return this.#kept
  }

  #show(text: string): void {
    this.#kept = (this.#kept + text).slice(-KEPT_CHARACTERS)
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    if (this.#rest.length > KEPT_CHARACTERS) {
      lines.push(this.#rest)
      this.#rest = ''
    }
    if (lines.length > 0) this.#log?.outside('docker', lines)
  }
}

const PASSING =
  /\b(?:408|429|50[0234])\b|toomanyrequests|rate exceeded|internal server error|service unavailable|\bEOF\b|connection (?:reset|refused|timed out)|broken pipe|closed network connection|time-?out\b|deadline exceeded|temporary failure|server misbehaving|no route to host|network is unreachable|http2: |blob upload (?:unknown|invalid)|digest did not match/i

/** Whether docker or BuildKit met a fault of network or registry that passes by itself. Everything else is for good. */
export function passesByItself(said: string): boolean {
  return PASSING.test(said)
}

/** The last lines of what docker said, for an error message; not what it says of itself on every classic build. */
export function lastWords({ stdout, stderr }: DockerResult): string {
  const shown = stderr.replace(/^DEPRECATED: The legacy builder.*(?:\r?\n[ \t]+.*)*/m, '')
  const lines = (shown.trim() === '' ? stdout : shown).split(/[\r\n]+/).filter(line => line.trim() !== '')
  return lines.slice(-5).join('\n').slice(-2000)
}
