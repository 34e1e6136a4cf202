import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { type InputReader, type RunnerEnvironment, runnerEnvironment } from '@aws-deploy-actions/action-runtime'
import { readRegion } from '@aws-deploy-actions/aws-clients'
import { parseRepositoryName, type RepositoryName } from '@aws-deploy-actions/container-registry'
import { filledTags } from './tags.ts'

/** Where the image comes from. */
export type Source =
  | { readonly kind: 'archive'; readonly path: string }
  | {
      readonly kind: 'build'
      readonly context: string
      readonly file: string | undefined
      readonly target: string | undefined
      readonly buildArgs: ReadonlyMap<string, string>
    }

export interface Inputs {
  readonly repository: RepositoryName
  readonly source: Source
  readonly tags: readonly string[]
  /** sentences about entries of `tags` that this run has no value for */
  readonly droppedTags: readonly string[]
  /** tags that nobody asked for by name: left out where the repository would refuse to move them */
  readonly optionalTags: ReadonlySet<string>
  readonly pushAttempts: number
  readonly timeoutMs: number
  /** of the step; ECR Public and full URIs have their own */
  readonly region: string
}

/** The default of `tags` in action.yml: what stands there was not asked for. */
const DEFAULT_TAGS = ['{sha}', 'latest']
const DEFAULT_TIMEOUT_MS = 1_800_000

/** @throws InputError through the reader's `finish` */
export function readInputs(
  input: InputReader,
  environment: RunnerEnvironment = runnerEnvironment(process.env, process.cwd()),
  now = new Date(),
): Inputs {
  const repository = readRepository(input)
  // ECR Public has one region, and the address of a private repository names its own.
  const needsRegion = repository.registry === 'private' && repository.region === undefined
  const region = needsRegion || input.optional('aws-region') !== undefined ? readRegion(input) : ''
  return {
    repository,
    source: readSource(input, environment.workspace),
    ...readTags(input, environment, now),
    pushAttempts: readPushAttempts(input),
    timeoutMs: input.duration('timeout', DEFAULT_TIMEOUT_MS, 1000),
    region,
  }
}

function readRepository(input: InputReader): RepositoryName {
  const registry = input.choice('registry', ['private', 'public']) ?? 'private'
  const allowed = 'allowed is a repository name such as team/app or a full URI'
  const text = input.required('repository', allowed)
  const nowhere = { registry, name: '', owner: undefined, region: undefined, uri: undefined }
  return text === '' ? nowhere : (input.parsed('repository', name => parseRepositoryName(name, registry)) ?? nowhere)
}

function readPushAttempts(input: InputReader): number {
  input.required('push-attempts', 'allowed is a whole number from 1 to 20')
  return input.integer('push-attempts', 1, 20) ?? 1
}

function readTags(
  input: InputReader,
  { sha, ref, headRef, runId, runNumber }: RunnerEnvironment,
  now: Date,
): Pick<Inputs, 'tags' | 'droppedTags' | 'optionalTags'> {
  const entries = input.names('tags')
  if (entries.length === 0) input.conflict('tags', 'is empty; allowed is one tag per line')
  const { tags, dropped, problems } = filledTags(entries, { sha, ref, headRef, runId, runNumber, at: now })
  for (const { entry, problem } of problems) input.problem('tags', entry, problem)
  if (entries.length > 0 && tags.length === 0 && problems.length === 0) {
    input.conflict('tags', `no tag is left in this run. ${dropped.join(' ')}`)
  }
  const isDefault =
    entries.length === DEFAULT_TAGS.length && entries.every((entry, index) => entry === DEFAULT_TAGS[index])
  return { tags, droppedTags: dropped, optionalTags: new Set(isDefault ? ['latest'] : []) }
}

function readSource(input: InputReader, workspace: string): Source {
  const archive = input.optional('archive')
  const context = input.optional('context') ?? '.'
  const file = input.optional('file')
  const target = input.optional('target')
  const buildArgs = input.map('build-args')
  if (archive === undefined) {
    if (isFolderPath(context)) checkBuildFiles(input, workspace, context, file)
    return { kind: 'build', context, file, target, buildArgs }
  }
  const path = resolve(workspace, archive)
  if (kindOf(path) !== 'file')
    input.problem('archive', archive, 'there is no such file; allowed is the path of an image archive')
  const given = [
    ...(context === '.' ? [] : ['context']),
    ...(file === undefined ? [] : ['file']),
    ...(target === undefined ? [] : ['target']),
    ...(buildArgs.size === 0 ? [] : ['build-args']),
  ]
  for (const name of given)
    input.conflict(name, 'is for building, where archive is pushed as it is; allowed is one of both')
  return { kind: 'archive', path }
}

function checkBuildFiles(input: InputReader, workspace: string, context: string, file: string | undefined): void {
  if (kindOf(resolve(workspace, context)) !== 'folder') {
    input.problem('context', context, 'there is no such folder; allowed is the path of a folder')
  } else if (file === undefined && kindOf(resolve(workspace, defaultFile(context))) !== 'file') {
    input.conflict('file', `is empty, and there is no ${defaultFile(context)}; allowed is the path of a Dockerfile`)
  }
  if (file !== undefined && kindOf(resolve(workspace, file)) !== 'file') {
    input.problem('file', file, 'there is no such file; allowed is the path of a Dockerfile, from the workspace on')
  }
}

// Not resolve(…, 'Dockerfile'): ncc takes that for an asset of the bundle and rewrites the path.
function defaultFile(context: string): string {
  return `${context}/Dockerfile`
}

// docker build clones these by itself.
function isFolderPath(context: string): boolean {
  return !/^(?:https?:\/\/|git:\/\/|ssh:\/\/|git@)/.test(context)
}

function kindOf(path: string): 'file' | 'folder' | undefined {
  const found = statSync(path, { throwIfNoEntry: false })
  return found?.isFile() ? 'file' : found?.isDirectory() ? 'folder' : undefined
}
