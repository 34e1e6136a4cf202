import { type ImageSource, type Manifest, pushContent, sizeText } from '@aws-deploy-actions/container-registry'
import type { Inputs } from './inputs.ts'
import type { Place } from './place.ts'
import type { ImageResult } from './result.ts'
import type { Step } from './step.ts'
import { inAttempts, putTag, tagged, tagPlan } from './tagging.ts'

/**
 * Pushes an image as it is, from an archive or another repository. Nothing is tagged before all of it is in the registry,
 * verified.
 */
export async function pushAsItIs(
  image: ImageSource,
  place: Place,
  inputs: Inputs,
  step: Step,
  result: ImageResult,
): Promise<Manifest> {
  const { root } = image
  await inAttempts(inputs.pushAttempts, step, async () => {
    const plan = await tagPlan(place, inputs, step, async held => held === root.digest, root.digest)
    for (const tag of plan.present.keys()) tagged(result, inputs, root.digest, tag)
    if (plan.put.length === 0) {
      step.log.info('All tags hold this image already: nothing is sent.')
      result.sentNothing = true
      return
    }
    // A tag that holds the image proves that all of it is there.
    if (plan.present.size === 0) {
      const { sent, present, mounted, bytes } = await pushContent(image, place.repository)
      const taken = mounted === 0 ? '' : `${mounted} taken over within the registry, `
      step.log.info(`${sent} blobs (${sizeText(bytes)}) sent, ${taken}${present} were in the repository.`)
    }
    for (const tag of plan.put) {
      if (await putTag(place, tag, root, inputs, step)) tagged(result, inputs, root.digest, tag)
    }
  })
  return root
}
