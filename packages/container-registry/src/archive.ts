import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { Failure } from '@aws-deploy-actions/action-runtime'
import { MANIFEST_LIMIT_BYTES } from './content.ts'
import { dockerSaveImage } from './docker-save.ts'
import type { ImageSource } from './image-source.ts'
import { isCompleteLayout, ociLayoutImage } from './oci-layout.ts'
import { type TarMember, tarMembers } from './tar-members.ts'

/** An image archive, indexed: what the two forms are read from. */
export interface Archive {
  readonly members: ReadonlyMap<string, TarMember>
  /** the whole of a small member; @throws Error when it is absent or larger than a manifest may be */
  read(name: string): Promise<Buffer>
  /** the first bytes of a member */
  start(member: TarMember, bytes: number): Promise<Buffer>
  /** a stream of a member's bytes from `offset` on */
  stream(member: TarMember, offset: number): ReturnType<typeof createReadStream>
  /** sha256 digest of a member's bytes */
  digest(member: TarMember, signal: AbortSignal): Promise<string>
}

/** The archive cannot be pushed; nothing was sent. */
export class ArchiveError extends Failure {
  override readonly name = 'ArchiveError'

  constructor(path: string, problem: string, options?: ErrorOptions) {
    super(
      'The image archive cannot be pushed: nothing was sent.',
      {
        resource: path,
        cause: problem,
        next: [
          'Make the archive again: docker save, docker buildx build --output type=oci, skopeo copy … oci-archive:…',
        ],
      },
      options,
    )
  }
}

/**
 * Opens an OCI image layout or `docker save` tar and checks all of it but the layers' bytes, which are verified while
 * they are sent. Layers stay on disk.
 *
 * @throws ArchiveError
 */
export async function openArchive(path: string, signal: AbortSignal): Promise<ImageSource> {
  let file: FileHandle | undefined
  try {
    file = await open(path, 'r')
    await refuseCompressed(file)
    const archive = readableArchive(path, file, await tarMembers(file))
    const source = await imageIn(archive, signal)
    const handle = file
    return { ...source, close: () => handle.close() }
  } catch (error) {
    await file?.close()
    signal.throwIfAborted()
    if (error instanceof Failure) throw error
    throw new ArchiveError(path, error instanceof Error ? error.message : String(error), { cause: error })
  }
}

// Since version 25 the Engine writes both forms into one tar. The OCI layout comes first: it has the manifest whose digest
// the Engine knows. With the containerd image store its index can name platforms that were not saved; then the other form
// still holds one complete image.
async function imageIn(archive: Archive, signal: AbortSignal): Promise<Omit<ImageSource, 'close'>> {
  const hasLayout = archive.members.has('index.json') && archive.members.has('oci-layout')
  const hasSaved = archive.members.has('manifest.json')
  if (hasLayout && (!hasSaved || (await isCompleteLayout(archive)))) return ociLayoutImage(archive)
  if (hasSaved) return dockerSaveImage(archive, signal)
  throw new Error(
    'it holds neither "index.json" with "oci-layout" (OCI image layout) nor "manifest.json" (docker save)',
  )
}

async function refuseCompressed(file: FileHandle): Promise<void> {
  const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0)
  const compression = compressionOf(buffer)
  if (compression !== undefined) throw new Error(`it is compressed (${compression}); unpack it to a plain tar first`)
}

/** Compression by its first bytes (RFC 1952, RFC 8878); undefined for anything else. */
export function compressionOf(start: Buffer): 'gzip' | 'zstd' | undefined {
  if (start.length >= 2 && start.readUInt16BE(0) === 0x1f8b) return 'gzip'
  if (start.length >= 4 && start.readUInt32LE(0) === 0xfd2fb528) return 'zstd'
  return undefined
}

function readableArchive(path: string, file: FileHandle, members: ReadonlyMap<string, TarMember>): Archive {
  const stream = (member: TarMember, offset: number) =>
    createReadStream(path, {
      start: member.at + offset,
      end: member.at + member.size - 1,
      highWaterMark: 256 * 1024,
    })
  const start = async (member: TarMember, bytes: number): Promise<Buffer> => {
    const wanted = Math.min(bytes, member.size)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(wanted), 0, wanted, member.at)
    return buffer.subarray(0, bytesRead)
  }
  return {
    members,
    start,
    stream,
    read: async name => {
      const member = members.get(name)
      if (member === undefined) throw new Error(`"${name}" is missing`)
      if (member.size > MANIFEST_LIMIT_BYTES) throw new Error(`"${name}" is too large (${member.size} bytes)`)
      return start(member, member.size)
    },
    digest: async (member, signal) => {
      if (member.size === 0) return `sha256:${createHash('sha256').digest('hex')}`
      const hash = createHash('sha256')
      for await (const chunk of stream(member, 0)) {
        signal.throwIfAborted()
        hash.update(chunk)
      }
      return `sha256:${hash.digest('hex')}`
    },
  }
}
