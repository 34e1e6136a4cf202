import type { Need } from '../service.ts'

/**
 * IAM actions behind the registry's requests: "IAM permissions for pushing an image" and "… pulling" in the ECR user
 * guides. A repository's ARN stands for the resource.
 */
const actions: Readonly<Record<string, string>> = {
  'HEAD blob': 'BatchCheckLayerAvailability',
  'GET blob': 'GetDownloadUrlForLayer',
  'POST upload': 'InitiateLayerUpload',
  'PATCH upload': 'UploadLayerPart',
  'PUT upload': 'CompleteLayerUpload',
  'GET upload': 'UploadLayerPart',
  'DELETE upload': 'UploadLayerPart',
  'GET manifest': 'BatchGetImage',
  'HEAD manifest': 'BatchGetImage',
  'PUT manifest': 'PutImage',
  'DELETE manifest': 'BatchDeleteImage',
  'GET tags': 'ListImages',
  'GET referrers': 'ListImageReferrers',
}

/** Everybody may pull from public.ecr.aws; reading needs no permission there. */
const freeInPublic: readonly string[] = ['GET blob', 'GET manifest', 'HEAD manifest', 'GET tags', 'GET referrers']

export function isPublicRead(operation: string): boolean {
  return freeInPublic.includes(operation) || operation === 'HEAD blob'
}

export interface RepositoryRequest {
  readonly kind: 'private' | 'public'
  readonly operation: string
  /** ARN of the repository */
  readonly resource: string
  /** the request carries bytes of a layer */
  readonly hasBody: boolean
  /** a POST that uploads a blob at once */
  readonly isWholeUpload: boolean
}

/** What a request to a repository needs; one that does several steps of an upload at once needs the rights for each. */
export function needsOf({ kind, operation, resource, hasBody, isWholeUpload }: RepositoryRequest): Need[] {
  if (kind === 'public' && freeInPublic.includes(operation)) return []
  const own = actions[operation]
  const steps = [
    ...(own === undefined ? [] : [own]),
    ...(isWholeUpload || (operation === 'PUT upload' && hasBody) ? ['UploadLayerPart'] : []),
    ...(isWholeUpload ? ['CompleteLayerUpload'] : []),
  ]
  return steps.map(action => ({ action: `${kind === 'public' ? 'ecr-public' : 'ecr'}:${action}`, resource }))
}
