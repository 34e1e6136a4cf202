import { Failure } from '@aws-deploy-actions/action-runtime'
import { expireImages, scanResult } from '@aws-deploy-actions/container-registry'
import { CACHE_TAG } from './build-cache.ts'
import type { Inputs } from './inputs.ts'
import type { Place } from './place.ts'
import type { ImageResult } from './result.ts'
import type { Step } from './step.ts'

/** Waits for the scan and fails at or above the severity. @throws Failure, DeadlineExceeded, PermissionError */
export async function scanGate(
  place: Place,
  { scanFailOn, scanTimeoutMs }: Inputs,
  step: Step,
  result: ImageResult,
): Promise<void> {
  const { digest } = result
  if (scanFailOn === undefined || digest === undefined) return
  await step.log.group('Scan', async () => {
    const scan = await scanResult(place, place.repository, digest, scanFailOn, scanTimeoutMs, step)
    result.scan = scan
    const counts = Object.entries(scan.counts).map(([severity, count]) => `${count} ${severity.toLowerCase()}`)
    step.log.info(`The scan found ${counts.length === 0 ? 'nothing' : counts.join(', ')}.`)
    for (const { name, severity, package: of } of scan.findings.slice(0, 50)) {
      step.log.info(`${severity} ${name}${of === undefined ? '' : ` in ${of}`}`)
    }
    if (scan.failure !== undefined) throw scan.failure
  })
}

/** Deletes old images, after all that decides about the new one. @throws Failure with AWS's words about those that stayed */
export async function expireOld(
  place: Place,
  { keepTagged, protectTags }: Inputs,
  step: Step,
  { digest }: ImageResult,
): Promise<void> {
  if (keepTagged === undefined || digest === undefined) return
  await step.log.group('Old images', async () => {
    // Also when this step does without the cache: another one may use it.
    const wanted = { keep: keepTagged, protect: [...protectTags, CACHE_TAG], justPushed: [digest] }
    const { deleted, keptTagged, failures } = await expireImages(place, place.repository, wanted, step)
    step.log.info(`${deleted.length} images deleted; ${keptTagged} other tagged ones are kept.`)
    for (const image of deleted) step.log.info(`deleted: ${image.digest} ${image.tags.join(', ')}`)
    if (failures.length === 0) return
    throw new Failure(`${failures.length} old images of ${place.reference} could not be deleted.`, {
      resource: place.reference,
      said: failures.slice(0, 10).join('\n'),
      cause: 'The image itself is pushed; only the clean-up after it did not succeed.',
      next: ['Run the step again, or delete them by hand; "protect-tags" keeps images that something still needs.'],
    })
  })
}
