import { collectingGarbage, Failure } from '@aws-deploy-actions/action-runtime'
import { PermissionError } from '@aws-deploy-actions/aws-clients'
import {
  type Descriptor,
  isDigest,
  MANIFEST_LIMIT_BYTES,
  MANIFEST_TYPES,
  type Manifest,
  parseManifest,
  sha256,
} from './content.ts'
import { DamagedAnswer, type HttpAnswer, type HttpRequest } from './http-exchange.ts'
import { backoffMs, brokenConnection, type RegistryConnection, UPLOAD_FAULTS } from './registry-connection.ts'
import { RegistryError, RegistryUnavailable, registryWords } from './registry-error.ts'

/** Service prefix of the IAM actions that the registry asks for; undefined for registries other than ECR. */
export type RegistryKind = 'ecr' | 'ecr-public' | undefined

// What ECR checks for each request of the distribution API (Amazon ECR User Guide, "Private registry authentication" and
// "IAM permissions for pushing"): HEAD answers have no body that would tell.
type IamOperation =
  | 'BatchCheckLayerAvailability'
  | 'InitiateLayerUpload'
  | 'UploadLayerPart'
  | 'CompleteLayerUpload'
  | 'PutImage'
  | 'BatchGetImage'
  | 'GetDownloadUrlForLayer'

const passedThrough = collectingGarbage('minor', 8 * 1024 * 1024)

/** One repository of a registry, through the OCI distribution API. Every method throws RegistryError, PermissionError, RegistryUnavailable. */
export class Repository {
  readonly connection: RegistryConnection
  /** without the host: `team/app` */
  readonly name: string
  readonly #kind: RegistryKind
  readonly #arn: string | undefined

  /** @param arn where it is known, for what a policy lacks */
  constructor(connection: RegistryConnection, name: string, kind: RegistryKind, arn?: string) {
    this.connection = connection
    this.name = name
    this.#kind = kind
    this.#arn = arn
  }

