import { heldImage, type Manifest } from '@aws-deploy-actions/container-registry'
import { putAll } from './built-image.ts'
import type { ContentKey } from './content-key.ts'
import type { Inputs } from './inputs.ts'
import type { Place } from './place.ts'
import type { ImageResult } from './result.ts'
import type { Step } from './step.ts'
import { putTag } from './tagging.ts'

const REVISION = 'org.opencontainers.image.revision'

/**
 * The image of this very commit, where a tag of the commit cannot be moved: building it again would give another image,
 * which that tag would refuse. Its other tags are put.
 * @param immutable whether a tag counts as one that cannot be moved
 */
export async function reusedOfCommit(
  place: Place,
  inputs: Inputs,
  step: Step,
  result: ImageResult,
  immutable: (tag: string) => boolean,
): Promise<Manifest | undefined> {
  const { sha } = step.runtime.environment
  if (sha === undefined) return undefined
  for (const tag of inputs.tags.filter(entry => inputs.commitTags.has(entry))) {
    if (!immutable(tag)) continue
    const held = await heldImage(place.repository, tag)
    if (held?.labels[REVISION] !== sha) continue
    step.log.info(
      `Reused: the tag ${tag} cannot be moved and holds the image of this commit, ${held.digest}. Nothing is built.`,
    )
    await putAll(held.manifest, place, inputs, step, result)
    return held.manifest
  }
  return undefined
}

/** The image that was built from the same content, by the tag that its build left. */
export async function reusedByContent(
  { tag, compared }: ContentKey,
  place: Place,
  inputs: Inputs,
  step: Step,
  result: ImageResult,
): Promise<Manifest | undefined> {
  const held = await place.repository.manifest(tag)
  if (held === undefined) {
    step.log.info(`Built: no image in ${place.reference} has ${tag} (${compared}).`)
    return undefined
  }
  step.log.info(`Unchanged: ${tag} (${compared}) is ${held.digest}. Nothing is built; base images are not compared.`)
  await putAll(held, place, inputs, step, result)
  return held
}

/** Leaves the key of what was built; two runs of the same content may have built at once, and one key is enough. */
export async function leaveKey({ tag }: ContentKey, manifest: Manifest, place: Place, step: Step): Promise<void> {
  await putTag(place, tag, manifest, { optionalTags: new Set([tag]) }, step)
}
