import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type InputReader, type RunnerEnvironment, runnerEnvironment } from '@aws-deploy-actions/action-runtime'
import { readRegion } from '@aws-deploy-actions/aws-clients'
import type { RepositorySettings } from '@aws-deploy-actions/container-registry'
import { CACHE_TAG } from './build-cache.ts'
import { KEY_TAG } from './content-key.ts'
import { type ImageInputs, isPublic, needsRegion } from './image-inputs.ts'
import { readImages } from './image-list.ts'
import { filledTags } from './tags.ts'

export const SEVERITIES = ['critical', 'high', 'medium', 'low'] as const

export interface Inputs {
  /** at least one */
  readonly images: readonly ImageInputs[]
  readonly maxParallel: number
  readonly tags: readonly string[]
  /** sentences about entries of `tags` that this run has no value for */
  readonly droppedTags: readonly string[]
  /** tags that nobody asked for by name: left out where the repository would refuse to move them */
  readonly optionalTags: ReadonlySet<string>
  /** tags that name the commit of the run */
  readonly commitTags: ReadonlySet<string>
  readonly push: boolean
  /** what a missing repository is created with; undefined: it is not */
  readonly create: RepositorySettings | undefined
  readonly skipUnchanged: boolean
  /** beside what was just pushed and what is protected; undefined: nothing is deleted */
  readonly keepTagged: number | undefined
  readonly protectTags: readonly string[]
  readonly cache: 'none' | 'registry' | 'gha'
  readonly scanFailOn: (typeof SEVERITIES)[number] | undefined
  readonly scanTimeoutMs: number
  readonly pushAttempts: number
  readonly timeoutMs: number
  /** of the step; ECR Public and full URIs have their own */
  readonly region: string
}

/** The default of `tags` in action.yml: what stands there was not asked for. */
const DEFAULT_TAGS = ['{sha}', 'latest']
// As in action.yml, for inputs that a workflow passes on unset: they arrive empty.
const DEFAULT_MAX_PARALLEL = 2
const DEFAULT_PUSH_ATTEMPTS = 3
const DEFAULT_TIMEOUT_MS = 1_800_000
const DEFAULT_SCAN_TIMEOUT_MS = 600_000

/**
 * What messages call the images, each by another name: the repository as it was given, and where several are called the
 * same, its region or its place in the list. Account ids have no place in reports.
 */
export function imageNames({ images, region }: Pick<Inputs, 'images' | 'region'>): string[] {
  const names = images.map(({ repository }) => repository.name)
  const places = images.map(({ repository }) => {
    const place = repository.registry === 'public' ? 'ECR Public' : (repository.region ?? region)
    return `${repository.name} in ${place}`
  })
  return names.map((name, index) => {
    if (isOnce(name, names)) return name
    const place = places[index] ?? name
    return isOnce(place, places) ? place : `${name} (${index + 1})`
  })
}

function isOnce(text: string, texts: readonly string[]): boolean {
  return texts.indexOf(text) === texts.lastIndexOf(text)
}

/** @throws InputError through the reader's `finish` */
export function readInputs(
  input: InputReader,
  environment: RunnerEnvironment = runnerEnvironment(process.env, process.cwd()),
  now = new Date(),
): Inputs {
  const { workspace } = environment
  const push = input.boolean('push', true)
  const images = readImages(input, environment)
  const region =
    (push && images.some(needsRegion)) || input.optional('aws-region') !== undefined ? readRegion(input) : ''
  const scanFailOn = input.choice('scan-fail-on', ['none', ...SEVERITIES]) ?? 'none'
  const cache = input.choice('cache', ['none', 'registry', 'gha']) ?? 'none'
  const create = readSettings(input, workspace)
  refuseForPublic(input, images, create, scanFailOn)
  if (!push && images.some(({ source }) => source.kind !== 'build')) {
    input.conflict('push', 'is false, which builds only; with archive or source-image there is nothing to build')
  }
  return {
    images,
    maxParallel: input.integer('max-parallel', 1, 100) ?? DEFAULT_MAX_PARALLEL,
    ...readTags(input, environment, now, cache),
    push,
    create: input.boolean('create-repository', false) ? create : undefined,
    skipUnchanged: input.boolean('skip-unchanged', false),
    keepTagged: input.integer('keep-tagged', 0, 10_000),
    protectTags: input.names('protect-tags'),
    cache,
    scanFailOn: scanFailOn === 'none' ? undefined : scanFailOn,
    scanTimeoutMs: input.duration('scan-timeout', DEFAULT_SCAN_TIMEOUT_MS, 1000),
    pushAttempts: input.integer('push-attempts', 1, 20) ?? DEFAULT_PUSH_ATTEMPTS,
    timeoutMs: input.duration('timeout', DEFAULT_TIMEOUT_MS, 1000),
    region,
  }
}

