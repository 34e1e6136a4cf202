import type { IncomingMessage } from 'node:http'
import { AwsError } from '../service.ts'
import { type Answer, OciError } from './answers.ts'
import type { Exchange } from './exchange.ts'
import { deleteImage, findImage, imageNotFoundText, putImage, referenceOf } from './images.ts'
import { mediaTypes } from './manifest.ts'
import type { Repository, StoredImage } from './repositories.ts'

/** PutImage takes manifests of up to 4 MiB (API reference, `imageManifest`). */
const largestManifest = 4 * 1024 * 1024

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue
    size += chunk.length
    if (size > largestManifest) throw new OciError('MANIFEST_INVALID', 'manifest is larger than 4 MiB', 413)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** The docker types have no older form to fall back to: only OCI ones can be refused, as in distribution. */
function accepts(header: string | undefined, mediaType: string): boolean {
  const wanted = (header ?? '').split(',').map(entry => entry.split(';')[0]?.trim() ?? '')
  const open = ['', '*/*', 'application/*'].some(any => wanted.includes(any))
  return open || wanted.includes(mediaType) || !mediaType.startsWith('application/vnd.oci.')
}

function manifestAnswer(exchange: Exchange, image: StoredImage): Answer {
  const { mediaType } = image.manifest
  if (!accepts(exchange.request.headers.accept, mediaType)) {
    const what = image.manifest.isIndex ? 'OCI index' : 'OCI manifest'
    throw new OciError('MANIFEST_UNKNOWN', `${what} found, but accept header does not support ${what}s`, 404)
  }
  image.pulledAt = exchange.state.now()
  return {
    status: 200,
    headers: {
      'content-type': mediaType,
      'content-length': image.bytes.length,
      'docker-content-digest': image.digest,
    },
    body: image.bytes,
  }
}

async function get(exchange: Exchange, reference: string): Promise<Answer> {
  const { state, scope, name } = exchange
  const repository = state.repositories.find(scope, name)
  const local = repository === undefined ? undefined : findImage(repository, referenceOf(reference))
  if (local !== undefined) return manifestAnswer(exchange, local)
  const needs = state.pullThrough.needs(scope, name)
  if (needs !== undefined) {
    const denied = exchange.denied(needs)
    if (denied !== undefined) throw new OciError('DENIED', denied, 403)
    const copied = await state.pullThrough.copy(scope, name, reference)
    if (copied !== undefined) return manifestAnswer(exchange, copied)
  }
  const image = findImage(exchange.repository(), referenceOf(reference))
  if (image === undefined) throw new OciError('MANIFEST_UNKNOWN', imageNotFoundText, 404)
  return manifestAnswer(exchange, image)
}

async function put(exchange: Exchange, reference: string): Promise<Answer> {
  const { request, state } = exchange
  const repository = exchange.repository()
  const bytes = await bodyOf(request)
  const { imageDigest, imageTag } = referenceOf(reference)
  const mediaType = request.headers['content-type']?.split(';')[0]?.trim()
  try {
    const image = putImage(repository, { bytes, mediaType, tag: imageTag, digest: imageDigest }, state.now())
    state.scans.imagePushed(repository, image)
    return putAnswer(exchange, image)
  } catch (error) {
    // the same manifest again, under the same tag: the API has an error for it, docker push succeeds
    if (!(error instanceof AwsError) || error.name !== 'ImageAlreadyExistsException') throw error
    const image = findImage(repository, referenceOf(reference))
    if (image === undefined) throw error
    return putAnswer(exchange, image)
  }
}

function putAnswer(exchange: Exchange, image: StoredImage): Answer {
  const { subject } = image.manifest
  return {
    status: 201,
    headers: {
      location: `${exchange.origin}/v2/${exchange.pathName}/manifests/${image.digest}`,
      'docker-content-digest': image.digest,
      'content-length': 0,
      ...(subject === undefined ? {} : { 'oci-subject': subject.digest }),
    },
  }
}

export async function answerManifest(exchange: Exchange, reference: string): Promise<Answer> {
  if (exchange.method === 'PUT') return await put(exchange, reference)
  if (exchange.method !== 'DELETE') return await get(exchange, reference)
  const result = deleteImage(exchange.repository(), referenceOf(reference))
  if ('removed' in result) return { status: 202 }
  throw result.failureCode === 'ImageNotFound'
    ? new OciError('MANIFEST_UNKNOWN', result.failureReason, 404)
    : new OciError('UNSUPPORTED', result.failureReason, 400)
}

/** `n` and `last` page through the tags in lexical order: distribution specification, "Listing Tags". */
export function answerTags(exchange: Exchange): Answer {
  const { query, pathName } = exchange
  const last = query.get('last')
  const limit = query.get('n')
  const all = [...exchange.repository().tags.keys()].sort().filter(tag => last === null || tag > last)
  const tags = limit === null ? all : all.slice(0, Number(limit))
  const more = tags.length < all.length && tags.length > 0
  const next = `</v2/${pathName}/tags/list?n=${tags.length}&last=${encodeURIComponent(tags.at(-1) ?? '')}>; rel="next"`
  return {
    status: 200,
    headers: { 'content-type': 'application/json', ...(more ? { link: next } : {}) },
    body: JSON.stringify({ name: pathName, tags }),
  }
}

export function referrersOf(repository: Repository, digest: string): StoredImage[] {
  return [...repository.images.values()].filter(image => image.manifest.subject?.digest === digest)
}

/** An index of what names this digest as its subject: distribution specification, "Listing Referrers". */
export function answerReferrers(exchange: Exchange, digest: string): Answer {
  const type = exchange.query.get('artifactType')
  const manifests = referrersOf(exchange.repository(), digest)
    .map(image => ({
      mediaType: image.manifest.mediaType,
      digest: image.digest,
      size: image.bytes.length,
      artifactType: image.manifest.artifactType ?? image.manifest.config?.mediaType,
      annotations: image.manifest.annotations,
    }))
    .filter(entry => type === null || entry.artifactType === type)
  return {
    status: 200,
    headers: {
      'content-type': mediaTypes.ociIndex,
      ...(type === null ? {} : { 'oci-filters-applied': 'artifactType' }),
    },
    body: JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }),
  }
}
