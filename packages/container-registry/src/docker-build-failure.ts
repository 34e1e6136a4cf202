import { Failure } from '@aws-deploy-actions/action-runtime'
import type { BuildOutput, DockerBuild } from './docker-build.ts'
import type { Builder } from './docker-builder.ts'
import { pushFailure } from './docker-push.ts'

/** Why a build ended, with docker's last words and what to do. */
export function buildFailure(
  { context }: DockerBuild,
  output: BuildOutput,
  builder: Builder,
  exitCode: number,
  said: string,
): Failure {
  if (
    output.to === 'repository' &&
    /failed to push|error: failed to solve: .*(?:unexpected status|authorized to perform)/i.test(said)
  ) {
    return pushFailure(said, output)
  }
  const { cause, next } = explanation(said, builder)
  return new Failure(`docker build ended with exit code ${exitCode}.`, {
    resource: context,
    said,
    saidBy: 'docker',
    ...(cause === undefined ? {} : { cause }),
    next: [next],
  })
}

function explanation(said: string, builder: Builder): { cause?: string; next: string } {
  if (/Cannot connect to the Docker daemon|error during connect|permission denied while trying to connect/.test(said)) {
    return {
      cause: 'No Docker Engine answers on this runner.',
      next: 'Run the step on a runner with Docker (ubuntu-latest has it), or hand over an image archive with "archive".',
    }
  }
  if (
    builder.kind === 'classic' &&
    /the --\S+ (?:option|flag) requires BuildKit|Unknown flag: (?:mount|link|chmod|security|network|exclude|parents|checksum)/i.test(
      said,
    )
  ) {
    return {
      cause: 'The Dockerfile needs BuildKit, which this docker does not have.',
      next: 'Install the buildx plugin (docker/setup-buildx-action) before this step.',
    }
  }
  if (
    /not supported for the docker driver|docker exporter does not (?:currently )?support exporting manifest lists/i.test(
      said,
    )
  ) {
    return {
      cause: 'The builder inside the Docker Engine does not do this; one of its own does.',
      next: 'Run docker/setup-buildx-action before this step: it makes such a builder and selects it.',
    }
  }
  return { next: 'The build’s own output above has the reason.' }
}
