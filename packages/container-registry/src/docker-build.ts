import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure, type Log } from '@aws-deploy-actions/action-runtime'
import { docker, lastWords } from './docker-cli.ts'

/** What is built, in docker's own terms. */
export interface DockerBuild {
  /** a folder, or a URL that docker can clone */
  readonly context: string
  /** path of the Dockerfile; undefined: docker's own default in the context */
  readonly file: string | undefined
  readonly target: string | undefined
  readonly buildArgs: ReadonlyMap<string, string>
  readonly labels: ReadonlyMap<string, string>
  /** seconds since the epoch that reproducible builds date files with; undefined: docker's own choice */
  readonly sourceDateEpoch: number | undefined
}

/** What a build runs in. */
export interface DockerContext {
  readonly log: Log
  readonly signal: AbortSignal
  /** from dockerFolder: what docker leaves during the step */
  readonly folder: string
  /** folder that relative paths start from */
  readonly workspace: string
}

/**
 * Builds an image with the user's own docker configuration (private base images, builders, plugins), with BuildKit where
 * the CLI has it, else with the classic builder.
 *
 * @returns the image's id: the digest of its config, or of its manifest with the containerd image store
 * @throws Failure with docker's last words
 */
export async function dockerBuild(
  build: DockerBuild,
  { log, signal, folder, workspace }: DockerContext,
): Promise<string> {
  const idFile = join(folder, 'image-id')
  const buildKit = await hasBuildKit(signal)
  const result = await docker({
    arguments: buildArguments(build, idFile, buildKit),
    environment: build.sourceDateEpoch === undefined ? {} : { SOURCE_DATE_EPOCH: String(build.sourceDateEpoch) },
    folder: workspace,
    signal,
    log,
  })
  if (result.exitCode !== 0) throw buildFailure(build, result.exitCode, lastWords(result), buildKit)
  return (await readFile(idFile, 'utf8')).trim()
}

/** The argument vector of `docker build`. */
export function buildArguments(build: DockerBuild, idFile: string, buildKit: boolean): string[] {
  const { context, file, target, buildArgs, labels, sourceDateEpoch } = build
  // BuildKit hands SOURCE_DATE_EPOCH from the environment to every build; the classic builder only as an argument.
  const epoch =
    sourceDateEpoch === undefined || buildKit || buildArgs.has('SOURCE_DATE_EPOCH')
      ? []
      : ['--build-arg', `SOURCE_DATE_EPOCH=${sourceDateEpoch}`]
  return [
    'build',
    // With a builder in a container the image would otherwise stay there.
    ...(buildKit ? ['--load'] : []),
    '--iidfile',
    idFile,
    ...(file === undefined ? [] : ['--file', file]),
    ...(target === undefined ? [] : ['--target', target]),
    ...[...buildArgs].flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
    ...epoch,
    ...[...labels].flatMap(([name, value]) => ['--label', `${name}=${value}`]),
    '--',
    context,
  ]
}

async function hasBuildKit(signal: AbortSignal): Promise<boolean> {
  if (process.env['DOCKER_BUILDKIT'] === '0') return false
  const { exitCode } = await docker({ arguments: ['buildx', 'version'], signal })
  return exitCode === 0
}

function buildFailure({ context }: DockerBuild, exitCode: number, said: string, buildKit: boolean): Failure {
  const engine =
    /Cannot connect to the Docker daemon|error during connect|permission denied while trying to connect/.test(said)
  const needsBuildKit =
    !buildKit &&
    /the --\S+ (?:option|flag) requires BuildKit|Unknown flag: (?:mount|link|chmod|security|network)/i.test(said)
  return new Failure(`docker build ended with exit code ${exitCode}.`, {
    resource: context,
    said,
    ...(engine ? { cause: 'No Docker Engine answers on this runner.' } : {}),
    ...(needsBuildKit ? { cause: 'The Dockerfile needs BuildKit, which this docker does not have.' } : {}),
    next: [
      engine
        ? 'Run the step on a runner with Docker (ubuntu-latest has it), or hand over an image archive with "archive".'
        : needsBuildKit
          ? 'Install the buildx plugin (docker/setup-buildx-action) before this step.'
          : 'The build’s own output above has the reason.',
    ],
  })
}
