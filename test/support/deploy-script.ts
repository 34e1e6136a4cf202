import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ComposeDeploy, type HostResult, hostResult, hostScript } from '@aws-deploy-actions/compose-host'

export type ScriptDeploy = Pick<ComposeDeploy, 'directory' | 'env'> & Partial<ComposeDeploy>

/** With everything that is not given as a test wants it. */
export function wholeDeploy(given: ScriptDeploy): ComposeDeploy {
  return {
    operation: 'deploy',
    composeFiles: [],
    services: [],
    envFile: '.env',
    envFrom: new Map(),
    gitRef: undefined,
    gitRepository: undefined,
    registryLogin: 'none',
    before: '',
    after: '',
    recreate: 'changed',
    healthUrl: undefined,
    healthTimeoutMs: 20_000,
    rollback: true,
    prune: true,
    keepReleases: 2,
    lockTimeoutMs: 5000,
    timeoutMs: 600_000,
    holder: 'acme/shop run 1/1 by alice',
    region: 'eu-west-1',
    follow: false,
    ...given,
  }
}

/** Runs the script that a command carries as the agent does, without Systems Manager; returns what it said. */
export async function deployScript(
  deploy: ScriptDeploy,
  environment: Readonly<Record<string, string>>,
): Promise<HostResult | undefined> {
  return hostResult(await (await startDeployScript(deploy, environment)).output)
}

/**
 * The same under way. `kill` ends it as the agent does at a cancel: its process group, outright. `signal` goes to its
 * first process alone.
 */
export async function startDeployScript(
  deploy: ScriptDeploy,
  environment: Readonly<Record<string, string>>,
): Promise<{ readonly output: Promise<string>; kill(): void; signal(name: NodeJS.Signals): void }> {
  const folder = await mkdtemp(join(tmpdir(), 'script-'))
  const script = join(folder, '_script.sh')
  await writeFile(script, hostScript(wholeDeploy(deploy)), { mode: 0o700 })
  const program = spawn('sh', ['-c', script], { env: environment, detached: true, stdio: ['ignore', 'pipe', 'ignore'] })
  let stdout = ''
  program.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  const ended = async (): Promise<string> => {
    await once(program, 'close')
    await rm(folder, { recursive: true, force: true })
    return stdout
  }
  return {
    output: ended(),
    kill: () => {
      if (program.pid !== undefined) process.kill(-program.pid, 'SIGKILL')
    },
    signal: name => void program.kill(name),
  }
}

/** A folder with the docker that only remembers, for PATH. */
export async function fakeDockerTools(folder: string): Promise<string> {
  const tools = join(folder, 'tools')
  await mkdir(tools, { recursive: true })
  // copies the mode too
  await copyFile(new URL('fake-docker.sh', import.meta.url), join(tools, 'docker'))
  return tools
}
