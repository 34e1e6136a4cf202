import { asFailure, Failure } from '@aws-deploy-actions/action-runtime'
import { heldImage, type Manifest, putVerified } from '@aws-deploy-actions/container-registry'
import { putAll } from './built-image.ts'
import type { ContentKey } from './content-key.ts'
import type { Inputs } from './inputs.ts'
import type { Place } from './place.ts'
import type { ImageResult } from './result.ts'
import type { Step } from './step.ts'

const KEY_PATIENCE_MS = 30_000
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
  try {
    await putAll(held, place, inputs, step, result)
  } catch (error) {
    if (!isTagLimit(error)) throw error
    step.log.info(`Built all the same: ${held.digest} cannot take another tag (${error.details.said}).`)
    result.digest = undefined
    result.tags = []
    return undefined
  }
  return held
}

/**
 * An image of ECR has at most 1000 tags (Amazon ECR service quotas), which one that is reused again and again reaches. ECR
 * says so as DENIED: "Adding tag '…' … exceeds the maximum allowed number of tags per image which is '1000'".
 */
function isTagLimit(error: unknown): error is Failure {
  return error instanceof Failure && /number of tags per image/i.test(error.details.said ?? '')
}

/**
 * Leaves the key of what was built. The push is done: that the key could not be left costs the next run a build, no more.
 * @throws the reason of the step's signal, nothing else
 */
export async function leaveKey({ tag }: ContentKey, manifest: Manifest, place: Place, step: Step): Promise<void> {
  try {
    // Faults of the registry are ridden out as long as the signal lets them; the key is not worth all of the step's time.
    await putVerified(place.repository.abortedBy(AbortSignal.timeout(KEY_PATIENCE_MS)), tag, manifest)
  } catch (error) {
    step.signal.throwIfAborted()
    const { message, details } = asFailure(error)
    if (/immutable/i.test(details.said ?? '')) {
      step.log.info(`Another run left ${tag} meanwhile, for its own image of the same content.`)
      return
    }
    step.log.notice(
      'Key not left',
      `The image is pushed, but not as ${tag}, so "skip-unchanged" will not find it: ${details.said ?? message}`,
    )
  }
}

/** Says before the build what the registry would only say after it: a tag that cannot be moved belongs to another commit. */
export async function warnOfHeldTags(place: Place, { tags, optionalTags }: Inputs, step: Step): Promise<void> {
  const { sha } = step.runtime.environment
  for (const tag of tags) {
    if (sha === undefined || optionalTags.has(tag) || place.keeps(tag) !== true) continue
    const revision = (await heldImage(place.repository, tag))?.labels[REVISION]
    if (revision === undefined || revision === sha) continue
    step.log.warning(
      'Tag is taken',
      `The tag ${tag} of ${place.reference} cannot be moved and holds the image of commit ${revision}. Unless the build gives that very image, the push will fail.`,
    )
  }
}
