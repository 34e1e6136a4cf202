import { type Answer, OciError } from './answers.ts'
import { isDigest } from './digest.ts'
import { ConnectionBroken, type Exchange } from './exchange.ts'
import type { Repository } from './repositories.ts'
import type { Upload } from './uploads.ts'

function location(exchange: Exchange, id: string): string {
  return `${exchange.origin}/v2/${exchange.pathName}/blobs/uploads/${id}`
}

/** Headers of every answer about an upload: where to go on, and what is there (`0-0` also for nothing, as in distribution). */
function progress(exchange: Exchange, upload: Upload): Record<string, string | number> {
  return {
    location: location(exchange, upload.id),
    range: `0-${Math.max(0, upload.blob.size - 1)}`,
    'docker-upload-uuid': upload.id,
    'content-length': 0,
  }
}

function created(exchange: Exchange, digest: string): Answer {
  return {
    status: 201,
    headers: {
      location: `${exchange.origin}/v2/${exchange.pathName}/blobs/${digest}`,
      'docker-content-digest': digest,
      'content-length': 0,
    },
  }
}

/**
 * Blobs are mounted only where the account turned it on, within one private registry, and with the right to read the
 * source: "Blob mounting" in the ECR user guide. Otherwise an upload begins, as the specification wants.
 */
function canMount(exchange: Exchange, digest: string, from: string): boolean {
  const { state, scope } = exchange
  if (scope.kind === 'public' || state.settings.accountSetting(scope, 'BLOB_MOUNTING') !== 'ENABLED') return false
  const source = state.repositories.find(scope, from)
  if (source === undefined || !source.blobs.has(digest)) return false
  return exchange.denied([{ action: 'ecr:GetDownloadUrlForLayer', resource: source.arn }]) === undefined
}

/** Appends the body at the end of the upload, or refuses a chunk that belongs elsewhere (416). */
async function append(exchange: Exchange, upload: Upload): Promise<void> {
  const { request, breakAfter } = exchange
  const range = request.headers['content-range']
  if (range !== undefined) {
    const match = /^(?:bytes )?(\d+)-(\d+)(?:\/.*)?$/.exec(range)
    if (match === null) throw new OciError('BLOB_UPLOAD_INVALID', `Content-Range '${range}' is not START-END`, 400)
    const [start, end] = [Number(match[1]), Number(match[2])]
    if (start !== upload.blob.size) {
      throw new OciError('BLOB_UPLOAD_INVALID', 'chunk is out of order', 416, progress(exchange, upload))
    }
    const length = request.headers['content-length']
    if (length !== undefined && Number(length) !== end - start + 1) {
      throw new OciError('SIZE_INVALID', 'Content-Range and Content-Length do not agree', 400)
    }
  }
  try {
    await upload.blob.append(request, breakAfter)
  } catch {
    // the client went away: what came stays, the client may ask how far it got and go on
    throw new ConnectionBroken('upload broke off')
  }
  if (breakAfter !== undefined) throw new ConnectionBroken('fault')
}

async function finish(exchange: Exchange, upload: Upload, digest: string): Promise<Answer> {
  if (!isDigest(digest)) throw new OciError('DIGEST_INVALID', `'${digest}' is no sha256 digest`, 400)
  if (!(await exchange.state.uploads.finish(upload, digest))) {
    throw new OciError('DIGEST_INVALID', 'provided digest did not match uploaded content', 400)
  }
  return created(exchange, digest)
}

async function begin(exchange: Exchange, repository: Repository): Promise<Answer> {
  const { state, query } = exchange
  const [mount, from, digest] = [query.get('mount'), query.get('from'), query.get('digest')]
  if (mount !== null && from !== null && canMount(exchange, mount, from)) {
    repository.blobs.add(mount)
    return created(exchange, mount)
  }
  const upload = await state.uploads.start(repository)
  if (digest === null) return { status: 202, headers: progress(exchange, upload) }
  return await state.uploads.alone(upload, async () => {
    await append(exchange, upload)
    return await finish(exchange, upload, digest)
  })
}

/** Uploads as in the distribution specification, "Pushing blobs": whole, in chunks, resumed, cancelled, mounted. */
export async function answerUpload(exchange: Exchange, id: string | undefined): Promise<Answer> {
  const { state, method, query } = exchange
  const repository = exchange.repository()
  if (id === undefined) return await begin(exchange, repository)
  const unknown = (): OciError => new OciError('BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry', 404)
  const known = state.uploads.find(repository, id)
  if (known === undefined) throw unknown()
  return await state.uploads.alone(known, async () => {
    // a request that waited its turn may find the upload ended
    if (state.uploads.find(repository, id) === undefined) throw unknown()
    switch (method) {
      case 'PATCH':
        await append(exchange, known)
        return { status: 202, headers: progress(exchange, known) }
      case 'PUT': {
        const digest = query.get('digest')
        if (digest === null) throw new OciError('DIGEST_INVALID', 'digest is missing', 400)
        await append(exchange, known)
        return await finish(exchange, known, digest)
      }
      case 'DELETE':
        await state.uploads.cancel(known)
        return { status: 204 }
      default:
        return { status: 204, headers: progress(exchange, known) }
    }
  })
}
