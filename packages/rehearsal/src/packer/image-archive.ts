import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Pack, pack } from 'tar-stream'
import type { BaseLayer } from './base-image.ts'
import type { ImageConfig } from './stage.ts'
import type { Tree } from './tree.ts'

const EPOCH = new Date(0)

/** Content of an archive: its bytes are read when they are written. */
interface Blob {
  readonly digest: string
  readonly size: number
  readonly open: () => AsyncIterable<Buffer>
}

/**
 * Writes an image as one tar that is both an OCI image layout and what `docker load` reads. The same content gives the same
 * bytes: members sorted, times at the epoch, owner 0.
 *
 * @returns the digest of the manifest
 */
export async function writeImageArchive(
  output: string,
  config: ImageConfig,
  baseLayers: readonly BaseLayer[],
  trees: readonly Tree[],
): Promise<string> {
  const folder = await mkdtemp(join(dirname(output), '.pack-'))
  try {
    const own: Blob[] = []
    for (const [index, tree] of trees.entries()) own.push(await writtenLayer(join(folder, `${index}.tar`), tree))
    const layers = [
      ...baseLayers,
      ...own.map(blob => ({ ...blob, diffId: blob.digest, mediaType: 'application/vnd.oci.image.layer.v1.tar' })),
    ]
    const imageConfig = jsonBlob({
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      created: '1970-01-01T00:00:00Z',
      config,
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    })
    const manifest = jsonBlob({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: {
        mediaType: 'application/vnd.oci.image.config.v1+json',
        digest: imageConfig.digest,
        size: imageConfig.size,
      },
      layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
    })
    const index = {
      schemaVersion: 2,
      manifests: [
        { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: manifest.digest, size: manifest.size },
      ],
    }
    const saved = [{ Config: blobName(imageConfig), RepoTags: null, Layers: layers.map(blobName) }]
    const blobs = new Map([imageConfig, manifest, ...layers].map(blob => [blobName(blob), blob]))
    const members = new Map<string, Blob>([
      ...blobs,
      ['index.json', jsonBlob(index)],
      ['manifest.json', jsonBlob(saved)],
      ['oci-layout', jsonBlob({ imageLayoutVersion: '1.0.0' })],
    ])
    const partial = join(folder, 'image.tar')
    await writtenTar(partial, async tar => {
      for (const [name, blob] of [...members].sort(([a], [b]) => (a < b ? -1 : 1))) {
        await addFile(tar, { name, mode: 0o644, size: blob.size, mtime: EPOCH }, blob.open())
      }
    })
    await rename(partial, output)
    return manifest.digest
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function writtenLayer(path: string, tree: Tree): Promise<Blob> {
  await writtenTar(path, async tar => {
    for (const [name, entry] of [...tree].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const common = { mode: entry.mode, uid: 0, gid: 0, mtime: EPOCH }
      if (entry.kind === 'folder') tar.entry({ ...common, name: `${name}/`, type: 'directory' })
      else if (entry.kind === 'link') tar.entry({ ...common, name, type: 'symlink', linkname: entry.target })
      else await addFile(tar, { ...common, name, size: entry.size }, createReadStream(entry.from))
    }
  })
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk)
    size += chunk.length
  }
  return { digest: `sha256:${hash.digest('hex')}`, size, open: () => createReadStream(path) }
}

async function writtenTar(path: string, fill: (tar: Pack) => Promise<void>): Promise<void> {
  const tar = pack()
  const filled = fill(tar).then(
    () => tar.finalize(),
    (error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))),
  )
  await pipeline(Readable.from(tar), createWriteStream(path))
  await filled
}

async function addFile(
  tar: Pack,
  header: { name: string; mode: number; size: number; mtime: Date; uid?: number; gid?: number },
  content: AsyncIterable<Buffer>,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const sink = tar.entry(header, error => (error ? reject(error) : resolve()))
    const send = async (): Promise<void> => {
      for await (const chunk of content) {
        if (!sink.write(chunk)) await new Promise<void>(drained => sink.once('drain', () => drained()))
      }
      sink.end(undefined)
    }
    send().catch(reject)
  })
}

function jsonBlob(document: unknown): Blob {
  const bytes = Buffer.from(JSON.stringify(document))
  return {
    digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    size: bytes.length,
    open: () => Readable.from([bytes]),
  }
}

function blobName({ digest }: { digest: string }): string {
  return `blobs/${digest.replace(':', '/')}`
}
