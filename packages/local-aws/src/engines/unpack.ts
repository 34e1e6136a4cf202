import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { chmod, link, mkdir, readdir, realpath, rm, stat, symlink } from 'node:fs/promises'
import { join, posix, relative, sep } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { type Extract, extract, type Header } from 'tar-stream'
import { PullError } from '../engine.ts'
import type { ImageDescription, Layer } from './image-source.ts'

/**
 * Lays an image's layers over each other in `root`. Nothing gets outside: names are taken from the root, and symbolic
 * links become relative ones that stay inside it.
 * Devices and FIFOs are left out; owners are those of this process.
 * @throws PullError when a layer's digest is wrong
 */
export async function unpackImage(image: ImageDescription, root: string): Promise<void> {
  await mkdir(root, { recursive: true })
  const top = await realpath(root)
  for (const layer of image.layers) await unpackLayer(image, layer, top)
}

async function unpackLayer(image: ImageDescription, layer: Layer, root: string): Promise<void> {
  const response = await image.layer(layer.digest)
  if (!response.body) throw new PullError(`failed to copy: empty answer for ${layer.digest}`)
  const hash = createHash('sha256')
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  const entries = extract()
  const unpacked = unpackEntries(entries, root)
  const decompress = decompressor(layer.mediaType)
  try {
    await Promise.all([pipeline([Readable.from(response.body), hashing, ...decompress, entries]), unpacked])
  } catch (error) {
    throw new PullError(
      `failed to extract layer ${layer.digest}: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
  const digest = `sha256:${hash.digest('hex')}`
  if (digest !== layer.digest)
    throw new PullError(
      `failed commit on ref "layer-${layer.digest}": unexpected commit digest ${digest}: failed precondition`,
    )
}

function decompressor(mediaType: string): Transform[] {
  if (/gzip$/.test(mediaType)) return [createGunzip()]
  return /zstd$/.test(mediaType) ? [createZstdDecompress()] : []
}

async function unpackEntries(entries: Extract, root: string): Promise<void> {
  // entries that come before this loop waits for them would be lost: nothing may be awaited first
  for await (const entry of entries) {
    const name = posix.normalize(`/${entry.header.name}`).replace(/\/$/, '')
    if (name !== '') await place(entry.header, bytesOf(entry), root, name)
    entry.resume()
  }
}

async function place(header: Header, content: AsyncIterable<Uint8Array>, root: string, name: string): Promise<void> {
  const directory = await directoryInside(root, posix.dirname(name))
  const base = posix.basename(name)
  const path = join(directory, base)
  // whiteouts: https://github.com/opencontainers/image-spec/blob/main/layer.md
  if (base === '.wh..wh..opq') {
    for (const child of await readdir(directory)) await rm(join(directory, child), { recursive: true, force: true })
    return
  }
  if (base.startsWith('.wh.')) {
    await rm(join(directory, base.slice('.wh.'.length)), { recursive: true, force: true })
    return
  }
  const mode = header.mode & 0o777
  if (header.type === 'directory') {
    // a directory must stay writable for us, whatever its owner in the image
    await chmod(await directoryInside(root, name), mode | 0o700)
    return
  }
  if (!['file', 'contiguous-file', 'symlink', 'link'].includes(header.type)) return
  await rm(path, { recursive: true, force: true })
  if (header.type === 'symlink') await symlink(targetInside(root, directory, header.linkname), path)
  else if (header.type === 'link') await link(await linkSource(root, header.linkname), path)
  else {
    await pipeline(content, createWriteStream(path, { mode, flags: 'wx' }))
    await chmod(path, mode)
  }
}

/**
 * The real directory behind a name inside the root, made where it is missing. Links to directories are followed, as
 * `/bin -> usr/bin` of many distributions wants it: they all stay inside, see `targetInside`. A file gives way.
 */
async function directoryInside(root: string, name: string): Promise<string> {
  let current = root
  for (const part of name.split('/').filter(Boolean)) {
    const next = join(current, part)
    const real = await realpath(next).catch(() => undefined)
    if (real !== undefined && (real === root || real.startsWith(root + sep)) && (await stat(real)).isDirectory()) {
      current = real
      continue
    }
    await rm(next, { recursive: true, force: true })
    await mkdir(next)
    current = next
  }
  return current
}

/**
 * A link's target as a relative path that cannot leave the root: it goes up from the link's real directory at most to
 * the root, then only down.
 */
function targetInside(root: string, directory: string, target: string): string {
  const from = `/${relative(root, directory)}`
  const absolute = posix.resolve(target.startsWith('/') ? '/' : from, target)
  return posix.relative(from, absolute) || '.'
}

async function linkSource(root: string, name: string): Promise<string> {
  const inside = posix.normalize(`/${name}`)
  return join(await directoryInside(root, posix.dirname(inside)), posix.basename(inside))
}

/** tar-stream's streams come from streamx, whose types do not say that they can be iterated. */
function bytesOf(entry: unknown): AsyncIterable<Uint8Array> {
  if (!isByteSource(entry)) throw new Error('a tar entry cannot be read')
  return entry
}

function isByteSource(value: unknown): value is AsyncIterable<Uint8Array> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}
