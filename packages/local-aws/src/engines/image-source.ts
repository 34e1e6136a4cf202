import { createHash } from 'node:crypto'
import type { Cloud } from '../cloud.ts'
import { PullError } from '../engine.ts'
import { isRecord } from '../smithy.ts'

const manifestTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
]

/** A layer's blob. */
export interface Layer {
  readonly digest: string
  readonly mediaType: string
}

/** An image of this machine's platform as its registry describes it. */
export interface ImageDescription {
  /** of the manifest or index that the reference names */
  readonly digest: string
  readonly layers: readonly Layer[]
  readonly os: string
  readonly architecture: string
  readonly environment: readonly string[]
  readonly entryPoint: readonly string[]
  readonly command: readonly string[]
  readonly workingDirectory: string
  readonly exposesPorts: boolean
  /** a layer's bytes, as they lie in the registry; the reader checks the digest */
  layer(digest: string): Promise<Response>
}

/** Node's names of architectures → OCI's */
const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' }

/** OCI's name of this machine's architecture. */
export const hostArchitecture = architectures[process.arch] ?? process.arch

/**
 * Looks an image up in the cloud's registry, over HTTP and with a password, as a container runtime does.
 * @param signal ends every request, also those for layers
 * @throws PullError with containerd's text
 */
export async function describedImage(cloud: Cloud, reference: string, signal: AbortSignal): Promise<ImageDescription> {
  const local = cloud.registry.localReference(reference)
  if (!local.registry) {
    throw new PullError(
      `failed to resolve ref ${reference}: failed to do request: local-aws pulls from its own registry only (${cloud.registry.address})`,
    )
  }
  const { host, name, tag } = parsedReference(local.reference)
  const { authorization } = cloud.registry.engineAccess(local)
  const base = `http://${host}/v2/${name}`

  async function get(path: string, accept: readonly string[]): Promise<Response> {
    const response = await fetchPatiently(
      `${base}/${path}`,
      { signal, headers: { authorization, accept: accept.join(', ') } },
      reference,
    )
    if (response.status === 404) throw new PullError(`failed to resolve ref ${reference}: ${reference}: not found`)
    if (!response.ok) {
      throw new PullError(
        `failed to resolve ref ${reference}: unexpected status from GET request to ${base}/${path}: ${response.status} ${response.statusText}: ${await response.text()}`,
      )
    }
    return response
  }

  const top = await verified(
    await get(`manifests/${tag}`, manifestTypes),
    tag.startsWith('sha256:') ? tag : undefined,
    reference,
  )
  const manifest = isIndex(top.json)
    ? (
        await verified(
          await get(`manifests/${platformDigest(top.json)}`, manifestTypes),
          platformDigest(top.json),
          reference,
        )
      ).json
    : top.json
  const configDigest = textOf(recordOf(manifest.config).digest)
  const { json: config } = await verified(await get(`blobs/${configDigest}`, ['*/*']), configDigest, reference)
  const run = recordOf(config.config)
  return {
    digest: top.digest,
    layers: listOf(manifest.layers).map(layer => ({
      digest: textOf(recordOf(layer).digest),
      mediaType: textOf(recordOf(layer).mediaType),
    })),
    os: textOf(config.os),
    architecture: textOf(config.architecture),
    environment: listOf(run.Env).map(textOf),
    entryPoint: listOf(run.Entrypoint).map(textOf),
    command: listOf(run.Cmd).map(textOf),
    workingDirectory: textOf(run.WorkingDir) || '/',
    exposesPorts: Object.keys(recordOf(run.ExposedPorts)).length > 0,
    layer: digest => get(`blobs/${digest}`, ['*/*']),
  }
}

/** Container runtimes ride out what is transient: three tries on broken connections and 5xx. */
async function fetchPatiently(url: string, init: RequestInit, reference: string): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    try {
      const response = await fetch(url, init)
      if ((response.status < 500 && response.status !== 429) || attempt >= 3) return response
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
      if (attempt >= 3 || init.signal?.aborted) {
        throw new PullError(`failed to resolve ref ${reference}: failed to do request: GET "${url}": ${cause}`)
      }
    }
    await new Promise(resolve => setTimeout(resolve, 100 * attempt))
  }
}

async function verified(response: Response, expected: string | undefined, reference: string) {
  const bytes = Buffer.from(await response.arrayBuffer())
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
  if (expected !== undefined && digest !== expected) {
    throw new PullError(
      `failed commit on ref "${reference}": unexpected commit digest ${digest}, expected ${expected}: failed precondition`,
    )
  }
  try {
    const json: unknown = JSON.parse(bytes.toString('utf8'))
    return { digest, json: recordOf(json) }
  } catch (error) {
    throw new PullError(`failed to resolve ref ${reference}: ${error instanceof Error ? error.message : error}`)
  }
}

function isIndex(manifest: Readonly<Record<string, unknown>>): boolean {
  return Array.isArray(manifest.manifests)
}

function platformDigest(index: Readonly<Record<string, unknown>>): string {
  const fits = listOf(index.manifests)
    .map(recordOf)
    .find(({ platform }) => recordOf(platform).os === 'linux' && recordOf(platform).architecture === hostArchitecture)
  // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html
  if (!fits)
    throw new PullError(`image Manifest does not contain descriptor matching platform 'linux/${hostArchitecture}'`)
  return textOf(fits.digest)
}

function parsedReference(reference: string): { readonly host: string; readonly name: string; readonly tag: string } {
  const slash = reference.indexOf('/')
  const path = reference.slice(slash + 1)
  const [named = '', digest] = path.split('@')
  const colon = named.lastIndexOf(':')
  const name = colon < 0 ? named : named.slice(0, colon)
  return { host: reference.slice(0, slash), name, tag: digest ?? (colon < 0 ? 'latest' : named.slice(colon + 1)) }
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {}
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
