import type { Failure } from '@aws-deploy-actions/action-runtime'
import type { EcrRepository, ScanResult } from '@aws-deploy-actions/container-registry'

export type ImageStatus = 'built' | 'reused' | 'promoted' | 'pushed'

/** What the step found out about one image on its way. */
export interface ImageResult {
  /** what messages call it: the repository as it was given */
  readonly name: string
  place: Pick<EcrRepository, 'name' | 'uri' | 'reference'> | undefined
  /** what the registry holds under `tags` */
  digest: string | undefined
  tags: string[]
  /** undefined until all of it is done */
  status: ImageStatus | undefined
  /** all tags held the image before */
  sentNothing: boolean
  /** compressed bytes of an image's layers and config; undefined for an index and where nothing was pushed */
  bytes: number | undefined
  seconds: number | undefined
  scan: ScanResult | undefined
  failure: Failure | undefined
}

export interface Result {
  readonly images: ImageResult[]
}

export function emptyResult(name: string): ImageResult {
  return {
    name,
    place: undefined,
    digest: undefined,
    tags: [],
    status: undefined,
    sentNothing: false,
    bytes: undefined,
    seconds: undefined,
    scan: undefined,
    failure: undefined,
  }
}
