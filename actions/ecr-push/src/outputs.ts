import type { Runtime } from '@aws-deploy-actions/action-runtime'
import type { ImageResult } from './result.ts'

/**
 * Sets the outputs with what is known by now. Those that speak of one image speak of the first; `images` has all that are
 * in a registry, and all that were built where nothing is pushed.
 */
export async function tellOutputs(results: readonly ImageResult[], { output }: Runtime): Promise<void> {
  const [first] = results
  if (first?.place !== undefined) {
    await output('repository', first.place.name)
    await output('repository-uri', first.place.uri)
  } else if (first?.status !== undefined) {
    await output('repository', first.name)
  }
  if (first?.place !== undefined && first.digest !== undefined && first.tags[0] !== undefined) {
    await output('digest', first.digest)
    await output('image', `${first.place.uri}@${first.digest}`)
    await output('tagged-image', `${first.place.uri}:${first.tags[0]}`)
    await output('tags', first.tags)
  }
  if (results.some(({ digest, status }) => digest !== undefined || status !== undefined)) {
    await output('images', imagesOutput(results))
  }
}

/**
 * The `images` output: no account id and no host, so that GitHub does not drop it as a job output. Of two repositories with
 * one name the second stands under its reference, and in two regions or accounts under what messages call it.
 */
export function imagesOutput(results: readonly ImageResult[]): Record<string, object> {
  const images = new Map<string, object>()
  for (const { name, place, digest, tags, status } of results) {
    if (place === undefined) {
      if (status !== undefined) images.set(name, { repository: name, tags, status })
    } else if (digest !== undefined && tags.length > 0) {
      const image = {
        repository: place.name,
        reference: `${place.reference}@${digest}`,
        digest,
        tags,
        status: status ?? 'failed',
      }
      images.set([place.name, place.reference].find(key => !images.has(key)) ?? name, image)
    }
  }
  return Object.fromEntries(images)
}
