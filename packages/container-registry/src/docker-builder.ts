import { Failure } from '@aws-deploy-actions/action-runtime'
import { docker } from './docker-cli.ts'

/** What builds. */
export type Builder =
  | { readonly kind: 'classic' }
  /** @property driver buildx's name for where BuildKit runs: `docker` (in the Engine), `docker-container`, `remote`, … */
  | { readonly kind: 'buildx'; readonly driver: string }

/** buildx with the builder that the user selected, where it is installed and not switched off; else the classic builder. */
export async function selectedBuilder(
  signal: AbortSignal,
  environment: Readonly<Record<string, string>> = {},
): Promise<Builder> {
  if (process.env['DOCKER_BUILDKIT'] === '0') return { kind: 'classic' }
  const { exitCode } = await docker({ arguments: ['buildx', 'version'], environment, signal })
  if (exitCode !== 0) return { kind: 'classic' }
  const { stdout } = await docker({ arguments: ['buildx', 'inspect'], environment, signal })
  return { kind: 'buildx', driver: /^Driver:\s*(\S+)/m.exec(stdout)?.[1] ?? 'docker' }
}

/** The image of this builder goes straight to a registry; otherwise docker pushes it from the Engine. */
export function pushesByItself(builder: Builder): boolean {
  return builder.kind === 'buildx' && builder.driver !== 'docker'
}

/** @param wanted inputs that the classic builder does not have; nothing is thrown when there are none */
export function buildKitMissing(wanted: readonly string[]): Failure | undefined {
  if (wanted.length === 0) return undefined
  const off = process.env['DOCKER_BUILDKIT'] === '0'
  return new Failure(`${wanted.join(', ')}: this needs BuildKit, which docker does not have here. Nothing was built.`, {
    cause: off ? 'DOCKER_BUILDKIT=0 switches BuildKit off.' : 'docker has no buildx plugin on this runner.',
    next: [off ? 'Take DOCKER_BUILDKIT=0 away.' : 'Install buildx (docker/setup-buildx-action) before this step.'],
  })
}
