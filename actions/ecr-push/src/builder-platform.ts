import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Builder } from '@aws-deploy-actions/container-registry'

/**
 * What docker builds for where no platform is asked for: the Engine's own platform, or with buildx that of the builder's
 * first node, which BuildKit lists first. Undefined where that is not told: no docker, a builder that does not run yet, or
 * one whose platforms were chosen by hand (buildx marks them with a star).
 * @throws the reason of the signal
 */
export async function builderPlatform(
  { kind }: Builder,
  environment: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string | undefined> {
  const words =
    kind === 'buildx' ? ['buildx', 'inspect'] : ['version', '--format', 'Platforms: {{.Server.Os}}/{{.Server.Arch}}']
  try {
    const { stdout } = await promisify(execFile)('docker', words, {
      env: { ...process.env, ...environment },
      timeout: 30_000,
      signal,
      killSignal: 'SIGKILL',
    })
    return firstPlatform(stdout)
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}

export function firstPlatform(told: string): string | undefined {
  return /^Platforms:[ \t]*([a-z0-9]+(?:\/[a-z0-9._]+){1,2})(?:,|\s*$)/m.exec(told)?.[1]
}
