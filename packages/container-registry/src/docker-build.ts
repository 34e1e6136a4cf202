import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure, type Log } from '@aws-deploy-actions/action-runtime'
import { buildName } from './build-name.ts'
import { isDigest, isRecord } from './content.ts'
import { buildFailure } from './docker-build-failure.ts'
import type { Builder } from './docker-builder.ts'
import { docker, lastWords } from './docker-cli.ts'
import type { PushTarget } from './docker-push.ts'

/** What is built, in docker's own terms. */
export interface DockerBuild {
  /** a folder, or a URL that docker can clone */
  readonly context: string
  /** path of the Dockerfile; undefined: docker's own default in the context */
  readonly file: string | undefined
  readonly target: string | undefined
  readonly buildArgs: ReadonlyMap<string, string>
  readonly labels: ReadonlyMap<string, string>
  readonly secrets: readonly BuildSecret[]
  /** name → folder, URL or `docker-image://…` */
  readonly contexts: ReadonlyMap<string, string>
  /** `linux/arm64`, …; empty: the builder's own */
  readonly platforms: readonly string[]
  readonly pull: boolean
  readonly noCache: boolean
  /** seconds since the epoch that reproducible builds date files with; undefined: docker's own choice */
  readonly sourceDateEpoch: number | undefined
}

/** A secret of a build: its value, or where BuildKit reads it. */
export type BuildSecret =
  | { readonly id: string; readonly value: string }
  | { readonly id: string; readonly from: 'env' | 'src'; readonly name: string }

/** Where the built image goes. */
export type BuildOutput =
  /** into the Engine; undefined: under {@link buildName}, from which dockerPush takes it */
  | { readonly to: 'engine'; readonly name: string | undefined }
  /** to a repository, under no tag */
  | ({ readonly to: 'repository' } & PushTarget)
  | { readonly to: 'nowhere' }

export type BuildCache =
  | { readonly kind: 'none' }
  /** @property reference tag that holds the cache */
  | { readonly kind: 'registry'; readonly reference: string }
  /** @property scope keeps the caches of several images apart */
  | { readonly kind: 'gha'; readonly scope: string }

/** What a build runs in. */
export interface DockerContext {
  readonly log: Log
  readonly signal: AbortSignal
  /** a folder of this build for what docker leaves; inside one from dockerFolder */
  readonly folder: string
  /** folder that relative paths start from */
  readonly workspace: string
  readonly environment: Readonly<Record<string, string>>
}

/**
 * Every digest that a registry may know the built image by: its id, and what buildx says of its manifest and its config.
 * For comparison only.
 */
export async function builtDigests(imageId: string, folder: string): Promise<ReadonlySet<string>> {
  const metadata = await metadataIn(join(folder, 'metadata.json')).catch((): Record<string, unknown> => ({}))
  const said = [metadata['containerimage.digest'], metadata['containerimage.config.digest']]
  return new Set([imageId, ...said.filter(digest => typeof digest === 'string').filter(isDigest)])
}

/**
 * Builds an image. Values of secrets reach BuildKit through the environment of docker, so that they stand in no argument
 * and no file.
 *
 * @returns the image's id in the Engine (digest of its config, or of its manifest with the containerd image store), the
 *   digest in the repository, or undefined where it goes nowhere
 * @throws Failure with docker's last words; PermissionError, RegistryUnavailable when BuildKit could not push
 */
export async function dockerBuild(
  build: DockerBuild,
  output: BuildOutput,
  cache: BuildCache,
  builder: Builder,
  { log, signal, folder, workspace, environment }: DockerContext,
): Promise<string | undefined> {
  const files = { id: join(folder, 'image-id'), metadata: join(folder, 'metadata.json') }
  const named = output.to === 'engine' ? { ...output, name: output.name ?? buildName(folder) } : output
  const result = await docker({
    arguments: buildArguments(build, named, cache, builder, files),
    environment: {
      ...environment,
      ...(build.sourceDateEpoch === undefined ? {} : { SOURCE_DATE_EPOCH: String(build.sourceDateEpoch) }),
      ...secretVariables(build.secrets),
    },
    folder: workspace,
    signal,
    log,
  })
  if (result.exitCode !== 0) throw buildFailure(build, output, builder, result.exitCode, lastWords(result))
  if (output.to === 'nowhere') return undefined
  return output.to === 'engine' ? (await readFile(files.id, 'utf8')).trim() : pushedDigest(files.metadata)
}

