import { PermissionError } from '@aws-deploy-actions/aws-clients'
import { isDigest, MANIFEST_TYPES, type Manifest, parseManifest, sha256 } from './content.ts'
import type { HttpAnswer, HttpRequest } from './http-exchange.ts'
import type { RegistryConnection } from './registry-connection.ts'
import { RegistryError, registryWords } from './registry-error.ts'

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

/** One repository of a registry, through the OCI distribution API. Every method throws RegistryError, PermissionError, RegistryUnavailable. */
export class Repository {
  readonly connection: RegistryConnection
  /** without the host: `team/app` */
  readonly name: string
  readonly #kind: RegistryKind

  constructor(connection: RegistryConnection, name: string, kind: RegistryKind) {
    this.connection = connection
    this.name = name
    this.#kind = kind
  }

  /** The same repository, whose requests also end when `signal` aborts. */
  abortedBy(signal: AbortSignal): Repository {
    return new Repository(this.connection.abortedBy(signal), this.name, this.#kind)
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

  /** Takes a blob over from another repository of this registry, without its bytes. @returns false where the registry does not do that */
  async mountBlob(digest: string, from: string): Promise<boolean> {
    const url = this.url('blobs/uploads/')
    url.searchParams.set('mount', digest)
    url.searchParams.set('from', from)
    const answer = await this.send({ method: 'POST', url })
    if (answer.status === 201) return true
    if (answer.status === 202) {
      await this.cancelUpload(this.location(answer))
      return false
    }
    throw await this.refusal(`The layer ${digest} could not be taken over from ${from}.`, answer, 'InitiateLayerUpload')
  }

  async startUpload(): Promise<URL> {
    const answer = await this.send({ method: 'POST', url: this.url('blobs/uploads/') })
    if (answer.status === 202) return this.location(answer)
    throw await this.refusal('An upload could not be started.', answer, 'InitiateLayerUpload')
  }

  /** Best effort, for the registry's tidiness: it forgets an upload by itself after a while. */
  async cancelUpload(location: URL): Promise<void> {
    await this.connection.once({ method: 'DELETE', url: location }, this.scope).catch(() => undefined)
  }

  /** Puts a manifest under a tag or its digest. @returns the digest that the registry says it has now */
  async putManifest(reference: string, { mediaType, bytes, digest }: Manifest): Promise<string> {
    const answer = await this.send({
      method: 'PUT',
      url: this.url(`manifests/${reference}`),
      headers: { 'content-type': mediaType },
      body: bytes,
    })
    if (answer.status !== 201 && answer.status !== 200) {
      throw await this.refusal(`The manifest could not be put under ${reference}.`, answer, 'PutImage')
    }
    return headerDigest(answer) ?? (await this.digestOf(reference)) ?? digest
  }

  /** The digest that a tag or digest stands for; undefined when there is none. */
  async digestOf(reference: string): Promise<string | undefined> {
    const answer = await this.send({ method: 'HEAD', url: this.url(`manifests/${reference}`), headers: ACCEPT })
    if (answer.status === 404) return undefined
    if (answer.status !== 200)
      throw await this.refusal(`The tag ${reference} could not be looked up.`, answer, 'BatchGetImage')
    return headerDigest(answer) ?? (await this.manifest(reference))?.digest
  }

  /** The manifest behind a tag or digest; undefined when there is none. @throws Error when it is not what was asked for */
  async manifest(reference: string): Promise<Manifest | undefined> {
    const answer = await this.send({ method: 'GET', url: this.url(`manifests/${reference}`), headers: ACCEPT })
    if (answer.status === 404) return undefined
    if (answer.status !== 200)
      throw await this.refusal(`The image ${reference} could not be read.`, answer, 'BatchGetImage')
    const digest = sha256(answer.body)
    const announced = isDigest(reference) ? reference : headerDigest(answer)
    if (announced !== undefined && announced !== digest) {
      throw new Error(`The registry announced the manifest ${announced} and sent ${digest}.`)
    }
    return parseManifest(answer.body, answer.headers['content-type']?.split(';')[0]?.trim())
  }

  async send(request: HttpRequest): Promise<HttpAnswer> {
    return this.connection.send(request, this.scope)
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
    if (this.#kind !== undefined && (code === 'DENIED' || answer.status === 403)) {
      const message = answer.body.length === 0 ? 'the answer to this request has no text' : text
      return new PermissionError(
        { code: code || 'DENIED', message, status: answer.status, retryAfterMs: undefined },
        `${this.#kind}:${operation}`,
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

const ACCEPT = { accept: MANIFEST_TYPES.join(', ') }

function headerDigest({ headers }: HttpAnswer): string | undefined {
  const digest = headers['docker-content-digest']
  return typeof digest === 'string' && isDigest(digest) ? digest : undefined
}
