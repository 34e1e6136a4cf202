import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { InputReader, RunnerEnvironment } from '@aws-deploy-actions/action-runtime'
import { type BuildSecret, parseRepositoryName, type RepositoryName } from '@aws-deploy-actions/container-registry'
import { readSecrets } from './build-secrets.ts'

/** One image: where it comes from and where it goes. */
export interface ImageInputs {
  readonly repository: RepositoryName
  readonly source: Source
}

export type Source =
  | { readonly kind: 'archive'; readonly path: string }
  /** @property reference as it was given */
  | { readonly kind: 'promotion'; readonly reference: string }
  | BuildSource

export interface BuildSource {
  readonly kind: 'build'
  readonly context: string
  readonly file: string | undefined
  readonly target: string | undefined
  readonly buildArgs: ReadonlyMap<string, string>
  readonly secrets: readonly BuildSecret[]
  readonly contexts: ReadonlyMap<string, string>
  readonly platforms: readonly string[]
  readonly labels: ReadonlyMap<string, string>
  readonly pull: boolean
  readonly noCache: boolean
}

/** ECR Public has one region, and the address of a private repository names its own. */
export function needsRegion({ repository, source }: ImageInputs): boolean {
  if (source.kind === 'promotion' && source.reference.startsWith('ecr:')) return true
  return repository.registry === 'private' && repository.region === undefined
}

export function isPublic({ repository }: ImageInputs): boolean {
  return repository.registry === 'public'
}

/** What an entry of `images` may hold. */
export const IMAGE_KEYS = [
  'repository',
  'registry',
  'context',
  'file',
  'target',
  'build-args',
  'build-secrets',
  'build-contexts',
  'platforms',
  'labels',
  'pull',
  'no-cache',
] as const

export function readRepository(input: InputReader): RepositoryName {
  const registry = input.choice('registry', ['private', 'public']) ?? 'private'
  const text = input.required('repository', 'allowed is a repository name such as team/app or a full URI')
  const nowhere = { registry, name: '', owner: undefined, region: undefined, uri: undefined }
  return text === '' ? nowhere : (input.parsed('repository', name => parseRepositoryName(name, registry)) ?? nowhere)
}

/** @param checked whether what the build reads has to be there */
export function readBuild(input: InputReader, environment: RunnerEnvironment, checked: boolean): BuildSource {
  const { workspace, variables } = environment
  const context = input.optional('context') ?? '.'
  const file = input.optional('file')
  if (checked && isFolderPath(context)) checkBuildFiles(input, workspace, context, file)
  const contexts = input.map('build-contexts')
  for (const [name, place] of contexts) {
    if (!/^[\w+.-]+:/.test(place) && !place.startsWith('git@') && kindOf(resolve(workspace, place)) !== 'folder') {
      input.problem('build-contexts', `${name}=${place}`, 'there is no such folder; allowed is NAME=FOLDER or NAME=URL')
    }
  }
  return {
    kind: 'build',
    context,
    file,
    target: input.optional('target'),
    buildArgs: input.map('build-args'),
    secrets: readSecrets(input, variables, path => kindOf(resolve(workspace, path)) === 'file'),
    contexts,
    platforms: readPlatforms(input),
    labels: input.map('labels'),
    pull: input.boolean('pull', false),
    noCache: input.boolean('no-cache', false),
  }
}

/** The build inputs that are given, by name. */
export function givenBuildInputs(build: BuildSource): string[] {
  return [
    ...(build.context === '.' ? [] : ['context']),
    ...(build.file === undefined ? [] : ['file']),
    ...(build.target === undefined ? [] : ['target']),
    ...(build.buildArgs.size === 0 ? [] : ['build-args']),
    ...(build.secrets.length === 0 ? [] : ['build-secrets']),
    ...(build.contexts.size === 0 ? [] : ['build-contexts']),
    ...(build.platforms.length === 0 ? [] : ['platforms']),
    ...(build.labels.size === 0 ? [] : ['labels']),
    ...(build.pull ? ['pull'] : []),
    ...(build.noCache ? ['no-cache'] : []),
  ]
}

/** One a line, or with commas as docker takes them. */
function readPlatforms(input: InputReader): string[] {
  const platforms = input.names('platforms').flatMap(line => line.split(',').map(entry => entry.trim()))
  for (const platform of platforms) {
    if (!/^[a-z0-9]+\/[a-z0-9_]+(?:\/[a-z0-9._]+)?$/.test(platform)) {
      input.problem('platforms', platform, 'allowed is OS/ARCHITECTURE such as linux/arm64')
    }
  }
  return [...new Set(platforms)]
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
export function defaultFile(context: string): string {
  return `${context}/Dockerfile`
}

/** docker build clones anything else by itself. */
export function isFolderPath(context: string): boolean {
  return !/^(?:https?:\/\/|git:\/\/|ssh:\/\/|git@)/.test(context)
}

export function kindOf(path: string): 'file' | 'folder' | undefined {
  const found = statSync(path, { throwIfNoEntry: false })
  return found?.isFile() ? 'file' : found?.isDirectory() ? 'folder' : undefined
}
