import { type FileHandle, open } from 'node:fs/promises'
import { Failure } from '@aws-deploy-actions/action-runtime'
import { compressionOf, MANIFEST_LIMIT_BYTES } from './content.ts'
import { dockerSaveImage } from './docker-save.ts'
import type { ImageSource } from './image-source.ts'
import { refuseBomb } from './layer-expansion.ts'
import { isCompleteLayout, ociLayoutImage } from './oci-layout.ts'
import { type TarMember, tarMembers } from './tar-members.ts'

/** An image archive, indexed: what the two forms are read from. */
export interface Archive {
  readonly members: ReadonlyMap<string, TarMember>
  /** the whole of a small member; @throws Error when it is absent or larger than a manifest may be */
  read(name: string): Promise<Buffer>
  /** the first bytes of a member */
  start(member: TarMember, bytes: number): Promise<Buffer>
  /** a member's bytes from `offset` on; a piece is valid until the next one is asked for */
  bytes(member: TarMember, offset: number): AsyncIterable<Buffer>
}

export const ARCHIVE_REMEDY = 'Make the image archive again.'

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
    const archive = readableArchive(file, await tarMembers(file))
    const source = await imageIn(archive, signal)
    for (const blob of source.blobs) await refuseBomb(blob, signal)
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

function readableArchive(file: FileHandle, members: ReadonlyMap<string, TarMember>): Archive {
  const bytes = (member: TarMember, offset: number) => pieces(file, member.at + offset, member.at + member.size)
  const start = async (member: TarMember, most: number): Promise<Buffer> => {
    const wanted = Math.min(most, member.size)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(wanted), 0, wanted, member.at)
    return buffer.subarray(0, bytesRead)
  }
  return {
    members,
    start,
    bytes,
    read: async name => {
      const member = members.get(name)
      if (member === undefined) throw new Error(`"${name}" is missing`)
      if (member.size > MANIFEST_LIMIT_BYTES) {
        throw new Error(`"${name}" is too large: ${member.size} bytes, where ${MANIFEST_LIMIT_BYTES} are allowed`)
      }
      return start(member, member.size)
    },
  }
}

const PIECE_BYTES = 256 * 1024

/** A file's bytes from `start` to before `end`. Two buffers take turns: the next one fills while the last one is used. */
async function* pieces(file: FileHandle, start: number, end: number): AsyncGenerator<Buffer> {
  if (start >= end) return
  const size = Math.min(PIECE_BYTES, end - start)
  let at = start
  const fill = (buffer: Buffer<ArrayBuffer>) => file.read(buffer, 0, Math.min(size, end - at), at)
  let spare = Buffer.allocUnsafeSlow(size)
  let filling = fill(Buffer.allocUnsafeSlow(size))
  try {
    for (;;) {
      const { buffer, bytesRead } = await filling
      if (bytesRead === 0) throw new Error('the archive became shorter while it was read')
      at += bytesRead
      if (at >= end) {
        yield buffer.subarray(0, bytesRead)
        return
      }
      filling = fill(spare)
      yield buffer.subarray(0, bytesRead)
      spare = buffer
    }
  } finally {
    // Nobody waits for what was read ahead.
    filling.catch(() => undefined)
  }
}