  /** The same repository, whose requests also end when `signal` aborts. */
  abortedBy(signal: AbortSignal): Repository {
    return new Repository(this.connection.abortedBy(signal), this.name, this.#kind, this.#arn)
  }

  get scope(): string {
    return `repository:${this.name}:pull,push`
  }

  async hasBlob(digest: string): Promise<boolean> {
    const answer = await this.send({ method: 'HEAD', url: this.url(`blobs/${digest}`) })
    // A registry that keeps its blobs elsewhere redirects to those that it has.
    if (answer.status === 200 || answer.status === 302 || answer.status === 307) return true
    if (answer.status === 404) return false
    throw await this.refusal(
      `The registry did not say whether it has ${digest}.`,
      answer,
      'BatchCheckLayerAvailability',
    )
  }

  /**
   * A blob's bytes from `start` on, not verified. A broken connection is taken up again where it broke.
   * @param gone ends the download
   * @param mostFaults in a row without a byte
   * @throws RegistryUnavailable when it breaks again and again without a byte
   */
  async *readBlob(
    { digest, size }: Descriptor,
    start: number,
    gone: AbortSignal,
    mostFaults = UPLOAD_FAULTS,
  ): AsyncGenerator<Buffer> {
    const connection = this.connection.abortedBy(gone)
    let at = start
    for (let faults = 0; at < size; ) {
      const begin = at
      const range = at === 0 ? {} : { headers: { range: `bytes=${at}-` } }
      const answer = await connection.download(
        { method: 'GET', url: this.url(`blobs/${digest}`), ...range },
        this.scope,
        mostFaults,
      )
      if (answer.stream === undefined) {
        throw await this.refusal(`The layer ${digest} could not be read.`, answer, 'GetDownloadUrlForLayer')
      }
      let skip = answer.status === 200 ? at : 0
      try {
        const wanted = size - at + skip
        for await (const chunk of answer.stream) {
          // Inside the loop, so that leaving it closes the connection.
          checkLength(answer, wanted)
          const piece = skip < chunk.length ? chunk.subarray(skip) : EMPTY
          skip = Math.max(0, skip - chunk.length)
          at += piece.length
          if (piece.length > 0) yield piece
          passedThrough(chunk.length)
        }
        if (at < size) throw new DamagedAnswer(`only ${at} of ${size} bytes came`)
      } catch (error) {
        connection.context.signal.throwIfAborted()
        const problem = brokenConnection(error)
        faults = at > begin ? 1 : faults + 1
        if (faults >= mostFaults) {
          throw new RegistryUnavailable(`The registry ${connection.host} did not give a layer to its end.`, {
            resource: `${this.name}@${digest}`,
            said: problem,
            saidBy: 'The connection',
          })
        }
        await connection.context.clock.sleep(backoffMs(faults, false, 0), connection.context.signal)
      }
    }
  }

  /** A blob that is small enough for memory, verified. */
  async smallBlob(descriptor: Descriptor): Promise<Buffer> {
    const { digest, size } = descriptor
    if (size > MANIFEST_LIMIT_BYTES)
      throw new Error(`${digest} has ${size} bytes, where ${MANIFEST_LIMIT_BYTES} are allowed`)
    const pieces: Buffer[] = []
    for await (const piece of this.readBlob(descriptor, 0, this.connection.context.signal, Number.POSITIVE_INFINITY))
      pieces.push(piece)
    const bytes = Buffer.concat(pieces)
    if (sha256(bytes) !== digest) throw new Error(`The registry sent ${sha256(bytes)}, where ${digest} was asked for.`)
    return bytes
  }

  /**
   * Takes a blob over from another repository of this registry, without its bytes.
   * @returns where to send them instead, where the registry does not do that: ECR only when the account turned it on
   */
  async mountBlob(
    digest: string,
    from: string,
  ): Promise<{ readonly mounted: true } | { readonly mounted: false; readonly upload: URL }> {
    const url = this.url('blobs/uploads/')
    url.searchParams.set('mount', digest)
    url.searchParams.set('from', from)
    const answer = await this.send({ method: 'POST', url }, UPLOAD_FAULTS)
    if (answer.status === 201) return { mounted: true }
    return { mounted: false, upload: answer.status === 202 ? this.location(answer) : await this.startUpload() }
  }

  async startUpload(): Promise<URL> {
    const answer = await this.send({ method: 'POST', url: this.url('blobs/uploads/') }, UPLOAD_FAULTS)
    if (answer.status === 202) return this.location(answer)
    throw await this.refusal('An upload could not be started.', answer, 'InitiateLayerUpload')
  }

  /** Best effort, for the registry's tidiness: it forgets an upload by itself after a while. */
  async cancelUpload(location: URL): Promise<void> {
    await this.connection.once({ method: 'DELETE', url: location }, this.scope).catch(() => undefined)
  }

  /** Puts a manifest under a tag or its digest. @returns the digest that the registry says it has now */
  async putManifest(reference: string, { mediaType, bytes }: Manifest): Promise<string> {
    const answer = await this.send({
      method: 'PUT',
      url: this.url(`manifests/${reference}`),
      headers: { 'content-type': mediaType },
      body: bytes,
    })
    if (answer.status !== 201 && answer.status !== 200) {
      throw await this.refusal(`The manifest could not be put under ${reference}.`, answer, 'PutImage')
    }
    return headerDigest(answer) ?? this.#appearing(reference)
  }

  /** What a tag that was put a moment ago stands for, where the answer did not say. @throws RegistryUnavailable */
  async #appearing(reference: string): Promise<string> {
    const { clock, signal } = this.connection.context
    for (let tries = 1; ; tries++) {
      const found = await this.digestOf(reference)
      if (found !== undefined) return found
      if (tries === APPEARS_TRIES) {
        throw new RegistryUnavailable(`The registry took the manifest, but has nothing under ${reference}.`, {
          resource: this.#resource,
        })
      }
      await clock.sleep(backoffMs(tries, true, 0), signal)
    }
  }

  /** The digest that a tag or digest stands for; undefined when there is none. */
  async digestOf(reference: string): Promise<string | undefined> {
    const answer = await this.send({ method: 'HEAD', url: this.url(`manifests/${reference}`), headers: ACCEPT })
    if (answer.status === 404) return undefined
    if (answer.status !== 200)
      throw await this.refusal(`The tag ${reference} could not be looked up.`, answer, 'BatchGetImage')
    return headerDigest(answer) ?? (await this.manifest(reference))?.digest
  }

  /** The manifest behind a tag or digest; undefined when there is none. */
  async manifest(reference: string): Promise<Manifest | undefined> {
    const found = await this.manifestOrRefusal(reference)
    if (!('status' in found)) return found
    if (found.status === 404) return undefined
    throw await this.refusal(`The image ${reference} could not be read.`, found, 'BatchGetImage')
  }