function readSettings(input: InputReader, workspace: string): RepositorySettings {
  const lifecyclePolicy = input.parsed('lifecycle-policy', path => {
    let text: string
    try {
      text = readFileSync(resolve(workspace, path), 'utf8')
    } catch {
      throw new Error('there is no such file; allowed is the path of a lifecycle policy as JSON')
    }
    try {
      JSON.parse(text)
    } catch {
      throw new Error('the file is not valid JSON; allowed is an ECR lifecycle policy')
    }
    return text
  })
  return {
    immutableTags: input.boolean('immutable-tags', false),
    scanOnPush: input.boolean('scan-on-push', true),
    lifecyclePolicy,
  }
}

/** ECR Public has none of these (Amazon ECR Public User Guide). */
function refuseForPublic(
  input: InputReader,
  images: readonly ImageInputs[],
  { immutableTags }: RepositorySettings,
  scanFailOn: string,
): void {
  const found = images.find(isPublic)
  if (found === undefined) return
  const refused = [
    ...(immutableTags ? ['immutable-tags'] : []),
    ...(input.optional('lifecycle-policy') === undefined ? [] : ['lifecycle-policy']),
    ...(scanFailOn === 'none' ? [] : ['scan-fail-on']),
  ]
  for (const name of refused) {
    input.conflict(name, `does not exist in ECR Public, where ${found.repository.name} is; allowed is to leave it out`)
  }
}

function readTags(
  input: InputReader,
  { sha, ref, headRef, runId, runNumber }: RunnerEnvironment,
  now: Date,
  cache: Inputs['cache'],
): Pick<Inputs, 'tags' | 'droppedTags' | 'optionalTags' | 'commitTags'> {
  const entries = input.verbatim('tags').trim() === '' ? DEFAULT_TAGS : input.names('tags')
  if (entries.length === 0) input.conflict('tags', 'is empty; allowed is one tag per line')
  const facts = { sha, ref, headRef, runId, runNumber, at: now }
  const { tags, dropped, problems } = filledTags(entries, facts)
  for (const { entry, problem } of problems) input.problem('tags', entry, problem)
  if (entries.length > 0 && tags.length === 0 && problems.length === 0) {
    input.conflict('tags', `no tag is left in this run. ${dropped.join(' ')}`)
  }
  for (const tag of tags) {
    if (cache === 'registry' && tag === CACHE_TAG) {
      input.problem('tags', tag, 'this tag is the cache with "cache: registry"; allowed is any other tag')
    }
    if (KEY_TAG.test(tag)) {
      input.problem('tags', tag, 'such tags are the keys of "skip-unchanged"; allowed is any other tag')
    }
  }
  const isDefault =
    entries.length === DEFAULT_TAGS.length && entries.every((entry, index) => entry === DEFAULT_TAGS[index])
  const ofCommit = entries.filter(entry => /\{(?:short-)?sha\}/.test(entry))
  return {
    tags,
    droppedTags: dropped,
    optionalTags: new Set(isDefault ? ['latest'] : []),
    commitTags: new Set(filledTags(ofCommit, facts).tags),
  }
}
