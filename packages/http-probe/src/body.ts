import type { IncomingMessage } from 'node:http'
import { createBrotliDecompress, createInflate, createUnzip, createZstdDecompress } from 'node:zlib'
import { BODY_LIMIT } from './check.ts'
import { codeOf, ProbeFailure, reason } from './reason.ts'

const DECODERS = {
  gzip: createUnzip,
  'x-gzip': createUnzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
} as const

/** What we can decompress; servers choose. */
export const ACCEPT_ENCODING = 'gzip, deflate, br'

/**
 * The answer's body as text, decompressed; at most {@link BODY_LIMIT} bytes, the rest is not read.
 * @throws ProbeFailure when it cannot be decompressed; Node's error when the connection breaks
 */
export async function bodyOf(message: IncomingMessage): Promise<{ body: string; truncated: boolean }> {
  const encoding = (message.headers['content-encoding'] ?? '').trim().toLowerCase()
  const decoder = Object.entries(DECODERS).find(([name]) => name === encoding)?.[1]?.()
  let received = 0
  if (decoder !== undefined) {
    message.once('error', error => decoder.destroy(error))
    message.on('data', (chunk: Buffer) => {
      received += chunk.length
    })
    message.pipe(decoder)
  }
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of decoder ?? message) {
      chunks.push(chunk)
      size += chunk.length
      if (size > BODY_LIMIT) break
    }
  } catch (error) {
    if (!isDecoding(error)) throw error
    // Answers to HEAD and with 204 may name an encoding, and have no body.
    if (received > 0) throw undecoded(encoding, error)
  }
  const bytes = Buffer.concat(chunks).subarray(0, BODY_LIMIT)
  return { body: decoded(bytes, message.headers['content-type']), truncated: size > BODY_LIMIT }
}

function isDecoding(error: unknown): boolean {
  return /^(?:Z_|ERR__ERROR_|ERR_BROTLI|ERR_PADDING|ERR_ZSTD|ZSTD_)/.test(codeOf(error))
}

function undecoded(encoding: string, cause: unknown): ProbeFailure {
  return new ProbeFailure(reason('not-http', `the body cannot be decompressed as ${encoding}`), { cause })
}

function decoded(bytes: Buffer, contentType: string | undefined): string {
  const charset = /charset="?([\w-]+)/i.exec(contentType ?? '')?.[1] ?? 'utf-8'
  try {
    return new TextDecoder(charset).decode(bytes)
  } catch {
    return new TextDecoder().decode(bytes)
  }
}
