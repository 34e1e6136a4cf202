import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'

/** Bytes that are being received: a file that grows while its digest is computed. */
export interface IncomingBlob {
  /** bytes received and written so far */
  readonly size: number
  /** adds the stream's bytes at the end; what arrived before an error stays, and counts in `size` */
  append(bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, atMost?: number): Promise<void>
  /** `sha256:…` of what is there; nothing can be appended afterwards */
  digest(): string
  /** moves the file to its place in the store; the digest is its name */
  keep(): Promise<string>
  discard(): Promise<void>
}

/**
 * Content-addressed files, shared by all repositories: which repository may read a blob is told by the repository, not
 * here. Nothing is ever held in memory whole.
 */
export class BlobStore {
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
  }

  #path(digest: string): string {
    return join(this.#directory, 'blobs', digest.replace(':', '-'))
  }

  async prepare(): Promise<void> {
    await mkdir(join(this.#directory, 'blobs'), { recursive: true })
    await mkdir(join(this.#directory, 'incoming'), { recursive: true })
  }

  /** size in bytes, undefined when the blob is not stored */
  async size(digest: string): Promise<number | undefined> {
    try {
      return (await stat(this.#path(digest))).size
    } catch {
      return undefined
    }
  }

  /** the bytes from `start` to `end`, both included */
  read(digest: string, range?: { readonly start: number; readonly end: number }): Readable {
    return createReadStream(this.#path(digest), range)
  }

  async receive(): Promise<IncomingBlob> {
    const path = join(this.#directory, 'incoming', randomUUID())
    const file = await open(path, 'wx')
    const hash = createHash('sha256')
    let size = 0
    let digest: string | undefined
    const target = (): string => {
      digest ??= `sha256:${hash.digest('hex')}`
      return digest
    }
    return {
      get size() {
        return size
      },
      async append(bytes, atMost = Number.POSITIVE_INFINITY) {
        let left = atMost
        for await (const chunk of bytes) {
          const part = chunk.length > left ? chunk.subarray(0, left) : chunk
          await file.writeFile(part)
          hash.update(part)
          size += part.length
          left -= part.length
          if (left <= 0) return
        }
      },
      digest: target,
      keep: async () => {
        await file.close()
        await rename(path, this.#path(target()))
        return target()
      },
      async discard() {
        await file.close()
        await rm(path, { force: true })
      },
    }
  }

  /** stores the stream when its digest is the one expected */
  async put(digest: string, bytes: AsyncIterable<Uint8Array>): Promise<boolean> {
    const incoming = await this.receive()
    try {
      await incoming.append(bytes)
    } catch (error) {
      await incoming.discard()
      throw error
    }
    if (incoming.digest() !== digest) {
      await incoming.discard()
      return false
    }
    await incoming.keep()
    return true
  }
}
