import type { BuildCache } from '@aws-deploy-actions/container-registry'
import type { Inputs } from './inputs.ts'
import type { Place } from './place.ts'
import type { Step } from './step.ts'

/** The tag that holds the registry cache, beside the images. */
export const CACHE_TAG = 'cache'

/** What a build can have as cache here; where it has to do without, a notice says why. */
export function cacheOf(
  wanted: Inputs['cache'],
  place: Pick<Place, 'uri' | 'reference' | 'keeps'> | undefined,
  name: string,
  { log, hide, runtime }: Step,
): BuildCache {
  if (wanted === 'none') return { kind: 'none' }
  const without = (why: string): BuildCache => {
    log.notice('Cache not used', why)
    return { kind: 'none' }
  }
  if (wanted === 'registry') {
    if (place === undefined)
      return without('The registry cache needs a login to AWS, which "push: false" does without.')
    if (place.keeps(CACHE_TAG) === true) {
      return without(
        `The tags of ${place.reference} are immutable, so its tag "${CACHE_TAG}" could be written only once. Exclude that tag from immutability (IMMUTABLE_WITH_EXCLUSION).`,
      )
    }
    return { kind: 'registry', reference: `${place.uri}:${CACHE_TAG}` }
  }
  const { variables } = runtime.environment
  const token = variables['ACTIONS_RUNTIME_TOKEN']
  const service = variables['ACTIONS_RESULTS_URL'] ?? variables['ACTIONS_CACHE_URL']
  if (!token || !service) {
    return without(
      'GitHub’s cache is not to be reached: ACTIONS_RUNTIME_TOKEN and ACTIONS_RESULTS_URL are not set here.',
    )
  }
  hide(token)
  return { kind: 'gha', scope: name.replace(/[^A-Za-z0-9._-]/g, '-') }
}
