import type { ImageConfig } from './stage.ts'

/** A layer as it lies in an archive. */
export interface BaseLayer {
  readonly digest: string
  readonly diffId: string
  readonly mediaType: string
  readonly size: number
  readonly open: () => AsyncIterable<Buffer>
}

export interface BaseImage {
  readonly config: ImageConfig
  readonly layers: readonly BaseLayer[]
  close(): Promise<void>
}

/** An empty root; whoever runs it without Docker puts this machine's Node on the PATH. */
export const LOCAL_NODE = 'local-node'

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

export function emptyBase(name: string): BaseImage {
  return { config: { Env: name === LOCAL_NODE ? [PATH] : [] }, layers: [], close: async () => undefined }
}

/** Opens an image archive to build upon. @throws ArchiveError; Error for a multi-platform index */
export async function archivedBase(path: string): Promise<BaseImage> {
  // loads the AWS clients, which a base without an archive can do without
  const { openArchive } = await import('@aws-deploy-actions/container-registry')
  const { signal } = new AbortController()
  const source = await openArchive(path, signal)
  const { content } = source.root
  if (content.kind !== 'image') throw new Error(`${path} holds images for several platforms; a base is one image`)
  const opener = (digest: string) => {
    const blob = source.blobs.find(({ descriptor }) => descriptor.digest === digest)
    if (blob === undefined) throw new Error(`${path} lacks ${digest}`)
    return () => copies(blob.open(0, signal))
  }
  const chunks: Buffer[] = []
  for await (const chunk of opener(content.config.digest)()) chunks.push(chunk)
  const document: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
  const diffIds = diffIdsOf(document)
  return {
    config: configOf(document),
    layers: content.layers.map(({ digest, mediaType, size }, index) => ({
      digest,
      diffId: diffIds[index] ?? digest,
      mediaType: /gzip$/.test(mediaType)
        ? 'application/vnd.oci.image.layer.v1.tar+gzip'
        : 'application/vnd.oci.image.layer.v1.tar',
      size,
      open: opener(digest),
    })),
    close: source.close,
  }
}

/** A tar writer keeps pieces for later, an archive uses their memory again. */
async function* copies(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const piece of pieces) yield Buffer.from(piece)
}

function diffIdsOf(document: unknown): string[] {
  const list = member(member(document, 'rootfs'), 'diff_ids')
  return Array.isArray(list) ? list.filter(entry => typeof entry === 'string') : []
}

function configOf(document: unknown): ImageConfig {
  const config = member(document, 'config')
  const env = texts(member(config, 'Env'))
  const command = texts(member(config, 'Cmd'))
  const entryPoint = texts(member(config, 'Entrypoint'))
  const folder = member(config, 'WorkingDir')
  const user = member(config, 'User')
  const labels = member(config, 'Labels')
  const ports = member(config, 'ExposedPorts')
  return {
    Env: env ?? [],
    ...(command === undefined ? {} : { Cmd: command }),
    ...(entryPoint === undefined ? {} : { Entrypoint: entryPoint }),
    ...(typeof folder === 'string' && folder !== '' ? { WorkingDir: folder } : {}),
    ...(typeof user === 'string' && user !== '' ? { User: user } : {}),
    ...(isObject(labels)
      ? { Labels: Object.fromEntries(Object.entries(labels).map(([key, text]) => [key, String(text)])) }
      : {}),
    ...(isObject(ports) ? { ExposedPorts: Object.fromEntries(Object.keys(ports).map(port => [port, {}])) } : {}),
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function member(value: unknown, name: string): unknown {
  return isObject(value) ? value[name] : undefined
}

function texts(value: unknown): string[] | undefined {
  return Array.isArray(value) ? value.filter(entry => typeof entry === 'string') : undefined
}
