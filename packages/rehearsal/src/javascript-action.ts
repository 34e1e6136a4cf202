import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { parse } from 'yaml'
import { type Annotation, annotationsIn, fileCommandEntries } from './file-commands.ts'

export interface JavaScriptActionOptions {
  /** by the names of action.yml; those not given get action.yml's default, as on GitHub */
  readonly inputs: Readonly<Record<string, string>>
  /** added to a bare environment (PATH, HOME, LANG) */
  readonly environment?: Readonly<Record<string, string>>
  /** GITHUB_WORKSPACE and working folder; default: a fresh one, removed at the end */
  readonly workspace?: string
  /** RUNNER_TEMP; default: a fresh one, removed at the end */
  readonly temp?: string
  /** sees what main prints as it comes */
  readonly onOutput?: (text: string) => void
  /** run `post` too; default true */
  readonly post?: boolean
}

/** What one process of an action (main or post) left. */
export interface ProcessResult {
  /** null when a signal ended it */
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
  /** milliseconds */
  readonly took: number
}

/** How an action ended, and all it left behind. */
export interface JavaScriptActionResult extends ProcessResult {
  readonly outputs: Readonly<Record<string, string>>
  readonly state: Readonly<Record<string, string>>
  readonly annotations: readonly Annotation[]
  readonly summary: string
  /** the records in RUNNER_TEMP/deploy-reports, parsed */
  readonly reports: readonly unknown[]
  readonly post: ProcessResult | undefined
  readonly temp: string
}

/** An action that is running. */
export interface RunningAction {
  readonly pid: number
  /** to main's process, as the runner does on cancel */
  signal(name: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): void
  /** everything main printed so far */
  output(): string
  /** settles after post */
  readonly result: Promise<JavaScriptActionResult>
}

/**
 * Starts a JavaScript action from its committed `dist/`, as the runner does (actions/runner, NodeScriptActionHandler):
 * Node 24, `INPUT_*` with the defaults of action.yml, file commands, then `post` with `STATE_*`.
 * @param folder of the action, with action.yml
 */
export async function startJavaScriptAction(folder: string, options: JavaScriptActionOptions): Promise<RunningAction> {
  const metadata = metadataOf(parse(await readFile(join(folder, 'action.yml'), 'utf8')), folder)
  for (const name of Object.keys(options.inputs)) {
    if (!metadata.defaults.has(name)) throw new Error(`Unexpected input "${name}" for ${folder}/action.yml`)
  }
  // What the caller did not ask for is removed at the end.
  const own = await mkdtemp(join(tmpdir(), 'action-'))
  const temp = options.temp ?? join(own, 'temp')
  const workspace = options.workspace ?? join(own, 'workspace')
  const commands = join(own, 'commands')
  for (const needed of [temp, workspace, commands]) await mkdir(needed, { recursive: true })
  const files = {
    GITHUB_OUTPUT: join(commands, 'output'),
    GITHUB_STATE: join(commands, 'state'),
    GITHUB_STEP_SUMMARY: join(commands, 'summary'),
  }
  for (const file of Object.values(files)) await writeFile(file, '')
  const environment: Record<string, string> = {
    PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
    HOME: process.env['HOME'] ?? temp,
    LANG: 'C.UTF-8',
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    GITHUB_WORKSPACE: workspace,
    RUNNER_TEMP: temp,
    RUNNER_OS: 'Linux',
    RUNNER_ARCH: process.arch === 'arm64' ? 'ARM64' : 'X64',
    ...files,
    ...options.environment,
  }
  for (const [name, fallback] of metadata.defaults) {
    environment[`INPUT_${name.replace(/ /g, '_').toUpperCase()}`] = options.inputs[name] ?? fallback
  }

  const main = startProcess(join(folder, metadata.main), workspace, environment, options.onOutput)
  const result = main.ended.then(async ended => {
    const state = fileCommandEntries(await readFile(files.GITHUB_STATE, 'utf8'))
    const withState = {
      ...environment,
      ...Object.fromEntries(Object.entries(state).map(([name, value]) => [`STATE_${name}`, value])),
    }
    const post =
      metadata.post === undefined || options.post === false
        ? undefined
        : await startProcess(join(folder, metadata.post), workspace, withState).ended
    const collected = {
      ...ended,
      state,
      outputs: fileCommandEntries(await readFile(files.GITHUB_OUTPUT, 'utf8')),
      annotations: annotationsIn(ended.stdout),
      summary: await readFile(files.GITHUB_STEP_SUMMARY, 'utf8'),
      reports: await reportsIn(join(temp, 'deploy-reports')),
      post,
      temp,
    }
    await rm(own, { recursive: true, force: true })
    return collected
  })
  return { pid: main.child.pid ?? 0, signal: name => void main.child.kill(name), output: main.output, result }
}

/** Runs a JavaScript action to its end. */
export async function runJavaScriptAction(
  folder: string,
  options: JavaScriptActionOptions,
): Promise<JavaScriptActionResult> {
  return (await startJavaScriptAction(folder, options)).result
}

interface Metadata {
  readonly main: string
  readonly post: string | undefined
  readonly defaults: ReadonlyMap<string, string>
}

function metadataOf(document: unknown, folder: string): Metadata {
  const runs = member(document, 'runs')
  const main = member(runs, 'main')
  if (member(runs, 'using') !== 'node24' || typeof main !== 'string')
    throw new Error(`${folder}/action.yml is no action for node24`)
  const post = member(runs, 'post')
  const defaults = new Map<string, string>()
  for (const [name, input] of Object.entries(member(document, 'inputs') ?? {})) {
    const fallback = member(input, 'default')
    defaults.set(name, fallback === undefined || fallback === null ? '' : String(fallback))
  }
  return { main, post: typeof post === 'string' ? post : undefined, defaults }
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

function startProcess(
  script: string,
  folder: string,
  environment: Readonly<Record<string, string>>,
  onOutput?: (text: string) => void,
): { child: ChildProcessByStdio<null, Readable, Readable>; output: () => string; ended: Promise<ProcessResult> } {
  const began = performance.now()
  const child = spawn(process.execPath, [script], { cwd: folder, env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  const chunks: string[] = []
  const errors: string[] = []
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    chunks.push(text)
    onOutput?.(text)
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text))
  const ended = new Promise<ProcessResult>((settle, fail) => {
    child.once('error', fail)
    child.once('close', exitCode =>
      settle({ exitCode, stdout: chunks.join(''), stderr: errors.join(''), took: performance.now() - began }),
    )
  })
  return { child, output: () => chunks.join(''), ended }
}

async function reportsIn(folder: string): Promise<unknown[]> {
  const names = await readdir(folder).catch(() => [])
  return Promise.all(
    names.map(async (name): Promise<unknown> => JSON.parse(await readFile(join(folder, name), 'utf8'))),
  )
}
