import { createHash, type Hash } from 'node:crypto'
import { Failure } from '@aws-deploy-actions/action-runtime'
import type { HttpAnswer } from './http-exchange.ts'
import type { SourceBlob } from './image-source.ts'
import { UPLOAD_FAULTS } from './registry-connection.ts'
import { RegistryError, RegistryUnavailable, registryWords } from './registry-error.ts'
import type { Repository } from './repository.ts'

/** What the source gave is not what the manifest says. The upload was not completed. */
export class BlobMismatch extends Failure {
  override readonly name = 'BlobMismatch'
}

/** The registry forgot the upload, or what it got was damaged on the way: it starts again. */
class UploadLost extends Error {
  readonly answer: HttpAnswer

  constructor(answer: HttpAnswer) {
    super(`the upload was lost (${answer.status})`)
    this.answer = answer
  }
}

const MOST_STARTS = 3

/**
 * Sends one blob. Its bytes are hashed on their way out and committed only under the right digest; a broken connection is
 * resumed where the registry says it stands.
 *
 * @param begun an upload that was started already
 *
 * @throws BlobMismatch, RegistryError, PermissionError, RegistryUnavailable
 */
export async function uploadBlob(
  repository: Repository,
  blob: SourceBlob,
  sent: (bytes: number) => void,
  begun?: URL,
): Promise<void> {
  const check = new ContentCheck(blob)
  for (let starts = 1; ; starts++) {
    let location = starts === 1 && begun !== undefined ? begun : await repository.startUpload()
    try {
      location = await sendBytes(repository, blob, check, location, sent)
      check.verify()
      await commit(repository, blob, location)
      return
    } catch (error) {
      if (error instanceof UploadLost && starts < MOST_STARTS) {
        repository.connection.context.log.info(`Registry: ${blob.label}: ${error.message}; sending it again.`)
        continue
      }
      if (!repository.connection.context.signal.aborted) await repository.cancelUpload(location)
      if (!(error instanceof UploadLost)) throw error
      throw new RegistryUnavailable(`The registry lost ${blob.label} ${MOST_STARTS} times.`, {
        resource: repository.name,
        said: registryWords(error.answer).text,
      })
    }
  }
}

// One PATCH for all of it, as docker sends it: the form of upload that every registry is used to.
async function sendBytes(
  repository: Repository,
  blob: SourceBlob,
  check: ContentCheck,
  start: URL,
  sent: (bytes: number) => void,
): Promise<URL> {
  const { size } = blob.descriptor
  if (size === 0) return start
  let location = start
  let offset = 0
  let broken = false
  const answer = await repository.connection.riding(
    `PATCH ${blob.label}`,
    async () => {
      if (broken) {
        const state = await uploadState(repository, location)
        location = state.location
        offset = state.received
        if (offset >= size) return state.answer
      }
      broken = true
      const from = offset
      return repository.connection.once(
        {
          method: 'PATCH',
          url: location,
          headers: {
            'content-type': 'application/octet-stream',
            // Only for the rest of a broken upload: ECR, like docker, knows the first piece without it.
            ...(from === 0 ? {} : { 'content-range': `${from}-${size - 1}` }),
          },
          body: { bytes: size - from, open: gone => check.watched(blob.open(from, gone), from, sent) },
        },
        repository.scope,
      )
    },
    UPLOAD_FAULTS,
  )
  if (answer.status >= 201 && answer.status <= 204)
    return answer.headers.location === undefined ? location : repository.location(answer)
  if (answer.status === 404 || answer.status === 416) throw new UploadLost(answer)
  throw await repository.refusal(`The registry did not take ${blob.label}.`, answer, 'UploadLayerPart')
}

/** How much of an upload the registry has (distribution spec: GET on the upload, `Range: 0-<last byte>`). */
async function uploadState(
  repository: Repository,
  location: URL,
): Promise<{ location: URL; received: number; answer: HttpAnswer }> {
  const answer = await repository.connection.once({ method: 'GET', url: location }, repository.scope)
  if (answer.status >= 500 || answer.status === 429) {
    throw Object.assign(new Error(`the state of the upload could not be read (${answer.status})`), {
      code: 'ECONNRESET',
    })
  }
  const range = /^(?:bytes=)?0-(\d+)$/.exec(answer.headers.range ?? '')
  if (answer.status !== 204 || range === null) throw new UploadLost(answer)
  // "0-0" is what registries say both for no byte and for one. Should it be one, the registry finds a wrong digest at the
  // end, and the upload starts again.
  const last = Number(range[1])
  return {
    location: answer.headers.location === undefined ? location : repository.location(answer),
    received: last === 0 ? 0 : last + 1,
    answer,
  }
}

async function commit(repository: Repository, blob: SourceBlob, location: URL): Promise<void> {
  const url = new URL(location)
  url.searchParams.set('digest', blob.descriptor.digest)
  let answer: HttpAnswer
  try {
    answer = await repository.send({ method: 'PUT', url }, UPLOAD_FAULTS)
  } catch (error) {
    // The answer may have been lost after the registry completed the upload.
    if (error instanceof RegistryUnavailable && (await repository.hasBlob(blob.descriptor.digest).catch(() => false)))
      return
    throw error
  }
  if (answer.status === 201 || answer.status === 204) return
  if (await repository.hasBlob(blob.descriptor.digest)) return
  const error = await repository.refusal(`The registry did not take ${blob.label}.`, answer, 'CompleteLayerUpload')
  if (
    error instanceof RegistryError &&
    (answer.status === 404 || /^(?:DIGEST_INVALID|SIZE_INVALID|BLOB_UPLOAD_)/.test(error.code))
  ) {
    throw new UploadLost(answer)
  }
  throw error
}

/** Hashes and counts a blob's bytes once, in order, however often parts of it are sent. */
class ContentCheck {
  readonly #blob: SourceBlob
  readonly #hash: Hash = createHash('sha256')
  #hashed = 0
  #found: string | undefined

  constructor(blob: SourceBlob) {
    this.#blob = blob
  }

  /** The bytes from `start` on, watched: never more than there should be, and an error at the end when there are fewer. */
  async *watched(source: AsyncIterable<Buffer>, start: number, sent: (bytes: number) => void): AsyncGenerator<Buffer> {
    const { size } = this.#blob.descriptor
    let at = start
    for await (const piece of source) {
      const known = Math.min(piece.length, Math.max(0, this.#hashed - at))
      at += piece.length
      if (at > size) throw this.#mismatch(`it has more than the ${size} bytes that the manifest says`)
      if (known < piece.length) {
        this.#hash.update(known === 0 ? piece : piece.subarray(known))
        this.#hashed += piece.length - known
      }
      sent(piece.length)
      yield piece
    }
    if (at !== size) throw this.#mismatch(`it has ${at} bytes, where the manifest says ${size}`)
  }

  /** @throws BlobMismatch */
  verify(): void {
    const { digest } = this.#blob.descriptor
    this.#found ??= `sha256:${this.#hash.digest('hex')}`
    if (this.#found !== digest) throw this.#mismatch(`its digest is ${this.#found}, where the image says ${digest}`)
  }

  #mismatch(problem: string): BlobMismatch {
    return new BlobMismatch('The image is damaged: nothing was tagged.', {
      resource: this.#blob.label,
      cause: problem,
      next: [this.#blob.remedy],
    })
  }
}
