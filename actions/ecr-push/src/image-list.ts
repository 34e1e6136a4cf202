import { resolve } from 'node:path'
import { InputError, InputReader, type RunnerEnvironment } from '@aws-deploy-actions/action-runtime'
import { checkSourceImage, type RepositoryName } from '@aws-deploy-actions/container-registry'
import { isMap, isScalar, isSeq, parseDocument, type YAMLMap } from 'yaml'
import { givenBuildInputs, IMAGE_KEYS, type ImageInputs, kindOf, readBuild, readRepository } from './image-inputs.ts'

/** The images of the step: the entries of `images`, else the one that the other inputs describe. */
export function readImages(input: InputReader, environment: RunnerEnvironment): ImageInputs[] {
  const archive = input.optional('archive')
  const from = input.parsed('source-image', text => {
    checkSourceImage(text)
    return text
  })
  const promotes = input.optional('source-image') !== undefined
  const several = input.verbatim('images').trim() !== ''
  const builds = archive === undefined && !promotes && !several
  const build = readBuild(input, environment, builds)
  const others = [
    ...(several ? ['images'] : []),
    ...(archive === undefined ? [] : ['archive']),
    ...(promotes ? ['source-image'] : []),
  ]
  const [mode] = others
  for (const name of others.slice(1)) input.conflict(name, `excludes ${mode}; allowed is one of both`)
  if (mode !== undefined)
    for (const name of givenBuildInputs(build))
      if (mode !== 'images' || name !== 'build-args') input.conflict(name, belongs(mode))
  if (several) {
    if (input.optional('repository') !== undefined) input.conflict('repository', belongs('images'))
    return readEntries(input, environment, build.buildArgs)
  }
  const repository = readRepository(input)
  if (archive !== undefined) {
    const path = resolve(environment.workspace, archive)
    if (kindOf(path) !== 'file')
      input.problem('archive', archive, 'there is no such file; allowed is the path of an image archive')
    return [{ repository, source: { kind: 'archive', path } }]
  }
  return [{ repository, source: promotes ? { kind: 'promotion', reference: from ?? '' } : build }]
}

function belongs(mode: string): string {
  if (mode === 'images') return 'belongs into the entries of images; allowed is one of both'
  const done = mode === 'archive' ? 'archive is pushed' : 'source-image is copied'
  return `is for building, where ${done} as it is; allowed is one of both`
}

/**
 * Every entry is read as the inputs of the step are; its problems name it by number and repository.
 * @param buildArgs of the step: for every entry that does not set them itself
 */
function readEntries(
  input: InputReader,
  environment: RunnerEnvironment,
  buildArgs: ReadonlyMap<string, string>,
): ImageInputs[] {
  const images: ImageInputs[] = []
  const numbers = new Map<ImageInputs, number>()
  for (const [index, entry] of listedEntries(input).entries()) {
    const called = entry?.texts.get('repository') ?? ''
    const tell = (problem: string): void =>
      input.conflict('images', `entry ${index + 1}${called === '' ? '' : ` (${called})`}: ${problem}`)
    if (entry === undefined) {
      tell('is no map; allowed are keys and values such as "repository: team/app"')
      continue
    }
    for (const problem of entry.problems) tell(problem)
    for (const key of entry.texts.keys()) {
      if (!IMAGE_KEYS.some(known => known === key)) tell(`${key}: is unknown; allowed are ${IMAGE_KEYS.join(', ')}`)
    }
    const reader = new InputReader({
      INPUT_REGISTRY: input.verbatim('registry'),
      ...Object.fromEntries([...entry.texts].map(([key, value]) => [`INPUT_${key.toUpperCase()}`, value])),
    })
    const source = readBuild(reader, environment, true)
    const image = {
      repository: readRepository(reader),
      source: { ...source, buildArgs: new Map([...buildArgs, ...source.buildArgs]) },
    }
    for (const { input: key, problem } of problemsOf(reader)) tell(`${key}: ${problem}`)
    const earlier = images.find(({ repository }) => mayBeSame(repository, image.repository, input))
    if (earlier !== undefined) {
      const number = (numbers.get(earlier) ?? 0) + 1
      tell(`repository: is that of entry ${number} too; allowed is one image each, or full URIs that tell them apart`)
    }
    numbers.set(image, index)
    images.push(image)
  }
  return images
}

/** One name is two repositories only in two regions or accounts; a name alone is in those of the step. */
function mayBeSame(a: RepositoryName, b: RepositoryName, input: InputReader): boolean {
  if (a.name === '' || a.name !== b.name || a.registry !== b.registry) return false
  const own = input.optional('aws-region') ?? input.variable('AWS_REGION') ?? input.variable('AWS_DEFAULT_REGION')
  const [regionOfA, regionOfB] = [a.region ?? own, b.region ?? own]
  if (a.registry === 'private' && regionOfA !== regionOfB) return false
  return a.owner === b.owner || a.owner === undefined || b.owner === undefined
}

function problemsOf(reader: InputReader): InputError['problems'] {
  try {
    reader.finish()
    return []
  } catch (error) {
    if (error instanceof InputError) return error.problems
    throw error
  }
}

interface Entry {
  readonly texts: ReadonlyMap<string, string>
  readonly problems: readonly string[]
}

/**
 * The entries as texts, in the form that inputs have: lists one entry a line, maps as KEY=VALUE. Scalars stay as they are
 * written (YAML's failsafe schema): a build arg 1.10 is not the number 1.1. Undefined for an entry that is no map.
 */
function listedEntries(input: InputReader): (Entry | undefined)[] {
  const document = parseDocument(input.verbatim('images'), { version: '1.2', schema: 'failsafe' })
  const [error] = document.errors
  // Without the text: an entry may hold secrets.
  if (error !== undefined) {
    input.conflict('images', `is not valid YAML (${error.message.split('\n')[0]}); allowed is a list of entries`)
    return []
  }
  const list = document.contents
  if (!isSeq(list) || list.items.length === 0) {
    input.conflict('images', 'is no list; allowed is a YAML list of entries such as "- repository: team/app"')
    return []
  }
  return list.items.map(item => (isMap(item) ? entryIn(item) : undefined))
}

function entryIn({ items }: YAMLMap): Entry {
  const texts = new Map<string, string>()
  const problems: string[] = []
  for (const { key, value } of items) {
    const name = scalarText(key) ?? 'a key'
    const text = inputText(value)
    if (text !== undefined) texts.set(name, text)
    else problems.push(`${name}: allowed is a text, a list of texts or a map of texts without line breaks`)
  }
  return { texts, problems }
}

function inputText(value: unknown): string | undefined {
  if (value === null) return ''
  if (isScalar(value)) return String(value.value ?? '')
  if (isSeq(value)) return joined(value.items.map(scalarText))
  if (isMap(value)) {
    return joined(
      value.items.map(({ key, value: held }) => {
        const [name, text] = [scalarText(key), held === null ? '' : scalarText(held)]
        return name === undefined || text === undefined ? undefined : `${name}=${text}`
      }),
    )
  }
  return undefined
}

function scalarText(value: unknown): string | undefined {
  if (!isScalar(value)) return undefined
  const text = String(value.value ?? '')
  return text.includes('\n') ? undefined : text
}

function joined(lines: readonly (string | undefined)[]): string | undefined {
  const known = lines.filter(line => line !== undefined)
  return known.length === lines.length ? known.join('\n') : undefined
}