  /** The manifest behind a tag or digest, verified, or the registry's answer that it gives none. */
  async manifestOrRefusal(reference: string): Promise<Manifest | HttpAnswer> {
    const request: HttpRequest = { method: 'GET', url: this.url(`manifests/${reference}`), headers: ACCEPT }
    const answer = await this.connection.riding(`GET ${request.url.pathname}`, async () => {
      const found = await this.connection.once(request, this.scope)
      const announced = isDigest(reference) ? reference : headerDigest(found)
      if (found.status === 200 && announced !== undefined && announced !== sha256(found.body)) {
        throw new DamagedAnswer(`the registry announced the manifest ${announced} and sent ${sha256(found.body)}`)
      }
      return found
    })
    if (answer.status !== 200) return answer
    if (answer.body.length > MANIFEST_LIMIT_BYTES) {
      throw this.#unreadable(reference, `is too large: ${answer.body.length} bytes`)
    }
    try {
      return parseManifest(answer.body, answer.headers['content-type']?.split(';')[0]?.trim())
    } catch (error) {
      throw this.#unreadable(reference, error instanceof Error ? error.message : String(error))
    }
  }

  #unreadable(reference: string, problem: string): Failure {
    return new Failure(`The image ${reference} cannot be used.`, {
      resource: this.#resource,
      cause: `Its manifest ${problem}.`,
    })
  }

  /** @param mostFaults in a row; default: until the signal aborts */
  async send(request: HttpRequest, mostFaults?: number): Promise<HttpAnswer> {
    return this.connection.send(request, this.scope, mostFaults)
  }

  url(path: string): URL {
    return this.connection.url(`/v2/${this.name}/${path}`)
  }

  /** Where the upload goes on. @throws RegistryError when the registry does not say */
  location(answer: HttpAnswer): URL {
    const { location } = answer.headers
    if (location === undefined)
      throw new RegistryError('The registry does not say where to send the layer.', this.#resource, answer)
    return new URL(location, this.connection.url('/'))
  }

  /** The error for an answer that no retry mends. */
  async refusal(what: string, answer: HttpAnswer, operation: IamOperation): Promise<RegistryError | PermissionError> {
    const { code, text } = registryWords(answer)
    const [told, words] = answer.body.length > 0 ? [answer, text] : await this.#unsaid(answer)
    const tokenProblem = /authorization token/i.test(words) && !/not authorized to perform/.test(words)
    if (told.status === 401 || tokenProblem) {
      const host = this.connection.host
      return new RegistryError(`The registry ${host} did not accept the credentials.`, this.#resource, told)
    }
    // Amazon ECR refuses a tag too many with DENIED as well.
    if (/exceeds the maximum allowed number of tags/.test(text)) {
      return new RegistryError(what, this.#resource, answer, [TAGS_FULL])
    }
    if (this.#kind !== undefined && (code === 'DENIED' || answer.status === 403)) {
      const message = answer.body.length === 0 ? 'the answer to this request has no text' : text
      return new PermissionError(
        { code: code || 'DENIED', message, status: answer.status, retryAfterMs: undefined },
        `${this.#kind}:${operation}`,
        this.#arn === undefined ? {} : { arn: this.#arn },
      )
    }
    if (code === 'NAME_UNKNOWN') {
      return new RegistryError(`The repository ${this.name} does not exist.`, this.#resource, answer, [
        MISSING_REPOSITORY,
      ])
    }
    return new RegistryError(what, this.#resource, answer)
  }

  /** The answer to a HEAD has no words; where it is about credentials, `/v2/` says them. */
  async #unsaid(answer: HttpAnswer): Promise<[HttpAnswer, string]> {
    if (![400, 401, 403].includes(answer.status)) return [answer, '']
    const base = await this.send({ method: 'GET', url: this.connection.url('/v2/') })
    return base.status === 200 ? [answer, ''] : [base, registryWords(base).text]
  }

  get #resource(): string {
    return `${this.connection.host}/${this.name}`
  }
}

export const MISSING_REPOSITORY =
  'Correct the name, the region or the account, or create the repository (infrastructure code, or: aws ecr create-repository).'

const TAGS_FULL =
  'Delete tags of this image that nothing needs (aws ecr batch-delete-image), or use fewer tags: an image holds 1,000.'

/** looks at a tag after it was put, over some five seconds */
const APPEARS_TRIES = 5
const EMPTY = Buffer.alloc(0)

function checkLength({ headers }: HttpAnswer, wanted: number): void {
  const length = headers['content-length']
  if (length !== undefined && Number(length) !== wanted) {
    throw new DamagedAnswer(`${length} bytes were announced, where ${wanted} are to come`)
  }
}

const ACCEPT = { accept: MANIFEST_TYPES.join(', ') }

function headerDigest({ headers }: HttpAnswer): string | undefined {
  const digest = headers['docker-content-digest']
  return typeof digest === 'string' && isDigest(digest) ? digest : undefined
}
