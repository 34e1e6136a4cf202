import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { RunnerEnvironment } from '@aws-deploy-actions/action-runtime'

/**
 * When the run's commit was made, in seconds since the epoch: the same for every build of one commit, and what
 * SOURCE_DATE_EPOCH stands for. A SOURCE_DATE_EPOCH that is set already wins; undefined where git cannot tell.
 * @throws the reason of the signal
 */
export async function commitTime(
  { sha, workspace, variables }: RunnerEnvironment,
  signal: AbortSignal,
): Promise<number | undefined> {
  const given = variables['SOURCE_DATE_EPOCH']
  if (given !== undefined && /^\d+$/.test(given)) return Number(given)
  if (sha === undefined) return undefined
  // The checkout may belong to another user than the step (containers), which git takes for an attack.
  const words = ['-c', 'safe.directory=*', 'log', '-1', '--no-show-signature', '--format=%ct', sha, '--']
  try {
    const options = { cwd: workspace, timeout: 10_000, signal, killSignal: 'SIGKILL' } as const
    const { stdout } = await promisify(execFile)('git', words, options)
    return /^\d+$/.test(stdout.trim()) ? Number(stdout.trim()) : undefined
  } catch {
    signal.throwIfAborted()
    // No git, no checkout, or a commit that was not fetched: the label is left out, nothing depends on it.
    return undefined
  }
}

/** Labels by the OCI image spec, "Pre-Defined Annotation Keys". @param time seconds since the epoch */
export function ociLabels(
  { sha, serverUrl, repository }: RunnerEnvironment,
  time: number | undefined,
): Map<string, string> {
  const labels = new Map<string, string>()
  if (sha !== undefined) labels.set('org.opencontainers.image.revision', sha)
  if (repository !== undefined) {
    labels.set('org.opencontainers.image.source', `${serverUrl ?? 'https://github.com'}/${repository}`)
  }
  if (time !== undefined) {
    labels.set('org.opencontainers.image.created', new Date(time * 1000).toISOString().replace('.000Z', 'Z'))
  }
  return labels
}
