import { type ImageSource, pushContent, sizeText } from '@aws-deploy-actions/container-registry'
import type { Inputs } from './inputs.ts'
import type { Place } from './place.ts'
import type { Result } from './report.ts'
import type { Step } from './step.ts'
import { inAttempts, putTag, tagged, tagPlan } from './tagging.ts'

/** Pushes an archive as it is. Nothing is tagged before all of it is in the registry, verified. */
export async function pushArchive(
  archive: ImageSource,
  place: Place,
  inputs: Inputs,
  step: Step,
  result: Result,
): Promise<void> {
  const { root } = archive
  step.log.info(`The archive holds ${root.digest}.`)
  await inAttempts(inputs.pushAttempts, step, async () => {
    const plan = await tagPlan(place, inputs, step, async held => held === root.digest, root.digest)
    for (const tag of plan.present.keys()) tagged(result, inputs, root.digest, tag)
    if (plan.put.length === 0) {
      step.log.info('All tags hold this image already: nothing is sent.')
      return
    }
    // A tag that holds the image proves that all of it is there.
    if (plan.present.size === 0) {
      const { sent, present, bytes } = await pushContent(archive, place.repository)
      step.log.info(`${sent} blobs (${sizeText(bytes)}) sent, ${present} were in the registry.`)
    }
    for (const tag of plan.put) {
      if (await putTag(place, tag, root, inputs, step)) tagged(result, inputs, root.digest, tag)
    }
  })
}
