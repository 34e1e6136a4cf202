import { asFailure, Cancelled, DeadlineExceeded, Failure, failureText } from '@aws-deploy-actions/action-runtime'
import type { ImageInputs } from './image-inputs.ts'
import { imageLog } from './image-log.ts'
import type { Inputs } from './inputs.ts'
import type { ImageResult } from './result.ts'
import type { Step } from './step.ts'

/**
 * Works on all images, at most `max-parallel` at a time. One that fails does not keep the others from being finished.
 * @throws the failure of the only image; ImagesFailed; Cancelled and DeadlineExceeded, which are about all
 */
export async function eachImage(
  { images, maxParallel }: Inputs,
  results: readonly ImageResult[],
  step: Step,
  push: (image: ImageInputs, result: ImageResult, step: Step) => Promise<void>,
): Promise<void> {
  const waiting = [...images.entries()]
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, image] = next
      const result = results[index]
      if (result === undefined || step.signal.aborted) continue
      const began = step.clock.now()
      const own = images.length === 1 ? step : { ...step, log: imageLog(step.log, result.name) }
      try {
        await push(image, result, own)
      } catch (error) {
        result.failure = asFailure(error)
        if (images.length > 1 && !step.signal.aborted) own.log.info(`Failed: ${failureText(result.failure.record)}`)
      }
      result.seconds = Math.round((step.clock.now() - began) / 100) / 10
    }
  }
  await Promise.all(Array.from({ length: Math.min(maxParallel, images.length) }, worker))
  const failed = results.flatMap(({ name, failure }) => (failure === undefined ? [] : [{ name, failure }]))
  const [first] = failed
  if (first === undefined) {
    step.signal.throwIfAborted()
    return
  }
  const ofAll =
    failed.find(({ failure }) => failure instanceof Cancelled) ??
    failed.find(({ failure }) => failure instanceof DeadlineExceeded && step.signal.aborted)
  if (ofAll !== undefined) throw ofAll.failure
  throw images.length === 1 ? first.failure : new ImagesFailed(failed, images.length)
}

/** Some of several images failed; the text names each. */
export class ImagesFailed extends Failure {
  override readonly name = 'ImagesFailed'
  override readonly status: string

  constructor(failed: readonly { readonly name: string; readonly failure: Failure }[], of: number) {
    super(`${failed.length} of ${of} images failed: ${failed.map(({ name }) => name).join(', ')}.`, {
      seen: failed.flatMap(({ name, failure: { message, details } }) => [
        `${name}: ${message}`,
        ...(details.said === undefined ? [] : details.said.split('\n').map(line => `${name}: ${line}`)),
        ...(details.cause === undefined ? [] : [`${name}: ${details.cause}`]),
      ]),
      next: failed.flatMap(({ name, failure: { details } }) => (details.next ?? []).map(step => `${name}: ${step}`)),
    })
    this.status = failed.some(({ failure }) => failure.status === 'timed-out') ? 'timed-out' : 'failed'
  }
}
