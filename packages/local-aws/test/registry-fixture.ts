import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { digestOf } from '../src/registry/digest.ts'
import { mediaTypes } from '../src/registry/manifest.ts'
import { type RegistryOptions, type RegistryServer, startRegistry } from '../src/registry/registry.ts'

export const accountId = '123456789012'
export const region = 'eu-west-1'

export interface Fixture {
  readonly registry: RegistryServer
  /** a request to the private registry as the user AWS; `authorization: undefined` sends none */
  send(method: string, path: string, options?: Send): Promise<Response>
  sendPublic(method: string, path: string, options?: Send): Promise<Response>
  /** uploads the bytes in one piece and returns their digest */
  pushBlob(name: string, bytes: Buffer): Promise<string>
  /** pushes an image of one layer and returns its digest */
  pushImage(name: string, tag: string, layer: string): Promise<string>
  create(name: string, inRegion?: string): void
  createPublic(name: string): void
  close(): Promise<void>
}

export interface Send {
  readonly headers?: Record<string, string>
  readonly body?: Buffer | string
  readonly authorization?: string | undefined
  readonly redirect?: 'follow' | 'manual'
}

export function basic(password: string): string {
  return `Basic ${Buffer.from(`AWS:${password}`).toString('base64')}`
}

/** Code and message of a registry's error. */
export async function errorOf(response: Response): Promise<{ status: number; code: string; message: string }> {
  const body: unknown = await response.json()
  if (typeof body !== 'object' || body === null || !('errors' in body) || !Array.isArray(body.errors)) {
    throw new Error(`no errors in ${JSON.stringify(body)}`)
  }
  const [first]: unknown[] = body.errors
  if (typeof first !== 'object' || first === null || !('code' in first) || !('message' in first)) {
    throw new Error(`no error in ${JSON.stringify(body)}`)
  }
  return { status: response.status, code: String(first.code), message: String(first.message) }
}

/** An image manifest of these blobs. */
export function manifestOf(
  config: Buffer,
  layers: readonly Buffer[],
  mediaType: string = mediaTypes.ociManifest,
): Buffer {
  const descriptor = (bytes: Buffer, type: string): object => ({
    mediaType: type,
    digest: digestOf(bytes),
    size: bytes.length,
  })
  // not how JSON.stringify would write it: the bytes must come back as they went
  return Buffer.from(
    `${JSON.stringify(
      {
        schemaVersion: 2,
        mediaType,
        config: descriptor(config, 'application/vnd.oci.image.config.v1+json'),
        layers: layers.map(layer => descriptor(layer, 'application/vnd.oci.image.layer.v1.tar+gzip')),
      },
      undefined,
      3,
    )}\n`,
  )
}

export async function startFixture(options: Partial<RegistryOptions> = {}): Promise<Fixture> {
  const directory = await mkdtemp(join(tmpdir(), 'registry-test-'))
  const registry = await startRegistry({ accountId, directory, ...options })
  const password = registry.password('private', region).password
  const bearer = Buffer.from(`AWS:${registry.password('public', 'us-east-1').password}`).toString('base64')
  const send = async (address: string, method: string, path: string, authorization: string, options: Send) => {
    const given = 'authorization' in options ? options.authorization : authorization
    const headers = { ...options.headers, ...(given === undefined ? {} : { authorization: given }) }
    const url = path.startsWith('http') ? path : `http://${address}${path}`
    const body = options.body === undefined ? {} : { body: options.body }
    return await fetch(url, { method, headers, redirect: options.redirect ?? 'follow', ...body })
  }
  const fixture: Fixture = {
    registry,
    send: (method, path, sent = {}) => send(registry.address, method, path, basic(password), sent),
    sendPublic: (method, path, sent = {}) => send(registry.publicAddress, method, path, `Bearer ${bearer}`, sent),
    async pushBlob(name, bytes) {
      const digest = digestOf(bytes)
      const response = await fixture.send('POST', `/v2/${name}/blobs/uploads/?digest=${digest}`, { body: bytes })
      if (response.status !== 201) throw new Error(`push of a blob: ${response.status} ${await response.text()}`)
      return digest
    },
    async pushImage(name, tag, layer) {
      const [config, content] = [Buffer.from(JSON.stringify({ layer })), Buffer.from(layer)]
      for (const blob of [config, content]) await fixture.pushBlob(name, blob)
      const body = manifestOf(config, [content])
      const headers = { 'content-type': mediaTypes.ociManifest }
      const response = await fixture.send('PUT', `/v2/${name}/manifests/${tag}`, { body, headers })
      if (response.status !== 201) throw new Error(`push of an image: ${response.status} ${await response.text()}`)
      return digestOf(body)
    },
    create(name, inRegion = region) {
      registry.repositories.create({ kind: 'private', registryId: accountId, region: inRegion }, name)
    },
    createPublic(name) {
      registry.repositories.create({ kind: 'public', registryId: accountId, region: 'us-east-1' }, name)
    },
    async close() {
      if (options.directory === undefined) await registry.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
  return fixture
}