/** The argument vector of docker for a build. */
export function buildArguments(
  build: DockerBuild,
  output: BuildOutput,
  cache: BuildCache,
  builder: Builder,
  files: { readonly id: string; readonly metadata: string },
): string[] {
  const { context, file, target, buildArgs, labels, platforms, pull, noCache, sourceDateEpoch } = build
  const buildx = builder.kind === 'buildx'
  // buildx hands SOURCE_DATE_EPOCH from the environment to every build; the classic builder only as an argument.
  const epoch =
    sourceDateEpoch === undefined || buildx || buildArgs.has('SOURCE_DATE_EPOCH') ? undefined : sourceDateEpoch
  return [
    ...(buildx ? ['buildx', 'build', ...buildxArguments(build, output, cache, files.metadata)] : ['build']),
    // Also read when the build fails: it ties the process to its folder.
    '--iidfile',
    files.id,
    ...(output.to === 'engine' && output.name !== undefined ? ['--tag', output.name] : []),
    ...(file === undefined ? [] : ['--file', file]),
    ...(target === undefined ? [] : ['--target', target]),
    ...(platforms.length === 0 ? [] : ['--platform', platforms.join(',')]),
    ...(pull ? ['--pull'] : []),
    ...(noCache ? ['--no-cache'] : []),
    ...pairs('--build-arg', buildArgs),
    ...(epoch === undefined ? [] : ['--build-arg', `SOURCE_DATE_EPOCH=${epoch}`]),
    ...pairs('--label', labels),
    '--',
    context,
  ]
}

function buildxArguments(
  { secrets, contexts }: DockerBuild,
  output: BuildOutput,
  cache: BuildCache,
  metadata: string,
): string[] {
  return [
    // An attestation holds times and turns every image into an index: the digest would differ from build to build.
    '--provenance=false',
    '--metadata-file',
    metadata,
    ...(output.to === 'engine' ? ['--load'] : ['--output', outputText(output)]),
    ...secrets.flatMap((secret, index) => ['--secret', secretText(secret, index)]),
    ...pairs('--build-context', contexts),
    ...cacheArguments(cache),
  ]
}

function outputText(output: Exclude<BuildOutput, { to: 'engine' }>): string {
  return output.to === 'nowhere'
    ? 'type=cacheonly'
    : `type=image,name=${output.address},push=true,push-by-digest=true,name-canonical=true`
}

// A cache that could not be written is no reason to lose a good image. ECR takes a cache only in the form of an OCI image
// (AWS Containers Blog, "Announcing remote cache support in Amazon ECR for BuildKit clients").
function cacheArguments(cache: BuildCache): string[] {
  if (cache.kind === 'none') return []
  const [from, to] =
    cache.kind === 'registry'
      ? [
          `type=registry,ref=${cache.reference}`,
          `type=registry,ref=${cache.reference},image-manifest=true,oci-mediatypes=true`,
        ]
      : [`type=gha,scope=${cache.scope}`, `type=gha,scope=${cache.scope}`]
  return ['--cache-from', from, '--cache-to', `${to},mode=max,ignore-error=true`]
}

function secretText(secret: BuildSecret, index: number): string {
  return 'value' in secret
    ? `id=${secret.id},env=${secretVariable(index)}`
    : `id=${secret.id},${secret.from}=${secret.name}`
}

function secretVariables(secrets: readonly BuildSecret[]): Record<string, string> {
  return Object.fromEntries(
    secrets.flatMap((secret, index) => ('value' in secret ? [[secretVariable(index), secret.value]] : [])),
  )
}

function secretVariable(index: number): string {
  return `ECR_PUSH_BUILD_SECRET_${index}`
}

function pairs(option: string, entries: ReadonlyMap<string, string>): string[] {
  return [...entries].flatMap(([name, value]) => [option, `${name}=${value}`])
}

/** buildx says in its metadata what it pushed (docs.docker.com, "docker buildx build", --metadata-file). */
async function pushedDigest(path: string): Promise<string> {
  const digest = (await metadataIn(path))['containerimage.digest']
  if (typeof digest === 'string' && isDigest(digest)) return digest
  throw new Failure('buildx did not say which image it pushed.', {
    next: ['Use a newer buildx (docker/setup-buildx-action).'],
  })
}

async function metadataIn(path: string): Promise<Record<string, unknown>> {
  const metadata: unknown = JSON.parse(await readFile(path, 'utf8'))
  return isRecord(metadata) ? metadata : {}
}
