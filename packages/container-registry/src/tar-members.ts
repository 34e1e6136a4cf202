import type { FileHandle } from 'node:fs/promises'
import { posix } from 'node:path'
import { Readable } from 'node:stream'
import { extract, type Header } from 'tar-stream'

/** One file inside a tar, by where its bytes lie. */
export interface TarMember {
  readonly name: string
  /** offset of its first byte in the tar */
  readonly at: number
  /** bytes */
  readonly size: number
}

const BLOCK_BYTES = 512
/** An image has a few members a layer; long names take a block or two. */
const MOST_MEMBERS = 50_000
const MOST_HEADER_BYTES = 1024 * 1024
const CONTENT_ADDRESSED = /^blobs\/sha256\/[0-9a-f]{64}$/

/**
 * Indexes a tar by reading its headers only; what lies between them is skipped, so 10 GB of layers cost nothing. Links
 * inside the archive are resolved.
 *
 * @throws Error for a member that leaves the archive's root or stands there twice, for devices, for a file that ends early
 */
export async function tarMembers(file: FileHandle): Promise<Map<string, TarMember>> {
  const { size: total } = await file.stat()
  const members = new Map<string, TarMember>()
  const names = new Set<string>()
  const links: { name: string; target: string }[] = []
  for (let position = 0; position < total; ) {
    const found = await headerAt(file, position)
    if (found === undefined) break
    const { header, dataAt } = found
    const size = header.size ?? 0
    const name = insideRoot(header.name)
    if (!Number.isSafeInteger(size) || size < 0) throw new Error(`"${name}" has no valid size in its header`)
    if (header.type !== 'directory') {
      // Which of two would count is for a reader to choose; content that is found by its digest is verified anyway.
      if (names.has(name) && !CONTENT_ADDRESSED.test(name)) throw new Error(`"${name}" is there twice`)
      names.add(name)
      if (names.size > MOST_MEMBERS) throw new Error(`it has more than ${MOST_MEMBERS} members`)
    }
    if (header.type === 'file' || header.type === 'contiguous-file') {
      if (dataAt + size > total) {
        throw new Error(
          `the file ends early: "${name}" has ${size} bytes by its header, but only ${Math.max(0, total - dataAt)} are there`,
        )
      }
      members.set(name, { name, at: dataAt, size })
    } else if (header.type === 'symlink') {
      links.push({ name, target: linkTarget(name, posix.join(posix.dirname(name), relative(name, header.linkname))) })
    } else if (header.type === 'link') {
      links.push({ name, target: linkTarget(name, relative(name, header.linkname)) })
    } else if (header.type !== 'directory') {
      throw new Error(
        `"${name}" is a ${header.type ?? 'member of unknown type'}; only files, folders and links belong into an image archive`,
      )
    }
    position = dataAt + (header.type === 'directory' ? 0 : Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES)
  }
  // Older Engines save a layer that two images have in common as a link, which may point at a link.
  for (let depth = 0; depth < 8; depth++) {
    for (const { name, target } of links) {
      const member = members.get(target)
      if (member !== undefined) members.set(name, { ...member, name })
    }
  }
  return members
}

/** The next header and the offset of its data; undefined at the archive's end. Long names (pax, GNU) are read along. */
async function headerAt(file: FileHandle, position: number): Promise<{ header: Header; dataAt: number } | undefined> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(BLOCK_BYTES), 0, BLOCK_BYTES, position)
  if (bytesRead === BLOCK_BYTES && buffer.every(byte => byte === 0)) return undefined
  const bytes = Readable.from(blocks(file, position))
  const tar = extract()
  try {
    return await new Promise((resolve, reject) => {
      tar.on('entry', header => {
        const offset = 'byteOffset' in header && typeof header.byteOffset === 'number' ? header.byteOffset : undefined
        if (offset === undefined) reject(new Error('the tar reader tells no offsets'))
        else resolve({ header, dataAt: position + offset })
      })
      tar.on('error', (error: Error) =>
        reject(new Error(`the file is damaged or ends early at byte ${position} (${error.message})`)),
      )
      tar.on('finish', () => resolve(undefined))
      bytes.on('error', reject)
      bytes.pipe(tar)
    })
  } finally {
    bytes.unpipe(tar)
    bytes.destroy()
    tar.destroy()
  }
}

async function* blocks(file: FileHandle, start: number): AsyncGenerator<Buffer> {
  for (let at = start; ; at += BLOCK_BYTES) {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(BLOCK_BYTES), 0, BLOCK_BYTES, at)
    if (bytesRead === 0) return
    if (at - start > MOST_HEADER_BYTES) throw new Error(`the header at byte ${start} is longer than any name`)
    yield buffer.subarray(0, bytesRead)
  }
}

function insideRoot(name: string): string {
  const path = posix.normalize(name).replace(/^\.\//, '').replace(/\/$/, '')
  if (path.startsWith('/') || path === '..' || path.startsWith('../') || name.split('/').includes('..')) {
    throw new Error(`"${name}" lies outside the archive's root`)
  }
  return path
}

function relative(name: string, target: string | null | undefined): string {
  if (target === null || target === undefined || target === '') throw new Error(`the link "${name}" has no target`)
  if (target.startsWith('/')) throw new Error(`the link "${name}" points outside the archive's root, to ${target}`)
  return target
}

function linkTarget(name: string, target: string): string {
  const path = posix.normalize(target)
  if (path === '..' || path.startsWith('../')) {
    throw new Error(`the link "${name}" points outside the archive's root, to ${target}`)
  }
  return path
}
