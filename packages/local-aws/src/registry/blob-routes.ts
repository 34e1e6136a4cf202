import { type Answer, OciError } from './answers.ts'
import type { BlobStore } from './blob-store.ts'
import type { Exchange } from './exchange.ts'

export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** One range of RFC 9110 section 14; several at once are answered whole. */
export function byteRange(header: string | undefined, size: number): ByteRange | undefined | 'unsatisfiable' {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '')
  if (match === null || (match[1] === '' && match[2] === '')) return undefined
  const last = size - 1
  if (match[1] === '') {
    const length = Math.min(Number(match[2]), size)
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: last }
  }
  const start = Number(match[1])
  const end = match[2] === '' ? last : Math.min(Number(match[2]), last)
  return start > last || end < start ? 'unsatisfiable' : { start, end }
}

/** the bytes of a stored blob, or the asked part of them */
export function blobAnswer(store: BlobStore, digest: string, size: number, rangeHeader: string | undefined): Answer {
  const headers = {
    'content-type': 'application/octet-stream',
    'docker-content-digest': digest,
    'accept-ranges': 'bytes',
    etag: `"${digest}"`,
  }
  const range = byteRange(rangeHeader, size)
  if (range === 'unsatisfiable') return { status: 416, headers: { 'content-range': `bytes */${size}` } }
  if (range === undefined) {
    return { status: 200, headers: { ...headers, 'content-length': size }, body: store.read(digest) }
  }
  return {
    status: 206,
    headers: {
      ...headers,
      'content-length': range.end - range.start + 1,
      'content-range': `bytes ${range.start}-${range.end}/${size}`,
    },
    body: store.read(digest, range),
  }
}

/**
 * `GET` sends the client on to the layer's own address, as ECR does to S3 (307); `HEAD` answers itself.
 * A connection that a fault breaks half-way is served from here.
 */
export async function answerBlob(exchange: Exchange, digest: string): Promise<Answer> {
  const { state, method, request } = exchange
  const repository = exchange.repository()
  const size = repository.blobs.has(digest) ? await state.store.size(digest) : undefined
  if (size === undefined) throw new OciError('BLOB_UNKNOWN', 'blob unknown to registry', 404)
  if (method === 'HEAD') {
    return {
      status: 200,
      headers: {
        'content-type': 'application/octet-stream',
        'content-length': size,
        'docker-content-digest': digest,
        'accept-ranges': 'bytes',
      },
    }
  }
  if (exchange.breakAfter !== undefined) return blobAnswer(state.store, digest, size, request.headers.range)
  return { status: 307, headers: { location: state.links.link(exchange.origin, digest), 'content-length': 0 } }
}
