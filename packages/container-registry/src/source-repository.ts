import { type Calling, PermissionError, parseImageReference } from '@aws-deploy-actions/aws-clients'
import { imageAddress } from '@aws-deploy-actions/aws-clients/image-address'
import type { RegistryCredentials } from './authorization.ts'
import { ecrLogin } from './ecr-login.ts'
import { isLoopback } from './http-exchange.ts'
import { RegistryConnection, type RegistryContext } from './registry-connection.ts'
import { Repository } from './repository.ts'
import { arnOfAddress } from './repository-arn.ts'

/** Where an image to copy lies. */
export interface SourceRepository {
  readonly repository: Repository
  /** tag or digest */
  readonly reference: string
  /** `ecr:NAME:TAG`, `ecr-public:ALIAS/NAME@sha256:…`: tells neither account nor ECR's host */
  readonly name: string
  close(): void
}

/** Where the copy goes; a source in the same registry is spoken to through the same connection. */
export interface CopyTarget {
  readonly repository: Repository
  readonly region: string
}

const ALLOWED =
  'allowed is an image with its tag or digest, such as ecr:NAME:TAG, ecr:NAME@sha256:… or REGISTRY/NAME:TAG'
const ADDRESS = /^([^/]+)\/(.+?)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$/
const PATH = /^[a-z0-9]+(?:[._/-]+[a-z0-9]+)*$/

interface ImageAddress {
  readonly host: string
  readonly path: string
  readonly reference: string
}

/** Checks the form of a source image. @throws Error that says what is allowed */
export function checkSourceImage(text: string): void {
  const reference = parseImageReference(text)
  if (reference.registry === 'other') addressIn(text)
  else if (reference.version === '') throw new Error(ALLOWED)
}

/**
 * Finds the registry of a source image and logs in to it: ECR in any account and region that the role may read, ECR
 * Public, and registries that are open to all.
 *
 * @param text `ecr:…`, `ecr-public:…`, or a full address
 * @param region of the step, for short names
 * @throws Error for a malformed reference; Failure, PermissionError
 */
export async function sourceRepository(
  text: string,
  region: string,
  step: Calling & RegistryContext,
  target?: CopyTarget,
): Promise<SourceRepository> {
  const wanted = parseImageReference(text)
  const { host, path, reference } = addressIn(await imageAddress(wanted, region, step))
  const ownRegion = wanted.registry === 'private' ? (wanted.region ?? region) : region
  const shared =
    target !== undefined &&
    target.repository.connection.host === host &&
    (wanted.registry !== 'private' || target.region === ownRegion)
  const connection = shared
    ? target.repository.connection
    : new RegistryConnection(host, await credentialsFor(wanted.registry, host, ownRegion, step), step)
  const iam = wanted.registry === 'private' ? 'ecr' : wanted.registry === 'public' ? 'ecr-public' : undefined
  return {
    repository: new Repository(connection, path, iam, arnOfAddress(`${host}/${path}`)),
    reference,
    name: nameOf(wanted, text),
    close: () => (shared ? undefined : connection.close()),
  }
}

async function credentialsFor(
  registry: 'private' | 'public' | 'other',
  host: string,
  region: string,
  step: Calling & RegistryContext,
): Promise<RegistryCredentials | undefined> {
  if (registry === 'private') return (await ecrLogin('private', region, step, step.hide)).credentials
  if (registry === 'other') {
    // A registry on this machine may be the local AWS's; a password goes to the host that it is for, and to no other.
    if (!isLoopback(host)) return undefined
    const login = await ecrLogin('private', region, step, step.hide).catch(error => unlessDenied(error, step))
    return login?.host === host ? login.credentials : undefined
  }
  // Everybody may pull from ECR Public; who logs in may pull more.
  const login = await ecrLogin('public', region, step, step.hide).catch(error => unlessDenied(error, step))
  return login?.credentials
}

function unlessDenied(error: unknown, { log }: Calling): undefined {
  const denied = error instanceof PermissionError || (error instanceof Error && error.cause instanceof PermissionError)
  if (!denied) throw error
  log.info(`${error.message} The source image is read without a login.`)
}

/** @throws Error that says what is allowed */
function addressIn(address: string): ImageAddress {
  const [, host = '', path = '', tag, digest] = ADDRESS.exec(address) ?? []
  const reference = digest ?? tag
  if (reference === undefined || !PATH.test(path)) throw new Error(ALLOWED)
  const isHost = /[.:]/.test(host) || host === 'localhost'
  if (!isHost) throw new Error(`${ALLOWED}, with the registry's host in front`)
  // Docker Hub's registry has another name than its images.
  if (host !== 'docker.io') return { host, path, reference }
  return { host: 'registry-1.docker.io', path: path.includes('/') ? path : `library/${path}`, reference }
}

function nameOf(wanted: ReturnType<typeof parseImageReference>, text: string): string {
  if (wanted.registry === 'private') return `ecr:${wanted.repository}${wanted.version}`
  if (wanted.registry === 'public') return `ecr-public:${wanted.alias}/${wanted.repository}${wanted.version}`
  return text
}
