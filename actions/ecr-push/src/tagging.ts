import { Failure } from '@aws-deploy-actions/action-runtime'
import { type Manifest, putVerified, RegistryError, RegistryUnavailable } from '@aws-deploy-actions/container-registry'
import type { Inputs } from './inputs.ts'
import type { Place } from './place.ts'
import type { ImageResult } from './result.ts'
import type { Step } from './step.ts'

/** A tag that cannot be moved holds another image. */
export class TagHeld extends Failure {
  override readonly name = 'TagHeld'
}

/** A repository, as far as a look at its tags goes. */
export interface TagHolder extends Pick<Place, 'reference' | 'keeps'> {
  readonly repository: Pick<Place['repository'], 'digestOf'>
}

/** The wanted tags, by what is left to do. */
export interface TagPlan {
  readonly put: readonly string[]
  /** tags that hold the image already, with the digest that they hold: the same for all */
  readonly present: ReadonlyMap<string, string>
}

/**
 * Looks at what the wanted tags hold now. One image may be there as several manifests (its layers compressed anew): one of
 * them counts, by preference one that cannot be moved away from its tag, and tags that hold another are to be put.
 * @param isSame whether a digest in the registry is the image that is to be pushed
 * @param image how the image is called in the message about an immutable tag
 * @throws Failure that shows both images where an immutable tag holds another one
 */
export async function tagPlan(
  place: TagHolder,
  { tags, optionalTags }: Pick<Inputs, 'tags' | 'optionalTags'>,
  step: { readonly log: Pick<Step['log'], 'notice'> },
  isSame: (digest: string) => Promise<boolean>,
  image: string,
): Promise<TagPlan> {
  const put: string[] = []
  const present = new Map<string, string>()
  const conflicts: string[] = []
  const found: { readonly tag: string; readonly keeps: boolean; readonly held: string | undefined }[] = []
  for (const tag of tags) {
    const keeps = place.keeps(tag) === true
    if (keeps && optionalTags.has(tag)) {
      step.log.notice('Tag left out', leftOut(place, tag))
      continue
    }
    found.push({ tag, keeps, held: await place.repository.digestOf(tag) })
  }
  let same: string | undefined
  for (const { held } of found.toSorted((a, b) => Number(b.keeps) - Number(a.keeps))) {
    if (same === undefined && held !== undefined && (await isSame(held))) same = held
  }
  for (const { tag, keeps, held } of found) {
    if (held === undefined) put.push(tag)
    else if (held === same) present.set(tag, held)
    else if (keeps) conflicts.push(held, tag)
    else put.push(tag)
  }
  const [held, tag] = conflicts
  if (held !== undefined && tag !== undefined) throw immutableTag(place, tag, held, image)
  if (put.length + present.size === 0) {
    throw new Failure('No tag is left to push the image under.', {
      resource: place.reference,
      next: ['Give "tags" at least one tag that is new in every run, such as {sha}.'],
    })
  }
  return { put, present }
}

/**
 * Puts a manifest under a tag. A tag that turns out to be immutable is fine when it holds this very image.
 * @returns false for an optional tag that the repository refuses to move
 */
export async function putTag(
  place: Place,
  tag: string,
  manifest: Manifest,
  { optionalTags }: Pick<Inputs, 'optionalTags'>,
  step: Step,
): Promise<boolean> {
  try {
    await putVerified(place.repository, tag, manifest)
  } catch (error) {
    if (!(error instanceof RegistryError) || !/immutable/i.test(error.details.said ?? '')) throw error
    const held = await place.repository.digestOf(tag)
    if (held !== manifest.digest) return refusedTag(place, tag, held, manifest.digest, { optionalTags }, step)
  }
  return true
}

/** What to do about a tag that the registry refused to move: an optional one is left out, any other is a failure. */
export function refusedTag(
  place: Place,
  tag: string,
  held: string | undefined,
  image: string,
  { optionalTags }: Pick<Inputs, 'optionalTags'>,
  step: Step,
): false {
  if (!optionalTags.has(tag)) throw immutableTag(place, tag, held ?? 'another image', image)
  step.log.notice('Tag left out', leftOut(place, tag))
  return false
}

/** Notes a tag as done, in the order in which the tags were given. */
export function tagged(result: ImageResult, { tags }: Pick<Inputs, 'tags'>, digest: string, tag: string): void {
  result.digest = digest
  const done = new Set([...result.tags, tag])
  result.tags = tags.filter(entry => done.has(entry))
}

/** Tries an image's push again, as often as the user allows, while only passing faults are in the way. */
export async function inAttempts<Pushed>(
  most: number,
  { clock, log, signal }: Step,
  push: () => Promise<Pushed>,
): Promise<Pushed> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await push()
    } catch (error) {
      if (!(error instanceof RegistryUnavailable) || attempt >= most) throw error
      log.info(`Attempt ${attempt} of ${most} failed: ${error.details.said ?? error.message}. Trying again.`)
      await clock.sleep(1000 * attempt * (0.5 + Math.random()), signal)
    }
  }
}

function leftOut(place: TagHolder, tag: string): string {
  return `The tags of ${place.reference} are immutable, so the default tag ${tag} is left out. Give "tags" to choose your own.`
}

function immutableTag(place: TagHolder, tag: string, held: string, image: string): TagHeld {
  return new TagHeld(`The tag ${tag} of ${place.reference} is immutable and holds another image.`, {
    resource: `${place.reference}:${tag}`,
    cause: `${tag} is ${held} in the registry; this image is ${image}.`,
    next: ['Use a tag that is new for every image, such as {sha} or {run}, or make the repository’s tags mutable.'],
  })
}
