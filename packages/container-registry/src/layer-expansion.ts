import { Readable, type Transform } from 'node:stream'
import { createGunzip, createZstdDecompress, deflateRawSync } from 'node:zlib'
import { compressionOf } from './content.ts'
import type { SourceBlob } from './image-source.ts'

/** Data of a program shrinks to a half or a tenth; only padding shrinks to a five-hundredth (deflate's best is 1/1032). */
const RATIO = 500
/** bytes; less harms no host that pulls it */
const UNPACKED_BYTES = 1e9
const SAMPLE_BYTES = 16 * 1024
/** Compressed bytes do not shrink again, unless they are the same few codes over and over. */
const SHRINKS_AGAIN = 10

/** @throws Error when what is unpacked so far is more than a gigabyte of next to nothing */
export function refuseExpansion(label: string, bytes: { readonly packed: number; readonly unpacked: number }): void {
  if (bytes.unpacked < UNPACKED_BYTES || bytes.unpacked < bytes.packed * RATIO) return
  throw new Bomb(
    `${label} is a decompression bomb: its first ${bytes.packed} bytes unpack to more than ${bytes.unpacked}`,
  )
}

/**
 * Refuses a layer that unpacks to more than a gigabyte of next to nothing: it would fill the disk of every host that
 * pulls it. Ordinary layers cost a look at three places; nothing is unpacked to memory or disk. Not found is padding
 * that ordinary data of a five-hundredth of its unpacked size precedes, or that lies at none of the three places.
 *
 * @throws Error that names the layer
 */
export async function refuseBomb(blob: SourceBlob, signal: AbortSignal): Promise<void> {
  const sample = await bytesAt(0, blob, signal)
  const compression = compressionOf(sample)
  if (compression === undefined) return
  if (compression === 'gzip' && blob.descriptor.size * 1032 < UNPACKED_BYTES) return
  const unpacking = () => (compression === 'gzip' ? createGunzip(CHUNKS) : createZstdDecompress(CHUNKS))
  const isPadded = (await unpackedBytes(sample, unpacking())) >= sample.length * RATIO
  if (!isPadded && !(await repeatsItself(blob, signal))) return
  const unpack = unpacking()
  let packed = 0
  let unpacked = 0
  const pieces = Readable.from(
    copies(blob.open(0, signal), bytes => {
      packed += bytes
    }),
  )
  pieces.on('error', error => unpack.destroy(error))
  pieces.pipe(unpack)
  try {
    for await (const chunk of unpack) {
      unpacked += chunk.length
      if (unpacked < UNPACKED_BYTES) continue
      // What is on its way through the streams counts as read already: that errs on the side of letting it pass.
      if (unpacked < packed * RATIO) return
      refuseExpansion(blob.label, { packed, unpacked })
    }
  } catch (error) {
    signal.throwIfAborted()
    // Damaged compression is for its digest to find.
    if (error instanceof Bomb) throw error
  } finally {
    pieces.destroy()
    unpack.destroy()
  }
}

class Bomb extends Error {}

const CHUNKS = { chunkSize: 1024 * 1024 }

async function bytesAt(start: number, blob: SourceBlob, signal: AbortSignal): Promise<Buffer> {
  for await (const piece of blob.open(start, signal)) return Buffer.from(piece.subarray(0, SAMPLE_BYTES))
  return Buffer.alloc(0)
}

/** Unpacking cannot begin in the middle; but there, what unpacks to next to nothing shows by its repeating codes. */
async function repeatsItself(blob: SourceBlob, signal: AbortSignal): Promise<boolean> {
  const { size } = blob.descriptor
  for (const start of [Math.floor(size / 2), size - 2 * SAMPLE_BYTES]) {
    if (start < SAMPLE_BYTES) continue
    const sample = await bytesAt(start, blob, signal)
    if (deflateRawSync(sample).length * SHRINKS_AGAIN < sample.length) return true
  }
  return false
}

/** How much the first bytes unpack to; counted only as far as it matters. */
async function unpackedBytes(sample: Buffer, unpack: Transform): Promise<number> {
  let bytes = 0
  unpack.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes >= SAMPLE_BYTES * RATIO) unpack.destroy()
  })
  await new Promise<void>(resolve => {
    // Damaged compression is for its digest to find.
    unpack.on('error', () => resolve())
    unpack.once('close', resolve)
    unpack.write(sample, () => resolve())
  })
  unpack.destroy()
  return bytes
}

async function* copies(pieces: AsyncIterable<Buffer>, seen: (bytes: number) => void): AsyncGenerator<Buffer> {
  for await (const piece of pieces) {
    seen(piece.length)
    yield Buffer.from(piece)
  }
}
