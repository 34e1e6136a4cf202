import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type ComposeDeploy, type HostResult, hostResult, hostScript } from '@aws-deploy-actions/compose-host'

/** Runs the script that a command carries as the agent does, without Systems Manager; returns what it said. */
export async function deployScript(
  deploy: Pick<ComposeDeploy, 'directory' | 'env'> & Partial<ComposeDeploy>,
  environment: Readonly<Record<string, string>>,
): Promise<HostResult | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'script-'))
  try {
    const script = join(folder, '_script.sh')
    await writeFile(
      script,
      hostScript({
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
        ...deploy,
      }),
      { mode: 0o700 },
    )
    const { stdout } = await promisify(execFile)('sh', ['-c', script], { env: environment })
    return hostResult(stdout)
  } finally {
    await rm(folder, { recursive: true, force: true })
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
