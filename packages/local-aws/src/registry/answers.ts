import type { Readable } from 'node:stream'
import { AwsError } from '../service.ts'

/** A response before it is written, so that faults can lose or break it after the operation has run. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string | number>>
  readonly body?: Buffer | string | Readable
}

/** Error codes of the distribution specification ("Error Codes") and of Docker's registry protocol. */
export type OciCode =
  | 'BLOB_UNKNOWN'
  | 'BLOB_UPLOAD_INVALID'
  | 'BLOB_UPLOAD_UNKNOWN'
  | 'DENIED'
  | 'DIGEST_INVALID'
  | 'MANIFEST_BLOB_UNKNOWN'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_UNKNOWN'
  | 'SIZE_INVALID'
  | 'TAG_INVALID'
  | 'TOOMANYREQUESTS'
  | 'UNSUPPORTED'

export class OciError extends Error {
  override readonly name = 'OciError'
  readonly code: OciCode
  readonly status: number
  readonly headers: Readonly<Record<string, string | number>>

  constructor(code: OciCode, message: string, status: number, headers: Readonly<Record<string, string | number>> = {}) {
    super(message)
    this.code = code
    this.status = status
    this.headers = headers
  }
}

export function errorAnswer(
  code: string,
  message: string,
  status: number,
  headers: Readonly<Record<string, string | number>> = {},
): Answer {
  return {
    status,
    headers: { ...headers, 'content-type': 'application/json; charset=utf-8' },
    body: JSON.stringify({ errors: [{ code, message }] }),
  }
}

/** ECR's registry shows the API's errors under the specification's codes; the texts are the same. */
const codesOfApiErrors: Readonly<Record<string, readonly [OciCode, number]>> = {
  RepositoryNotFoundException: ['NAME_UNKNOWN', 404],
  ImageNotFoundException: ['MANIFEST_UNKNOWN', 404],
  ImageTagAlreadyExistsException: ['TAG_INVALID', 400],
  ImageDigestDoesNotMatchException: ['MANIFEST_INVALID', 400],
  LayersNotFoundException: ['MANIFEST_BLOB_UNKNOWN', 400],
  ReferencedImagesNotFoundException: ['MANIFEST_BLOB_UNKNOWN', 400],
  InvalidParameterException: ['MANIFEST_INVALID', 400],
}

/** @throws what is no error of the protocol */
export function answerOf(error: unknown): Answer {
  if (error instanceof OciError) return errorAnswer(error.code, error.message, error.status, error.headers)
  if (error instanceof AwsError) {
    const [code, status] = codesOfApiErrors[error.name] ?? ['UNSUPPORTED', error.status]
    return errorAnswer(code, error.message, status)
  }
  throw error
}
